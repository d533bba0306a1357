//! A URL taken apart: whom to ask for, where, and whether that may be at all.

use std::net::IpAddr;

use http::{HeaderValue, Uri};
use postrider_core::limits::OUTBOUND_URL_CHARS_MAX;
use rustls_pki_types::ServerName;
use url::{Host, Url};

use super::OutboundConfig;
use super::address::{Reach, reach};

/// Why a URL is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Longer than [`OUTBOUND_URL_CHARS_MAX`].
    #[error("the URL is longer than {OUTBOUND_URL_CHARS_MAX} characters")]
    TooLong,
    /// It is no URL, or has no host.
    #[error("not a URL of the form https://host/path")]
    Malformed,
    /// Neither https nor http.
    #[error("the URL must begin with https://")]
    Scheme,
    /// http, where that is not allowed.
    #[error("the URL must begin with https://: what is sent is nobody else's business")]
    Plaintext,
    /// A user name or password in it.
    #[error("the URL must not contain a user name or password: calls are signed instead")]
    UserInfo,
    /// The host is an address that may not be called.
    #[error("the URL's address is not on the public internet, where calls may go")]
    Blocked,
}

/// Where a call goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) host: Name,
    pub(super) port: u16,
    /// Whom the certificate must name; `None` for http.
    pub(super) tls_name: Option<ServerName<'static>>,
    /// `Host`.
    pub(super) authority: HeaderValue,
    /// Path and query.
    pub(super) path: Uri,
}

/// A host.
#[derive(Clone, Debug)]
pub(super) enum Name {
    Domain(String),
    Address(IpAddr),
}

impl OutboundConfig {
    /// Whether connections to `address` may be made.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        match reach(address) {
            Reach::Public => true,
            Reach::Private => self.allow_private,
            Reach::Never => false,
        }
    }

    /// Whether `url` could be called, as far as can be told without asking anybody. For refusing an endpoint when it is
    /// registered; where its name leads is checked at every call.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub fn check(&self, url: &str) -> Result<(), InvalidTarget> {
        self.target(url).map(|_| ())
    }

    /// The URL is read as browsers do (WHATWG), so `0x7f.1` and `2130706433` are the addresses they would call.
    pub(super) fn target(&self, text: &str) -> Result<Target, InvalidTarget> {
        if text.len() > OUTBOUND_URL_CHARS_MAX {
            return Err(InvalidTarget::TooLong);
        }
        // Browsers drop these from a URL; whoever writes them means to mislead another reader of it.
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(InvalidTarget::Malformed);
        }
        let url = Url::parse(text).map_err(|_| InvalidTarget::Malformed)?;
        let is_private = match url.scheme() {
            "https" => true,
            "http" if self.allow_http || self.allow_private => false,
            "http" => return Err(InvalidTarget::Plaintext),
            _ => return Err(InvalidTarget::Scheme),
        };
        // An empty user name leaves no trace in what was parsed, but it does in the text.
        let has_at =
            text.split("//").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        if !url.username().is_empty() || url.password().is_some() || has_at.contains('@') {
            return Err(InvalidTarget::UserInfo);
        }
        let host = match url.host().ok_or(InvalidTarget::Malformed)? {
            Host::Domain(name) => Name::Domain(name.to_owned()),
            Host::Ipv4(address) => Name::Address(IpAddr::V4(address)),
            Host::Ipv6(address) => Name::Address(IpAddr::V6(address)),
        };
        if let Name::Address(address) = host
            && !self.allows(address)
        {
            return Err(InvalidTarget::Blocked);
        }
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(InvalidTarget::Malformed)?;
        let name = match &host {
            Name::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| InvalidTarget::Malformed)?,
            Name::Address(address) => ServerName::IpAddress((*address).into()),
        };
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        Ok(Target {
            host,
            port,
            tls_name: is_private.then_some(name),
            authority: HeaderValue::from_str(authority).map_err(|_| InvalidTarget::Malformed)?,
            path: path.parse().map_err(|_| InvalidTarget::Malformed)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> Option<InvalidTarget> {
        OutboundConfig::default().check(url).err()
    }

    #[test]
    fn ordinary_urls_are_taken_apart() {
        let config = OutboundConfig::default();
        let target = config.target("https://Hooks.Shop.example/a%20b?x=1&y=ü#part").expect("a target");
        assert!(matches!(target.host, Name::Domain(name) if name == "hooks.shop.example"));
        assert_eq!((target.port, target.authority.as_bytes()), (443, &b"hooks.shop.example"[..]));
        assert_eq!(target.path, "/a%20b?x=1&y=%C3%BC");
        assert!(target.tls_name.is_some());
        let target = config.target("https://bücher.example:8443").expect("a target");
        assert_eq!((target.port, target.authority.as_bytes()), (8443, &b"xn--bcher-kva.example:8443"[..]));
        assert_eq!(target.path, "/");
        assert_eq!(refused("https://8.8.8.8/x"), None);
        assert_eq!(refused("https://[2606:4700::1111]/x"), None);
        assert_eq!(refused("https://shop.example/a@b?mail=a@b"), None);
    }

    #[test]
    fn no_spelling_of_a_private_address_gets_through() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.0.0.1",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "0",
            "0.0.0.0",
            "10.0.0.1",
            "0xa.0.0.1",
            "192.168.0.1",
            "172.16.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "[::1]",
            "[::]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::127.0.0.1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "[fd00::1]",
            "[ff02::1]",
            "[2001:0:53aa:64c::1]",
            "255.255.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
        ] {
            assert_eq!(refused(&format!("https://{host}/")), Some(InvalidTarget::Blocked), "{host}");
            assert_eq!(refused(&format!("https://{host}:8443/x")), Some(InvalidTarget::Blocked), "{host}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for (url, expected) in [
            ("https://a@shop.example/", InvalidTarget::UserInfo),
            ("https://a:b@shop.example/", InvalidTarget::UserInfo),
            ("https://@shop.example/", InvalidTarget::UserInfo),
            ("https://:@shop.example/", InvalidTarget::UserInfo),
            ("https://shop.example@127.0.0.1/", InvalidTarget::UserInfo),
            ("https://shop.example\\@127.0.0.1/", InvalidTarget::Malformed),
            ("https:\\\\shop.example/", InvalidTarget::Malformed),
            ("https://shop.exa\tmple/", InvalidTarget::Malformed),
            ("https://shop.example/\r\nX-Evil: 1", InvalidTarget::Malformed),
            (" https://shop.example/", InvalidTarget::Malformed),
            ("https://[fe80::1%25eth0]/", InvalidTarget::Malformed),
            ("https://shop.example:0/", InvalidTarget::Malformed),
            ("https://shop.example:99999/", InvalidTarget::Malformed),
            ("https://1.2.3.4.5/", InvalidTarget::Malformed),
            ("https:///", InvalidTarget::Malformed),
            ("https://", InvalidTarget::Malformed),
            ("shop.example", InvalidTarget::Malformed),
            ("", InvalidTarget::Malformed),
            ("http://shop.example/", InvalidTarget::Plaintext),
            ("ftp://shop.example/", InvalidTarget::Scheme),
            ("file:///etc/passwd", InvalidTarget::Scheme),
            ("gopher://shop.example/", InvalidTarget::Scheme),
        ] {
            assert_eq!(refused(url), Some(expected), "{url:?}");
        }
        let long = format!("https://shop.example/{}", "a".repeat(OUTBOUND_URL_CHARS_MAX));
        assert_eq!(refused(&long), Some(InvalidTarget::TooLong));
    }

    #[test]
    fn development_reaches_private_networks_and_still_no_metadata_service() {
        let config = OutboundConfig { allow_private: true, ..OutboundConfig::default() };
        for url in ["http://127.0.0.1:3000/", "http://localhost/", "https://10.0.0.1/", "http://[::1]:3000/"]
        {
            assert_eq!(config.check(url), Ok(()), "{url}");
        }
        for url in [
            "http://169.254.169.254/",
            "http://0.0.0.0/",
            "http://[fd00:ec2::254]/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert_eq!(config.check(url), Err(InvalidTarget::Blocked), "{url}");
        }
    }

    #[test]
    fn plain_http_can_be_allowed_to_public_addresses_alone() {
        let config = OutboundConfig { allow_http: true, ..OutboundConfig::default() };
        assert_eq!(config.check("http://crt.example/a.cer"), Ok(()));
        assert_eq!(config.check("http://127.0.0.1/a.cer"), Err(InvalidTarget::Blocked));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_target_or_is_not(text in ".{0,60}") {
            let _ = refused(&text);
            let _ = refused(&format!("https://{text}"));
        }
    }
}

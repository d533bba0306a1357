//! Keeps strange pages out: programs may ask, and pages of this server's own.
//!
//! A browser reaches this server for any page that asks it to. Two checks keep strange pages out. The *host* a request
//! names must be one by which this server is meant to be reached: a name that an attacker owns and lets point here (DNS
//! rebinding) is not. And a request that changes something must not come *from* another origin than the one it asks, its
//! port included, or that of `public_url`: other ports are other people's programs. Requests that name no host
//! (HTTP/1.0) pass: a browser always names one. `/healthz` and `/readyz` tell nothing about anybody and are not
//! behind the gate, so that a load balancer may ask by whatever name it likes.
//!
//! Keys do not make it superfluous: a browser that was once signed in (Basic) adds the key to whatever a strange page sends
//! here, and a page under a borrowed name could ask a person for it. Only who shows a key as `Bearer` need not pass, because no
//! browser does that by itself. With keys a server may listen on any address, so then an address in digits is a name of ours
//! as well: it cannot be borrowed.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

use crate::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The hosts by which this server is meant to be reached, at any port.
#[derive(Clone, Debug)]
pub struct Gate {
    listen: IpAddr,
    public_host: Option<String>,
    public_port: u16,
}

impl Gate {
    /// Lets in who names a loopback host, the address the server listens on, or the host of `public_url`.
    #[must_use]
    pub fn new(listen: IpAddr, public_url: Option<&str>) -> Self {
        let public_port = public_url.and_then(place_of_origin).map_or(0, |(_, port)| port);
        Self { listen, public_host: public_url.and_then(public_host), public_port }
    }

    /// Refuses what a strange page may have sent.
    ///
    /// # Errors
    /// 403, saying which name would be ours.
    pub(crate) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        names: Names,
    ) -> Result<(), Problem> {
        let is_name = |authority: &str| {
            self.is_ours(authority) || (names == Names::OwnAndAddresses && address_of(authority).is_some())
        };
        // A request target with a host of its own (RFC 9112 §3.2.2) counts as much as the header beside it.
        let target = uri.authority().map(http::uri::Authority::as_str);
        if target.is_some_and(|authority| !is_name(authority)) {
            return Err(forbidden_host());
        }
        for host in headers.get_all(header::HOST) {
            if !host.to_str().is_ok_and(is_name) {
                return Err(forbidden_host());
            }
        }
        if method.is_safe() {
            return Ok(());
        }
        let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let is_strange = |origin: &HeaderValue| {
            let Some(origin) = origin.to_str().ok() else { return true };
            let Some((host, port)) = place_of_origin(origin) else { return true };
            let is_asked = asked.is_some_and(|asked| is_place(asked, host, port, origin));
            !(is_asked || (self.is_public(host) && port == self.public_port))
        };
        let cross_site = headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "cross-site");
        if cross_site || headers.get_all(header::ORIGIN).iter().any(is_strange) {
            return Err(forbidden_origin());
        }
        Ok(())
    }

    fn is_ours(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        if host.eq_ignore_ascii_case("localhost") {
            return true;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            let address = address.to_canonical();
            return address.is_loopback() || address == self.listen || self.is_public(host);
        }
        self.is_public(host)
    }

    fn is_public(&self, host: &str) -> bool {
        self.public_host.as_deref().is_some_and(|public| public.eq_ignore_ascii_case(host))
    }
}

/// Which names count as this server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Those it is meant to be reached by.
    Own,
    /// The same, and every address in digits: whoever asks shows a key.
    OwnAndAddresses,
}

/// The address that an authority names in digits.
fn address_of(authority: &str) -> Option<IpAddr> {
    host_of(authority)?.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// The host of a URL by which people reach this server; `None` if it is not such a URL.
#[must_use]
pub fn public_host(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return None;
    }
    host_of(uri.authority()?.as_str()).map(str::to_owned)
}

/// The host of `host`, `host:port`, `[address]` or `[address]:port`, without brackets and without the dot that may
/// end a full name.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, if after.is_empty() { after } else { after.strip_prefix(':')? })
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_host = !host.is_empty() && !host.contains(['@', '/']);
    (is_host && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(host)
}

/// Host and port of an origin or a URL. `null`, which stands for "will not say", and the origins of extensions have none.
fn place_of_origin(origin: &str) -> Option<(&str, u16)> {
    let (rest, default) = match origin.strip_prefix("https://") {
        Some(rest) => (rest, 443),
        None => (origin.strip_prefix("http://")?, 80),
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    Some((host_of(authority)?, port_of(authority, default)?))
}

/// Whether the authority that was asked is `host` and `port`. One without a port means that of the origin's scheme: a proxy
/// that speaks TLS for this server passes on the host as it was asked.
fn is_place(asked: &str, host: &str, port: u16, origin: &str) -> bool {
    let default = if origin.starts_with("https://") { 443 } else { 80 };
    host_of(asked).is_some_and(|asked| asked.eq_ignore_ascii_case(host))
        && port_of(asked, default) == Some(port)
}

fn port_of(authority: &str, default: u16) -> Option<u16> {
    // The colons of an address in brackets are none of a port.
    let after = authority.rsplit(']').next()?;
    match after.rsplit_once(':') {
        None | Some((_, "")) => Some(default),
        Some((_, port)) => port.parse().ok(),
    }
}

fn forbidden_host() -> Problem {
    let detail = "without a key as Bearer this server answers only to localhost, to its addresses and to the host of \
                  server.public_url, whichever name leads to it; nothing was done. Ask by one of these names, set \
                  server.public_url to the URL by which it is meant to be reached, or send `Authorization: Bearer pr_…`";
    Problem::new(StatusCode::FORBIDDEN, "forbidden_host", detail)
}

fn forbidden_origin() -> Problem {
    let detail = "without a key as Bearer this server takes no changes from pages of other sites, which any site a person \
                  visits could send; nothing was done. Send the request from a program, or set server.public_url to \
                  the URL by which your own pages are reached";
    Problem::new(StatusCode::FORBIDDEN, "forbidden_origin", detail)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn verdict(public_url: Option<&str>, method: &Method, headers: &[(HeaderName, &str)]) -> u16 {
        let gate = Gate::new(IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3)), public_url);
        let given: HeaderMap =
            headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        gate.check(method, &Uri::from_static("/v1/events"), &given, Names::Own)
            .map_or_else(|problem| problem.status().as_u16(), |()| 200)
    }

    #[test]
    fn only_hosts_by_which_the_server_is_meant_to_be_reached_are_answered() {
        let by_host =
            |host| verdict(Some("https://Mail.Shop.example/x"), &Method::GET, &[(header::HOST, host)]);
        for ours in [
            "localhost",
            "LOCALHOST:8025",
            "localhost.:80",
            "127.0.0.1:8025",
            "127.9.9.9",
            "[::1]",
            "[::1]:8025",
            "[::ffff:127.0.0.1]:1",
            "10.1.2.3:8025",
            "mail.shop.example",
            "mail.shop.example:443",
        ] {
            assert_eq!(by_host(ours), 200, "{ours}");
        }
        for strange in [
            "",
            "evil.example",
            "evil.example:8025",
            "localhost.evil.example",
            "localhost@evil.example",
            "127.0.0.1:80@evil.example",
            "127.0.0.1.evil.example",
            "10.1.2.4",
            "[::2]",
            "[::1",
            "[::1]x",
            "shop.example",
            "0.0.0.0:8025",
            "localhost/",
        ] {
            assert_eq!(by_host(strange), 403, "{strange}");
        }
        assert_eq!(verdict(None, &Method::GET, &[(header::HOST, "mail.shop.example")]), 403);
        assert_eq!(verdict(None, &Method::POST, &[]), 200, "whoever names no host is no browser");
    }

    #[test]
    fn a_host_in_the_request_target_counts_too() {
        let gate = Gate::new(IpAddr::V4(Ipv4Addr::LOCALHOST), None);
        let check =
            |uri| gate.check(&Method::GET, &Uri::from_static(uri), &HeaderMap::new(), Names::Own).is_ok();
        assert!(check("http://127.0.0.1:8025/v1/types"));
        assert!(!check("http://evil.example/v1/types"));
    }

    #[test]
    fn changes_from_pages_of_other_sites_are_refused() {
        let by = |method: &Method, host, origin| {
            let headers = [(header::HOST, host), (header::ORIGIN, origin)];
            verdict(Some("https://mail.shop.example"), method, &headers)
        };
        for (host, ours) in [
            ("localhost:8025", "http://localhost:8025"),
            ("127.0.0.1", "http://127.0.0.1"),
            ("[::1]:8025", "http://[::1]:8025"),
            ("localhost:80", "http://localhost"),
            ("localhost:8025", "https://mail.shop.example"),
            ("mail.shop.example", "https://mail.shop.example:443"),
        ] {
            assert_eq!(by(&Method::POST, host, ours), 200, "{ours} asks {host}");
        }
        for strange in [
            "null",
            "https://evil.example",
            "http://localhost.evil.example",
            "http://localhost:3000",
            "http://localhost",
            "http://127.0.0.1:8025",
            "http://mail.shop.example",
            "https://mail.shop.example:8443",
            "https://localhost:99999",
            "chrome-extension://x",
            "",
        ] {
            assert_eq!(by(&Method::POST, "localhost:8025", strange), 403, "{strange}");
            assert_eq!(by(&Method::DELETE, "localhost:8025", strange), 403, "{strange}");
            assert_eq!(by(&Method::GET, "localhost:8025", strange), 200, "{strange}");
        }
        let cross_site = [(header::HOST, "localhost"), (SEC_FETCH_SITE, "cross-site")];
        assert_eq!(verdict(None, &Method::POST, &cross_site), 403);
        assert_eq!(
            verdict(None, &Method::GET, &cross_site),
            200,
            "a link to the dashboard may stand anywhere"
        );
        let own = [(header::HOST, "localhost"), (SEC_FETCH_SITE, "same-origin")];
        assert_eq!(verdict(None, &Method::POST, &own), 200);
    }

    #[test]
    fn with_keys_an_address_in_digits_is_ours_and_a_borrowed_name_is_not() {
        let gate = Gate::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), Some("https://mail.shop.example"));
        let check = |method: &Method, host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            origin.map(|origin| headers.insert(header::ORIGIN, origin.parse().unwrap()));
            gate.check(method, &Uri::from_static("/"), &headers, Names::OwnAndAddresses).is_ok()
        };
        for ours in ["192.0.2.7:8025", "[2001:db8::1]:8025", "localhost", "mail.shop.example"] {
            assert!(check(&Method::GET, ours, None), "{ours}");
        }
        for strange in
            ["evil.example", "192.0.2.7.evil.example", "3221225991", "0300.0.2.7", "192.0.2.7@evil.example"]
        {
            assert!(!check(&Method::GET, strange, None), "{strange}");
        }
        assert!(check(&Method::POST, "192.0.2.7:8025", Some("http://192.0.2.7:8025")));
        assert!(
            !check(&Method::POST, "192.0.2.7:8025", Some("http://192.0.2.8:8025")),
            "another machine's page"
        );
        assert!(
            !check(&Method::POST, "192.0.2.7:8025", Some("http://192.0.2.7:9000")),
            "another program's page on the same machine"
        );
        assert!(
            !check(&Method::POST, "mail.shop.example", Some("http://192.0.2.7")),
            "it was not asked by its address"
        );
    }

    #[test]
    fn a_public_url_has_a_scheme_and_a_host() {
        assert_eq!(public_host("https://mail.shop.example:8443/base").as_deref(), Some("mail.shop.example"));
        assert_eq!(public_host("http://[2001:db8::1]").as_deref(), Some("2001:db8::1"));
        for wrong in
            ["", "mail.shop.example", "/x", "ftp://mail.shop.example", "https://", "https://user@host"]
        {
            assert_eq!(public_host(wrong), None, "{wrong}");
        }
    }
}

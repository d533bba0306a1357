//! What a request shows in `Authorization`: a key as `Bearer` (RFC 6750), or as user name or password of `Basic`
//! (RFC 7617), which is how browsers sign in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};

/// What a request shows.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A text that whoever asks has put there on purpose: no browser adds it by itself.
    Bearer(String),
    /// A text that a browser may have added by itself. Also what is neither, which no key is.
    Basic(String),
}

impl Credentials {
    /// What is shown, however.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Bearer(text) | Self::Basic(text) => Some(text),
        }
    }

    /// Reads them. What cannot be read is a text that is no key.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (first, more) = (values.next(), values.next());
        let Some(value) = first else { return Self::None };
        let unreadable = || Self::Basic(String::new());
        if more.is_some() {
            return unreadable();
        }
        let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return unreadable();
        };
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            Self::Bearer(rest.to_owned())
        } else if scheme.eq_ignore_ascii_case("basic") {
            Self::Basic(key_of_pair(rest).unwrap_or_default())
        } else {
            unreadable()
        }
    }
}

/// The password, or the user name where there is none or it is not the key.
fn key_of_pair(encoded: &str) -> Option<String> {
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some(if password.starts_with("pr_") { password } else { user }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Credentials {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        Credentials::of(&headers)
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn a_key_may_come_as_bearer_or_as_either_half_of_basic() {
        assert!(read(&[]) == Credentials::None);
        for bearer in ["Bearer pr_1", "bearer pr_1", "BEARER  pr_1 "] {
            assert!(read(&[bearer]) == Credentials::Bearer("pr_1".to_owned()), "{bearer}");
        }
        for pair in ["pr_1:", "anybody:pr_1", ":pr_1", "pr_1:x"] {
            assert!(read(&[&basic(pair)]) == Credentials::Basic("pr_1".to_owned()), "{pair}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_key() {
        for wrong in ["", "pr_1", "Basic", "Basic %", "Basic cHJfMQ==", "Digest x", "Basic /w=="] {
            assert!(read(&[wrong]) == Credentials::Basic(String::new()), "{wrong}");
        }
        assert!(read(&["Bearer pr_1", "Bearer pr_1"]) == Credentials::Basic(String::new()), "twice");
    }
}

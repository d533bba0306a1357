//! What a server offers in its answer to EHLO (RFC 5321 §4.1.1.1).

use super::reply::Reply;

/// The extensions this client makes use of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// SIZE (RFC 1870): `Some(None)` when offered without a limit.
    pub size: Option<Option<u64>>,
    /// AUTH PLAIN (RFC 4616).
    pub auth_plain: bool,
    /// AUTH LOGIN, never standardized and still all that some servers offer.
    pub auth_login: bool,
}

impl Capabilities {
    /// Reads the lines after the greeting line. Unknown keywords are skipped.
    #[must_use]
    pub fn from_ehlo(reply: &Reply) -> Self {
        let mut capabilities = Self::default();
        for line in reply.lines().skip(1) {
            let line = String::from_utf8_lossy(line).to_ascii_uppercase();
            // `AUTH=PLAIN` is what servers wrote before RFC 2554; some still do, beside the proper line.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => capabilities.starttls = true,
                Some("PIPELINING") => capabilities.pipelining = true,
                Some("8BITMIME") => capabilities.eight_bit_mime = true,
                Some("SMTPUTF8") => capabilities.smtputf8 = true,
                Some("SIZE") => {
                    let limit = words.next().and_then(|octets| octets.parse().ok());
                    capabilities.size = Some(limit.filter(|octets| *octets > 0));
                }
                Some("AUTH") => {
                    for mechanism in words {
                        capabilities.auth_plain |= mechanism == "PLAIN";
                        capabilities.auth_login |= mechanism == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        capabilities
    }

    /// The most octets the server takes in one message, if it said.
    #[must_use]
    pub fn size_limit(&self) -> Option<u64> {
        self.size.flatten()
    }
}

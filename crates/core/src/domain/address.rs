//! One mailbox, checked once.

use std::fmt;
use std::str::FromStr;

use email_address::{EmailAddress as Syntax, Options};

/// RFC 5321 §4.5.3.1.1: octets of a local part.
const LOCAL_PART_OCTETS_MAX: usize = 64;
/// RFC 5321 §4.5.3.1.3 less the angle brackets: octets of an address in a path.
const ADDRESS_OCTETS_MAX: usize = 254;

/// A single mailbox that can be written into an SMTP envelope as it stands.
///
/// The domain is in its ASCII form (IDNA, UTS 46) and lower case; the local part is kept as given, because only
/// the receiving domain may interpret it. Compare two addresses with [`EmailAddress::normalized`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    text: String,
    at: usize,
}

/// Why a text is not one deliverable mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Nothing was given.
    #[error("must be an e-mail address, but is empty")]
    Empty,
    /// Not `local@domain`, or more than one mailbox.
    #[error("must be exactly one e-mail address, such as ada@example.com")]
    Syntax,
    /// Longer than SMTP can carry.
    #[error("is longer than an e-mail address may be (64 octets before the @, 254 in all)")]
    TooLong,
    /// The part after the @ is not a domain name.
    #[error("does not end in a valid domain name")]
    Domain,
}

impl EmailAddress {
    /// Parses one bare mailbox: no display name, no list, no route, no comment.
    ///
    /// # Errors
    /// What is wrong with the text, in words for the person who sent it.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        if text.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        if text.len() > ADDRESS_OCTETS_MAX * 2 {
            return Err(InvalidAddress::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidAddress::Syntax);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::Syntax)?;
        // A quoted local part is legal and in practice always a mistake or an attack.
        if local.is_empty() || local.contains(['"', '@', ',', ';', ':', '<', '>', '(', ')', '[', ']', '\\']) {
            return Err(InvalidAddress::Syntax);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidAddress::Domain)?;
        let is_host_name = domain.split('.').all(|label| !label.is_empty());
        // A name without a dot is a typing error everywhere but on the machine itself.
        if !is_host_name || !(domain.contains('.') || domain == "localhost") {
            return Err(InvalidAddress::Domain);
        }
        let all_numeric =
            domain.rsplit('.').next().is_some_and(|tld| tld.bytes().all(|b| b.is_ascii_digit()));
        if all_numeric {
            return Err(InvalidAddress::Domain);
        }
        if local.len() > LOCAL_PART_OCTETS_MAX || local.len() + 1 + domain.len() > ADDRESS_OCTETS_MAX {
            return Err(InvalidAddress::TooLong);
        }
        let text = format!("{local}@{domain}");
        let options = Options::default().without_display_text().without_domain_literal();
        Syntax::parse_with_options(&text, options).map_err(|_| InvalidAddress::Syntax)?;
        Ok(Self { at: local.len(), text })
    }

    /// What stands where an address was erased. No text parses as this, nothing can be sent to it, and it equals no address.
    #[must_use]
    pub fn erased() -> Self {
        Self { text: "@".to_owned(), at: 0 }
    }

    /// Whether this is [`EmailAddress::erased`].
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.text == "@"
    }

    /// The whole address, `local@domain`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// What stands after the `@`, in ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// Whether the address needs a server that speaks SMTPUTF8 (RFC 6531).
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.local_part().is_ascii()
    }

    /// The form under which two spellings of one mailbox are equal: lower case throughout.
    #[must_use]
    pub fn normalized(&self) -> String {
        self.text.to_lowercase()
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Debug for EmailAddress {
    /// Hides the person: debug output reaches logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}…@…>", self.text.chars().next().unwrap_or('?'))
    }
}

//! Who gets messages while a shop is being tried out.

use std::fmt;

use postrider_core::domain::address::{EmailAddress, InvalidAddress};
use serde::{Deserialize, Serialize};

/// The cause of a message that a sandbox lets nobody have.
pub(super) const CAUSE_NOT_ALLOWED: &str = "sandbox_not_allowed";

/// Sends messages to one address, or to chosen ones only. A notification keeps its own recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Who gets what is meant for others; without it nobody does.
    pub redirect_to: Option<EmailAddress>,
    /// Who gets what is meant for them.
    pub allow: Vec<Allowed>,
}

/// Who gets what is meant for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// An address, normalized.
    Address(String),
    /// Every address of a domain, in ASCII and lower case. Domains below it are others.
    Domain(String),
}

/// Where a sandbox sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way<'a> {
    /// To whom it is meant for.
    Own,
    /// To this address, marked.
    Redirected(&'a EmailAddress),
    /// To nobody.
    Nowhere,
}

impl Allowed {
    /// Reads `ada@example.com`, `example.com` or `@example.com`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        match text.strip_prefix('@').or_else(|| (!text.contains('@')).then_some(text)) {
            Some(domain) => {
                let address = EmailAddress::parse(&format!("anybody@{domain}"))?;
                Ok(Self::Domain(address.domain().to_lowercase()))
            }
            None => Ok(Self::Address(EmailAddress::parse(text)?.normalized())),
        }
    }

    fn covers(&self, address: &EmailAddress) -> bool {
        match self {
            Self::Address(own) => *own == address.normalized(),
            Self::Domain(domain) => *domain == address.domain().to_lowercase(),
        }
    }
}

impl Sandbox {
    pub(super) fn way(&self, to: &EmailAddress) -> Way<'_> {
        match &self.redirect_to {
            _ if self.allow.iter().any(|allowed| allowed.covers(to)) => Way::Own,
            Some(address) => Way::Redirected(address),
            None => Way::Nowhere,
        }
    }

    /// Whether reports about `address` are about messages that were meant for somebody else. Reports that do not say
    /// whom they are about may be.
    #[must_use]
    pub fn stands_in(&self, address: Option<&EmailAddress>) -> bool {
        let Some(redirect_to) = &self.redirect_to else { return false };
        address.is_none_or(|address| address.normalized() == redirect_to.normalized())
    }

    /// What the mode does, in words for people and logs: no whole address.
    #[must_use]
    pub fn describe(&self) -> String {
        let others = match &self.redirect_to {
            Some(address) => format!("every message goes to {}", masked(address)),
            None => "messages go to nobody".to_owned(),
        };
        match self.allow.len() {
            0 => others,
            1 => format!("{others}, except to 1 allowed address or domain"),
            count => format!("{others}, except to {count} allowed addresses and domains"),
        }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sandbox({})", self.describe())
    }
}

/// Who gets what is meant for `to`; `None` if nobody does.
pub(super) fn recipient<'a>(sandbox: Option<&'a Sandbox>, to: &'a EmailAddress) -> Option<&'a EmailAddress> {
    match sandbox.map_or(Way::Own, |sandbox| sandbox.way(to)) {
        Way::Own => Some(to),
        Way::Redirected(address) => Some(address),
        Way::Nowhere => None,
    }
}

/// The first character and the domain: `a***@example.com`.
fn masked(address: &EmailAddress) -> String {
    let first = address.local_part().chars().next().unwrap_or('*');
    format!("{first}***@{}", address.domain())
}

/// The subject of a message that goes to somebody else than `meant_for`.
pub(super) fn marked(subject: &str, meant_for: &EmailAddress) -> String {
    format!("[sandbox → {}] {subject}", masked(meant_for))
}

/// A sandbox as it is stored with a rendition, so that a message can be made again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredSandbox {
    redirect_to: Option<String>,
    allow: Vec<String>,
}

impl From<&Sandbox> for StoredSandbox {
    fn from(sandbox: &Sandbox) -> Self {
        let allow = sandbox.allow.iter().map(|allowed| match allowed {
            Allowed::Address(address) => address.clone(),
            Allowed::Domain(domain) => format!("@{domain}"),
        });
        Self {
            redirect_to: sandbox.redirect_to.as_ref().map(|address| address.as_str().to_owned()),
            allow: allow.collect(),
        }
    }
}

impl StoredSandbox {
    pub(super) fn restore(&self) -> Option<Sandbox> {
        let redirect_to = self.redirect_to.as_deref().map(EmailAddress::parse).transpose().ok()?;
        let allow = self.allow.iter().map(|text| Allowed::parse(text)).collect::<Result<_, _>>().ok()?;
        Some(Sandbox { redirect_to, allow })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    #[test]
    fn allowed_addresses_and_domains_get_their_own_and_no_others_do() {
        let allow = ["Ada@Example.com", "bücher.example", "@shop.example"];
        let allow = allow.iter().map(|text| Allowed::parse(text).unwrap()).collect();
        let sandbox = Sandbox { redirect_to: None, allow };
        for own in ["ada@example.com", "x@xn--bcher-kva.example", "y@SHOP.example"] {
            assert_eq!(sandbox.way(&address(own)), Way::Own, "{own}");
        }
        for other in ["bob@example.com", "x@mail.shop.example", "x@notshop.example"] {
            assert_eq!(sandbox.way(&address(other)), Way::Nowhere, "{other}");
        }
        let redirect_to = Some(address("test@shop.test"));
        let sandbox = Sandbox { redirect_to, ..sandbox };
        assert_eq!(sandbox.way(&address("bob@example.com")), Way::Redirected(&address("test@shop.test")));
        assert_eq!(sandbox.way(&address("ada@example.com")), Way::Own);
    }

    #[test]
    fn what_is_neither_an_address_nor_a_domain_is_refused() {
        for wrong in ["", "@", "a@b@c", "no domain", "a@", "example"] {
            assert!(Allowed::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_about_it_show_no_whole_address() {
        let allow = vec![Allowed::parse("ada@example.com").unwrap()];
        let sandbox = Sandbox { redirect_to: Some(address("tester@shop.test")), allow };
        let words = "every message goes to t***@shop.test, except to 1 allowed address or domain";
        assert_eq!(sandbox.describe(), words);
        assert_eq!(format!("{sandbox:?}"), format!("Sandbox({words})"));
        assert_eq!(marked("Hello", &address("ada@example.com")), "[sandbox → a***@example.com] Hello");
    }

    #[test]
    fn only_the_stand_in_and_unnamed_reports_are_about_somebody_else() {
        let redirect_to = Some(address("Test@shop.test"));
        let sandbox = Sandbox { redirect_to, allow: Vec::new() };
        assert!(sandbox.stands_in(None) && sandbox.stands_in(Some(&address("test@SHOP.test"))));
        assert!(!sandbox.stands_in(Some(&address("ada@example.com"))));
        let closed = Sandbox { redirect_to: None, allow: Vec::new() };
        assert!(!closed.stands_in(None));
    }

    #[test]
    fn it_is_restored_from_its_stored_form() {
        let allow = vec![Allowed::parse("ada@example.com").unwrap(), Allowed::parse("shop.example").unwrap()];
        let sandbox = Sandbox { redirect_to: Some(address("test@shop.test")), allow };
        assert_eq!(StoredSandbox::from(&sandbox).restore(), Some(sandbox));
    }
}

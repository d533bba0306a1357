//! Who the messages are from.

use postrider_core::domain::address::{EmailAddress, InvalidAddress};

use crate::dkim::DkimKey;
use crate::mime::message::Mailbox;

use super::sandbox::Sandbox;

/// The sender of every message a [`TypeSet`](super::TypeSet) makes.
#[derive(Clone, Debug)]
pub struct Sender {
    /// `From`.
    pub from: Mailbox,
    /// `Reply-To`, where answers should go elsewhere.
    pub reply_to: Option<Mailbox>,
    /// The domain of the return path, `bounces@<domain>`; without one bounces go to `from`.
    pub bounce_domain: Option<String>,
    /// Domains besides that of `from` which messages without a type may name in theirs, in lower case.
    pub allowed_domains: Vec<String>,
    /// Signs every message.
    pub dkim: Option<DkimKey>,
    /// Keeps messages from whom they are meant for, while a shop is being tried out.
    pub sandbox: Option<Sandbox>,
    /// The URL by which recipients reach this server, without a slash at its end: where links to unsubscribe lead.
    pub public_url: Option<String>,
}

impl Sender {
    /// A sender with an address and nothing else.
    #[must_use]
    pub fn new(name: Option<String>, address: EmailAddress) -> Self {
        Self {
            from: Mailbox { name, address },
            reply_to: None,
            bounce_domain: None,
            allowed_domains: Vec::new(),
            dkim: None,
            sandbox: None,
            public_url: None,
        }
    }

    /// Whether a message may be from an address of `domain`.
    #[must_use]
    pub fn may_use(&self, domain: &str) -> bool {
        let own = [self.from.address.domain()];
        let allowed = self.allowed_domains.iter().map(String::as_str);
        own.into_iter().chain(allowed).any(|known| known.eq_ignore_ascii_case(domain))
    }

    /// Where bounces go.
    ///
    /// # Errors
    /// [`InvalidAddress`] when `bounce_domain` is not a domain name.
    pub fn return_path(&self) -> Result<EmailAddress, InvalidAddress> {
        match &self.bounce_domain {
            Some(domain) => EmailAddress::parse(&format!("bounces@{domain}")),
            None => Ok(self.from.address.clone()),
        }
    }
}

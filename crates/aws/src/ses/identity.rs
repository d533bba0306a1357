//! Whether SES may send for our sender at all. A message that is refused does not say: SES answers `MessageRejected` for
//! its content and for a sender that is not verified alike.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityError;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{SES_IDENTITIES_MAX, SES_IDENTITY_FRESH_MS};
use postrider_core::ports::clock::Clock;

use crate::sdk::words_of;

/// What SES knows of a sender's address.
pub(super) struct Identity {
    client: Client,
    clock: Arc<dyn Clock>,
    address: EmailAddress,
    known: Mutex<Option<(Timestamp, Verified)>>,
}

/// Whether SES lets an address send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verified {
    /// It does.
    Yes,
    /// Neither the address nor any domain above it is verified.
    No,
    /// Nobody could say.
    Unknown,
}

impl Identity {
    pub(super) fn new(client: Client, clock: Arc<dyn Clock>, address: EmailAddress) -> Self {
        Self { client, clock, address, known: Mutex::new(None) }
    }

    /// Whether the sender is verified, as SES said a moment ago or says now.
    pub(super) async fn verified(&self) -> Verified {
        let now = self.clock.now();
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, verified)) = known.filter(|(at, _)| now.ms_since(*at) < SES_IDENTITY_FRESH_MS) {
            return verified;
        }
        let verified = self.look().await;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, verified));
        verified
    }

    async fn look(&self) -> Verified {
        for identity in identities_of(&self.address) {
            match self.client.get_email_identity().email_identity(identity).send().await {
                Ok(answer) if answer.verified_for_sending_status() => return Verified::Yes,
                Ok(_) => {}
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(GetEmailIdentityError::is_not_found_exception) => {}
                Err(error) => {
                    let words = words_of(&error);
                    tracing::warn!(
                        words,
                        "SES does not say whether the sender is verified; allow ses:GetEmailIdentity"
                    );
                    return Verified::Unknown;
                }
            }
        }
        Verified::No
    }
}

/// The identities that let `address` send: itself, its domain, and the domains above it up to the last with a dot.
fn identities_of(address: &EmailAddress) -> impl Iterator<Item = &str> {
    let domains = std::iter::successors(Some(address.domain()), |domain| {
        domain.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'))
    });
    std::iter::once(address.as_str()).chain(domains).take(SES_IDENTITIES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_sends_by_itself_or_by_any_domain_above_it() {
        let address = EmailAddress::parse("orders@mail.shop.example").unwrap();
        let identities: Vec<_> = identities_of(&address).collect();
        assert_eq!(identities, ["orders@mail.shop.example", "mail.shop.example", "shop.example"]);
    }
}

//! Return paths that name their notification and cannot be made up (variable envelope return paths).

use postrider_core::domain::address::{EmailAddress, InvalidAddress};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::suppression::Secret;

use crate::signed_id;

/// What [`Secret::sign`] is told, so that the signature is good for nothing else.
const PURPOSE: &str = "return-path";
const LOCAL_PREFIX: &str = "b+";
/// Octets of an address; nothing longer is looked at.
const ADDRESS_OCTETS_MAX: usize = 254;

/// Signs return paths, and tells its own from others.
///
/// A return path is `b+<id>-<signature>@<domain>`, in lower case. Mail servers may change the case of an address, so
/// [`Verp::verify`] does not look at it.
#[derive(Clone, Debug)]
pub struct Verp {
    signing: Secret,
    accepted: Vec<Secret>,
    domain: String,
}

/// Why no return paths can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReturnPath {
    /// Nothing to sign with.
    #[error("there is no secret to sign return paths with")]
    NoSecret,
    /// The bounce domain is none.
    #[error("a return path of the bounce domain {0}")]
    Domain(#[from] InvalidAddress),
}

impl Verp {
    /// Return paths of `domain`, signed with the first of `secrets`. Those signed with another of them are accepted,
    /// so that a secret can be replaced while bounces are still on their way.
    ///
    /// # Errors
    /// There is no secret, or `domain` is not one.
    pub fn new(secrets: Vec<Secret>, domain: &str) -> Result<Self, InvalidReturnPath> {
        let signing = secrets.first().cloned().ok_or(InvalidReturnPath::NoSecret)?;
        // All return paths are of one length, so if one fits a domain the others do.
        let sample = local_part(&signing, NotificationId::from_bytes([0; 16]));
        let address = EmailAddress::parse(&format!("{sample}@{domain}"))?;
        Ok(Self { signing, accepted: secrets, domain: address.domain().to_owned() })
    }

    /// The domain of the return paths, in ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The return path of a notification.
    #[must_use]
    pub fn address(&self, id: NotificationId) -> EmailAddress {
        let Ok(address) = EmailAddress::parse(&format!("{}@{}", local_part(&self.signing, id), self.domain))
        else {
            unreachable!("one of the same length with the same domain was parsed when this was made");
        };
        address
    }

    /// The notification whose return path `address` is; `None` if it was not signed here.
    ///
    /// A tag that a relay has put before it to know its own bounces (BATV: `prvs=…=`, `btv1==…==`) is passed over: the
    /// signature behind it is checked all the same.
    #[must_use]
    pub fn verify(&self, address: &str) -> Option<NotificationId> {
        let address = address.trim();
        let address = address.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(address);
        if address.len() > ADDRESS_OCTETS_MAX {
            return None;
        }
        let address = address.to_ascii_lowercase();
        let (local, domain) = address.rsplit_once('@')?;
        if domain.strip_suffix('.').unwrap_or(domain) != self.domain {
            return None;
        }
        let is_tagged = local.starts_with("prvs=") || local.starts_with("btv1==");
        let local = if is_tagged { local.rsplit_once('=')?.1 } else { local };
        signed_id::verify(&self.accepted, PURPOSE, local.strip_prefix(LOCAL_PREFIX)?)
    }
}

fn local_part(secret: &Secret, id: NotificationId) -> String {
    format!("{LOCAL_PREFIX}{}", signed_id::sign(secret, PURPOSE, id))
}

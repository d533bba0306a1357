//! Return paths that name their notification and cannot be made up (variable envelope return paths).

use postrider_core::domain::address::{EmailAddress, InvalidAddress};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::suppression::Secret;

/// What [`Secret::sign`] is told, so that the signature is good for nothing else.
const PURPOSE: &str = "return-path";
/// Bytes of the signature: 80 bits. Guessing needs a mail for every try.
const SIGNATURE_BYTES: usize = 10;
const SIGNATURE_CHARS: usize = SIGNATURE_BYTES * 8 / 5;
/// Of every notification's id; the return path leaves it away.
const ID_PREFIX: &str = "ntf_";
const LOCAL_PREFIX: &str = "b+";
/// Octets of an address; nothing longer is looked at.
const ADDRESS_OCTETS_MAX: usize = 254;
/// Crockford's base 32, as in the ids.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

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
        let (digits, signature) = local.strip_prefix(LOCAL_PREFIX)?.split_once('-')?;
        let id: NotificationId = format!("{ID_PREFIX}{digits}").parse().ok()?;
        let signature = signature_of(signature)?;
        let signed = [&id.to_bytes()[..]];
        self.accepted.iter().any(|secret| secret.verify(PURPOSE, &signed, &signature)).then_some(id)
    }
}

fn local_part(secret: &Secret, id: NotificationId) -> String {
    let id_text = id.to_string();
    let digits = id_text.strip_prefix(ID_PREFIX).unwrap_or(&id_text);
    let signature = secret.sign(PURPOSE, &[&id.to_bytes()]);
    let mut local = format!("{LOCAL_PREFIX}{digits}-");
    push_base32(&mut local, &signature[..SIGNATURE_BYTES]);
    local
}

/// Five bytes make eight digits; `bytes` is a multiple of five long.
fn push_base32(text: &mut String, bytes: &[u8]) {
    for group in bytes.chunks_exact(5) {
        let bits = group.iter().fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
        text.extend((0..8).rev().map(|digit| char::from(ALPHABET[((bits >> (digit * 5)) & 31) as usize])));
    }
}

fn signature_of(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    if text.len() != SIGNATURE_CHARS {
        return None;
    }
    let mut bytes = [0; SIGNATURE_BYTES];
    for (group, digits) in bytes.chunks_exact_mut(5).zip(text.as_bytes().chunks_exact(8)) {
        let mut bits = 0u64;
        for digit in digits {
            bits = (bits << 5) | ALPHABET.iter().position(|known| known == digit)? as u64;
        }
        group.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}

//! What a webhook is signed with.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// How the text of every secret begins, so that scanners for leaked secrets find it.
const PREFIX: &str = "whsec_";
/// How many bytes Standard Webhooks lets a secret have.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret shared with a receiver: `whsec_` and 24 to 64 bytes in base 64.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// The text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `whsec_` and 24 to 64 bytes in base 64, as Standard Webhooks writes secrets")]
pub struct InvalidSecret;

impl WebhookSecret {
    /// A new secret of 32 random bytes.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(random.to_vec())
    }

    /// A secret made of these bytes.
    ///
    /// # Errors
    /// If there are less than 24 or more than 64.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidSecret> {
        if BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidSecret) }
    }

    /// The text to give to the receiver, and to nobody else. There is no `Display`, so that none is shown by accident.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(&self.0))
    }

    /// HMAC-SHA-256 over `parts`, one after the other.
    pub(crate) fn hmac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let Ok(mut hmac) = <Hmac<Sha256> as hmac::Mac>::new_from_slice(&self.0) else {
            unreachable!("HMAC takes keys of any length (RFC 2104 §2)");
        };
        for part in parts {
            hmac.update(part);
        }
        hmac.finalize().into_bytes().into()
    }
}

impl FromStr for WebhookSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        // Base 64 of 64 bytes has 88 characters.
        if encoded.len() > 88 {
            return Err(InvalidSecret);
        }
        Self::from_bytes(BASE64.decode(encoded).map_err(|_| InvalidSecret)?)
    }
}

impl fmt::Debug for WebhookSecret {
    /// Hides it: debug output reaches logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_as_it_was_read() {
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let secret: WebhookSecret = text.parse().expect("a secret");
        assert_eq!(secret.reveal(), text);
        let new = WebhookSecret::generate([7; 32]);
        assert_eq!(new.reveal().parse(), Ok(new.clone()));
        assert_eq!(format!("{new:?}"), "WebhookSecret(…)");
    }

    #[test]
    fn only_what_the_standard_calls_a_secret_is_one() {
        let encoded = |bytes: usize| format!("whsec_{}", BASE64.encode(vec![1; bytes]));
        for bytes in [24, 32, 64] {
            assert!(encoded(bytes).parse::<WebhookSecret>().is_ok(), "{bytes}");
        }
        let bad = [
            "",
            "whsec_",
            "whsec_!!!!",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ];
        for text in bad.map(str::to_owned).into_iter().chain([23, 65, 1000].map(encoded)) {
            assert_eq!(text.parse::<WebhookSecret>(), Err(InvalidSecret), "{text}");
        }
    }
}

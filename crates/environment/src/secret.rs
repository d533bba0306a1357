//! The installation's secret, where it is kept elsewhere than in a file: functions have no disk.

use postrider_aws::secret::{SecretError, SecretText, Secrets};
use postrider_core::domain::suppression::Secret;

use crate::config::SecretSetting;

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// Why there is no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptSecretError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] SecretError),
    /// What was read is no secret.
    #[error("what is kept at {0} is not 64 hexadecimal digits; make one with `openssl rand -hex 32`, once")]
    Malformed(String),
}

/// The secret that `setting` gives or names.
///
/// # Errors
/// [`KeptSecretError`]. None is ever made here: another one would open no ledger that has one.
pub async fn resolve(setting: &SecretSetting, secrets: &Secrets) -> Result<Secret, KeptSecretError> {
    let (text, kept_at): (SecretText, String) = match setting {
        SecretSetting::Given(text) => (text.clone(), "server.secret".to_owned()),
        SecretSetting::Kept(reference) => (secrets.get(reference).await?, reference.to_string()),
    };
    parse_secret(text.expose()).map(Secret::new).ok_or(KeptSecretError::Malformed(kept_at))
}

/// The bytes of a secret written as 64 hexadecimal digits.
#[must_use]
pub fn parse_secret(text: &str) -> Option<[u8; SECRET_BYTES]> {
    let digits = text.trim();
    if digits.len() != 2 * SECRET_BYTES || !digits.is_ascii() {
        return None;
    }
    let mut bytes = [0; SECRET_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use postrider_testkit::clock::ManualClock;

    use super::*;

    #[tokio::test]
    async fn a_secret_may_be_given_as_it_is() {
        let secrets = Secrets::new(Arc::new(ManualClock::default()));
        let given = |text: &str| SecretSetting::Given(SecretText::new(text.to_owned()));
        let secret = resolve(&given(&"5a".repeat(32)), &secrets).await.unwrap();
        assert_eq!(secret.sign("x", &[]), Secret::new([0x5a; 32]).sign("x", &[]));
        let error = resolve(&given("hunter2"), &secrets).await.unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

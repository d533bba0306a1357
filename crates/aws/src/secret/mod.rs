//! Secrets by reference: a setting names where its value is kept, and the value is fetched when it is needed.
//!
//! `aws-secretsmanager:<arn or name>[#json-key]` names a secret of AWS Secrets Manager, `aws-ssm:<parameter>` a parameter
//! of Systems Manager, decrypted.

mod parameter;
mod reference;
mod store;

use std::fmt;

pub use reference::{InvalidReference, SecretReference};
pub use store::{SecretError, Secrets};

/// The value of a secret. Shows itself nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// From its text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for whoever it is meant for.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

//! The part of the ledger that keeps API keys. What making and revoking do is [`KeyRing`](crate::domain::api_key::KeyRing)'s
//! decision.

use async_trait::async_trait;

use super::ledger::LedgerError;
use crate::domain::api_key::ApiKey;
use crate::domain::id::ApiKeyId;
use crate::domain::time::Timestamp;

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The key.
    pub key: ApiKey,
    /// Whether it is made only if there was never one before: for whoever asks without a key.
    pub only_as_first: bool,
}

/// What making a key came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyCreated {
    /// It is there, now or since the same id was given before.
    Created(ApiKey),
    /// [`crate::limits::API_KEYS_MAX`] keys live already. Nothing was made.
    TooMany,
    /// It was to be the first, and there was one before. Nothing was made.
    NotTheFirst,
}

/// Where API keys are kept.
#[async_trait]
pub trait KeyLedger: Send + Sync {
    /// Makes a key.
    ///
    /// Races: of two that are each to be the first, exactly one is made.
    async fn create_key(&self, new: NewKey) -> Result<KeyCreated, LedgerError>;

    /// Every key that lives, and the last [`crate::limits::API_KEYS_REVOKED_KEPT_MAX`] that were revoked, oldest first.
    /// Whatever was answered before, in whatever process, is seen. Empty only if there was never a key.
    async fn keys(&self) -> Result<Vec<ApiKey>, LedgerError>;

    /// Revokes a key for good and tells what it is now; `None` if it is not there. Doing it again changes nothing.
    async fn revoke_key(&self, id: ApiKeyId, now: Timestamp) -> Result<Option<ApiKey>, LedgerError>;
}

//! API keys.

use async_trait::async_trait;
use postrider_core::domain::api_key::ApiKey;
use postrider_core::domain::id::ApiKeyId;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::keys::{KeyCreated, KeyLedger, NewKey};
use postrider_core::ports::ledger::LedgerError;

use super::MemoryLedger;

#[async_trait]
impl KeyLedger for MemoryLedger {
    async fn create_key(&self, new: NewKey) -> Result<KeyCreated, LedgerError> {
        Ok(self.state().api_keys.create(&new))
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, LedgerError> {
        Ok(self.state().api_keys.keys().to_vec())
    }

    async fn revoke_key(&self, id: ApiKeyId, now: Timestamp) -> Result<Option<ApiKey>, LedgerError> {
        Ok(self.state().api_keys.revoke(id, now).map(|revocation| revocation.key))
    }
}

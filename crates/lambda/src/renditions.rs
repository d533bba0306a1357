//! What messages are made of, stored when the first message is made of it: a process that starts often must not ask the
//! ledger about every type each time.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use postrider_core::ports::catalog::{KeepRenditions, RenditionId};
use postrider_core::ports::ledger::{Ledger, LedgerError};
use postrider_mail::types::LiveTypes;
use tokio::sync::Mutex;

/// Stores renditions of `types`.
pub struct Renditions {
    ledger: Arc<dyn Ledger>,
    types: Arc<LiveTypes>,
    /// Those this process knows to be stored. Whoever comes second waits for whoever is storing.
    stored: Mutex<HashSet<RenditionId>>,
}

impl Renditions {
    /// Stores renditions of `types` in `ledger`.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, types: Arc<LiveTypes>) -> Self {
        Self { ledger, types, stored: Mutex::default() }
    }
}

#[async_trait]
impl KeepRenditions for Renditions {
    async fn keep(&self, id: RenditionId) -> Result<(), LedgerError> {
        let mut stored = self.stored.lock().await;
        if stored.contains(&id) {
            return Ok(());
        }
        // Only what a message was made of just now is asked for.
        if let Some(bundle) = self.types.current().bundle(id) {
            self.ledger.store_rendition(id, bundle).await.inspect_err(|error| {
                tracing::warn!(%error, "what a message is made of cannot be stored; the message waits");
            })?;
        }
        stored.insert(id);
        Ok(())
    }
}

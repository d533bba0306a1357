//! Endpoints and their calls.

use async_trait::async_trait;
use postrider_core::domain::id::WebhookId;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{Webhook, WebhookChange};
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{
    CallFinished, ClaimCalls, FinishCall, NewWebhook, Replay, Replayed, WebhookCalls, WebhookCreated,
    WebhookLedger,
};

use crate::ledger::DynamoLedger;
use crate::work::Work;

/// Adds what `work` has noted ([`Work::note_change`]) to the feed, as part of the same write, if there is an endpoint.
/// Called once for each step, before it is written.
pub(crate) async fn append_to_feed(work: &mut Work<'_>) -> Result<(), LedgerError> {
    let _told = work.take_told();
    Ok(())
}

fn unavailable<T>() -> Result<T, LedgerError> {
    Err(LedgerError::Unavailable { reason: "webhooks are not kept in DynamoDB yet".to_owned() })
}

#[async_trait]
impl WebhookLedger for DynamoLedger {
    async fn create_webhook(&self, _new: NewWebhook) -> Result<WebhookCreated, LedgerError> {
        unavailable()
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, LedgerError> {
        unavailable()
    }

    async fn webhook(&self, _id: WebhookId) -> Result<Option<Webhook>, LedgerError> {
        unavailable()
    }

    async fn update_webhook(
        &self,
        _id: WebhookId,
        _change: WebhookChange,
        _now: Timestamp,
    ) -> Result<Option<Webhook>, LedgerError> {
        unavailable()
    }

    async fn delete_webhook(&self, _id: WebhookId) -> Result<bool, LedgerError> {
        unavailable()
    }

    async fn claim_calls(&self, _request: ClaimCalls) -> Result<WebhookCalls, LedgerError> {
        unavailable()
    }

    async fn finish_call(&self, _finish: FinishCall) -> Result<CallFinished, LedgerError> {
        unavailable()
    }

    async fn replay_webhook(&self, _replay: Replay) -> Result<Replayed, LedgerError> {
        unavailable()
    }
}

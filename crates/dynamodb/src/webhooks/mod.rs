//! Endpoints that hear what becomes of notifications, and their calls.
//!
//! A change goes into the feed with the write that makes it ([`append_to_feed`]). Whoever claims calls first gives fresh
//! changes their numbers, then makes calls of them: each endpoint has a line for every notification it is to hear of, in a
//! partition of its own. Every step on the queue of an endpoint writes the endpoint too, so that its steps follow one
//! another, and those of other endpoints do not wait. docs/dynamodb.md draws all of it.

mod change;
mod claiming;
mod endpoint;
mod endpoints;
mod fan_out;
mod feed;
mod finishing;
mod forgetting;
mod keys;
mod line;
mod registry;
mod replaying;
mod taking;
mod upkeep;
mod words;

use async_trait::async_trait;
use postrider_core::domain::id::WebhookId;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{Webhook, WebhookChange};
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{
    CallFinished, ClaimCalls, FinishCall, NewWebhook, Replay, Replayed, WebhookCalls, WebhookCreated,
    WebhookLedger,
};

pub(crate) use feed::append_to_feed;
pub(crate) use registry::EndpointsSeen;
pub(crate) use words::forget_words;

use crate::ledger::DynamoLedger;
use endpoint::Endpoint;

#[async_trait]
impl WebhookLedger for DynamoLedger {
    async fn create_webhook(&self, new: NewWebhook) -> Result<WebhookCreated, LedgerError> {
        let created = self.context.carry_out(&endpoints::Creating(new)).await;
        self.context.endpoints.forget();
        created
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, LedgerError> {
        let endpoints = Endpoint::load_all(&self.context).await?;
        Ok(endpoints.into_iter().map(|endpoint| endpoint.webhook).collect())
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, LedgerError> {
        self.context.carry_out(&endpoints::Finding(id)).await
    }

    async fn update_webhook(
        &self,
        id: WebhookId,
        change: WebhookChange,
        now: Timestamp,
    ) -> Result<Option<Webhook>, LedgerError> {
        self.context.carry_out(&endpoints::Updating { id, change, now }).await
    }

    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, LedgerError> {
        let deleted = self.context.carry_out(&endpoints::Deleting(id)).await;
        self.context.endpoints.forget();
        deleted
    }

    async fn claim_calls(&self, request: ClaimCalls) -> Result<WebhookCalls, LedgerError> {
        claiming::claim_calls(&self.context, request).await
    }

    async fn finish_call(&self, finish: FinishCall) -> Result<CallFinished, LedgerError> {
        self.context.carry_out(&finishing::FinishingCall(finish)).await
    }

    async fn replay_webhook(&self, replay: Replay) -> Result<Replayed, LedgerError> {
        replaying::replay(&self.context, &replay).await
    }
}

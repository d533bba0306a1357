//! Making, changing and deleting endpoints.

use postrider_core::domain::id::WebhookId;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{Webhook, WebhookChange};
use postrider_core::limits::WEBHOOKS_MAX;
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{NewWebhook, WebhookCreated};

use super::endpoint::Endpoint;
use super::feed::Head;
use super::keys;
use super::registry::Registry;
use crate::table::Key;
use crate::work::{Step, Work};

/// [`create_webhook`](postrider_core::ports::webhooks::WebhookLedger::create_webhook).
pub(super) struct Creating(pub(super) NewWebhook);

impl Step for Creating {
    type Output = WebhookCreated;

    async fn run(&self, work: &mut Work<'_>) -> Result<WebhookCreated, LedgerError> {
        let Self(new) = self;
        if let Some(known) = Endpoint::load(work, new.id).await? {
            return Ok(WebhookCreated::Created(Box::new(known.webhook)));
        }
        let mut registry = Registry::load(work).await?;
        if registry.live >= WEBHOOKS_MAX as u64 {
            return Ok(WebhookCreated::TooMany);
        }
        registry.generation += 1;
        registry.live += 1;
        registry.save(work);
        let mut endpoint = Endpoint {
            webhook: new.webhook(),
            born: registry.generation,
            cursors: Vec::new(),
            hasten: None,
            waiting: 0,
            in_hand: Vec::new(),
        };
        // Of what has a number it is to hear nothing; what has none yet tells by its generation.
        let shards: Vec<u8> = work.context.every_shard().collect();
        work.read_all(&shards.iter().map(|shard| keys::head(*shard)).collect::<Vec<Key>>()).await?;
        for shard in shards {
            endpoint.advance(shard, Head::load(work, shard).await?.last);
        }
        endpoint.save(work);
        Ok(WebhookCreated::Created(Box::new(endpoint.webhook)))
    }
}

/// [`update_webhook`](postrider_core::ports::webhooks::WebhookLedger::update_webhook).
pub(super) struct Updating {
    pub(super) id: WebhookId,
    pub(super) change: WebhookChange,
    pub(super) now: Timestamp,
}

impl Step for Updating {
    type Output = Option<Webhook>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Option<Webhook>, LedgerError> {
        let Some(mut endpoint) = Endpoint::load(work, self.id).await? else { return Ok(None) };
        let before = endpoint.clone();
        let waiting = endpoint.webhook.change(&self.change, self.now);
        endpoint.heed(waiting);
        if endpoint != before {
            endpoint.save(work);
        }
        Ok(Some(endpoint.webhook))
    }
}

/// [`delete_webhook`](postrider_core::ports::webhooks::WebhookLedger::delete_webhook). Its calls are nobody's from then
/// on, and go when their time is over.
pub(super) struct Deleting(pub(super) WebhookId);

impl Step for Deleting {
    type Output = bool;

    async fn run(&self, work: &mut Work<'_>) -> Result<bool, LedgerError> {
        if Endpoint::load(work, self.0).await?.is_none() {
            return Ok(false);
        }
        let mut registry = Registry::load(work).await?;
        registry.live = registry.live.saturating_sub(1);
        registry.save(work);
        work.delete(&keys::endpoint(self.0));
        Ok(true)
    }
}

/// [`webhook`](postrider_core::ports::webhooks::WebhookLedger::webhook).
pub(super) struct Finding(pub(super) WebhookId);

impl Step for Finding {
    type Output = Option<Webhook>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Option<Webhook>, LedgerError> {
        Ok(Endpoint::load(work, self.0).await?.map(|endpoint| endpoint.webhook))
    }
}

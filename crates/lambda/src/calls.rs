//! The calls of webhooks that are due, made by the sweep: no process looks for them all the time.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{
    DISPATCH_RECORD_MS, OUTBOUND_TIMEOUT_MS, WEBHOOK_CALLS_PER_ENDPOINT_MAX, WEBHOOK_CLAIM_MAX,
    WEBHOOK_LEASE_MARGIN_MS,
};
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::ledger::{Ledger, LedgerError};
use postrider_core::ports::webhooks::{CallFinished, ClaimCalls, FinishCall, WebhookCall, WebhookCalls};
use postrider_http::calls::Caller;
use postrider_http::metrics::Metrics;
use postrider_webhook::{OutboundClient, OutboundConfig};
use tokio::sync::OnceCell;

use crate::sweep::DueCalls;

/// Calls the shop's own systems about what becomes of notifications.
pub struct Calls {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: Metrics,
    targets: OutboundConfig,
    concurrency: usize,
    /// Made when the first endpoint is there: without any no certificates are needed. `None` if it cannot be made.
    client: OnceCell<Option<OutboundClient>>,
}

impl Calls {
    /// Calls where `targets` allows it, at most `concurrency` at once.
    #[must_use]
    pub fn new(
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        targets: OutboundConfig,
        concurrency: usize,
    ) -> Self {
        let (metrics, client) = (Metrics::default(), OnceCell::new());
        Self { ledger, clock, random, metrics, targets, concurrency, client }
    }

    fn caller(&self) -> Caller<'_> {
        Caller { clock: &*self.clock, random: &*self.random, metrics: &self.metrics }
    }

    /// Whether a call that is made now can end, and be recorded, by `until`.
    fn has_time(&self, until: Timestamp) -> bool {
        self.clock.now().plus_ms(OUTBOUND_TIMEOUT_MS + DISPATCH_RECORD_MS) <= until
    }

    async fn claim(&self, limit: usize, per_endpoint: usize) -> Result<Vec<WebhookCall>, LedgerError> {
        let now = self.clock.now();
        let lease_until = now.plus_ms(OUTBOUND_TIMEOUT_MS + WEBHOOK_LEASE_MARGIN_MS);
        let WebhookCalls { calls, .. } =
            self.ledger.claim_calls(ClaimCalls { now, lease_until, limit, per_endpoint }).await?;
        Ok(calls)
    }

    async fn client(&self) -> Option<&OutboundClient> {
        let made = self.client.get_or_init(async || match OutboundClient::new(self.targets.clone()) {
            Ok(client) => Some(client),
            Err(error) => {
                tracing::error!(%error, "webhooks cannot be called; what they would hear waits");
                None
            }
        });
        made.await.as_ref()
    }

    async fn call(&self, client: &OutboundClient, call: WebhookCall) -> Result<(), LedgerError> {
        let outcome = self.caller().call(client, &call).await;
        let (webhook, change, attempt) = (call.webhook, call.change, call.attempt);
        let finish = FinishCall { webhook, change, attempt, outcome, now: self.clock.now() };
        // Not recorded, its claim lapses and it is made again, under the same id.
        match self.ledger.finish_call(finish).await? {
            CallFinished::Recorded { disabled: Some(reason) } => self.caller().disabled(&call, reason),
            CallFinished::Recorded { disabled: None } | CallFinished::Stale => {}
        }
        Ok(())
    }
}

#[async_trait]
impl DueCalls for Calls {
    async fn run(&self, until: Timestamp) -> Result<(), LedgerError> {
        let endpoints = self.ledger.webhooks().await?.iter().filter(|webhook| webhook.is_enabled()).count();
        let client = if endpoints > 0 { self.client().await } else { None };
        let Some(client) = client else {
            // Only what old endpoints left behind is cleared away.
            self.claim(0, 0).await?;
            return Ok(());
        };
        let limit = self.concurrency.clamp(1, WEBHOOK_CLAIM_MAX);
        while self.has_time(until) {
            let calls = self.claim(limit, WEBHOOK_CALLS_PER_ENDPOINT_MAX).await?;
            if calls.is_empty() {
                return Ok(());
            }
            let ended = join_all(calls.into_iter().map(|call| self.call(client, call))).await;
            ended.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(())
    }
}

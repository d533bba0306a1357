//! Calls the shop's own systems about what becomes of notifications.
//!
//! The ledger has the queues, a queue for each endpoint; this claims what is due, calls, and records what came of it.

mod call;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;

use postrider_core::limits::{OUTBOUND_TIMEOUT_MS, WEBHOOK_CALLS_PER_ENDPOINT_MAX, WEBHOOK_LEASE_MARGIN_MS};
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::ledger::Ledger;
use postrider_http::metrics::Metrics;
use postrider_webhook::OutboundConfig;
use tokio::sync::{Notify, watch};

/// Everything the calls need.
pub struct Webhooks {
    /// Where endpoints and their calls are kept.
    pub ledger: Arc<dyn Ledger>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of jitter.
    pub random: Arc<dyn Random>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where calls may go.
    pub targets: Arc<OutboundConfig>,
    /// Calls on their way at once.
    pub concurrency: usize,
    /// Rung when something about endpoints has changed.
    pub wake: Arc<Notify>,
    /// Set when the ledger can no longer be trusted: the process must stop.
    pub fatal: watch::Sender<Option<String>>,
}

impl Webhooks {
    /// Calls until `stop` turns true, then lets what is on its way end, for a bounded time. What does not end in it is
    /// called again after the next start.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        worker::run(self, stop).await;
    }

    /// How long a claim lasts: the call's own time, and time to record its end.
    fn lease_ms() -> u64 {
        OUTBOUND_TIMEOUT_MS + WEBHOOK_LEASE_MARGIN_MS
    }

    /// How many calls each of `endpoints` may have on their way: never so many that all of them together leave no place
    /// to an endpoint made meanwhile.
    fn share(&self, endpoints: usize) -> usize {
        let shares = endpoints.saturating_add(1);
        self.concurrency.checked_div(shares).unwrap_or(0).clamp(1, WEBHOOK_CALLS_PER_ENDPOINT_MAX)
    }
}

//! The work behind the API on one machine: claims what is due, sends it, records what came of it.

mod attempt;
mod dispatcher;
mod pace;
mod recorder;
mod route;
mod sweeper;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use postrider_core::domain::lifecycle::OnUnknown;
use postrider_core::domain::retry::RetryPolicy;
use postrider_core::ports::catalog::Catalog;
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::ledger::Ledger;
use postrider_core::ports::mailer::Mailer;
use postrider_core::use_cases::budget::HoldWatch;
use postrider_http::health::Health;
use postrider_http::metrics::Metrics;
use tokio::sync::{Notify, watch};

use pace::Pace;

/// How long after the mailer's own deadline a lease still holds.
const LEASE_MARGIN_MS: u64 = 60_000;

/// Says what the mailer's account allows at this moment, in messages in 1,000 seconds.
pub type AccountRate = Arc<dyn Fn() -> Option<u32> + Send + Sync>;

/// Everything the work needs.
pub struct Engine {
    /// Where notifications live.
    pub ledger: Arc<dyn Ledger>,
    /// What makes messages.
    pub catalog: Arc<dyn Catalog>,
    /// What hands them on.
    pub mailer: Arc<dyn Mailer>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of jitter.
    pub random: Arc<dyn Random>,
    /// When to try again.
    pub policy: RetryPolicy,
    /// What to do with unknown outcomes.
    pub on_unknown: OnUnknown,
    /// Notifications in hand at once.
    pub concurrency: usize,
    /// Of these, messages on their way to the mailer at once.
    pub connections: usize,
    /// Messages a second; `None` means no limit.
    pub rate_per_second: Option<u32>,
    /// What the mailer's account allows, in messages in 1,000 seconds; `None` means no limit, or that nobody knows yet.
    pub account_rate: AccountRate,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What `/readyz` reads.
    pub health: Arc<Health>,
    /// Whether the month's budget holds sending.
    pub hold: Arc<HoldWatch>,
    /// Rung when something may have become due.
    pub wake: Arc<Notify>,
    /// Set when the ledger can no longer be trusted: the process must stop.
    pub fatal: watch::Sender<Option<String>>,
}

impl Engine {
    /// How long a claim lasts: every notification in hand may have to wait for those before it, for their connections
    /// as well as for their turns.
    fn lease_ms(&self) -> u64 {
        let rounds = self.concurrency.div_ceil(self.connections.max(1)) as u64;
        let turns_ms = self.rate().map_or(0, |rate| Pace::longest_wait_ms(rate, self.concurrency));
        let sends_ms = self.mailer.deadline_ms().saturating_mul(rounds + 1);
        sends_ms.saturating_add(turns_ms).saturating_add(LEASE_MARGIN_MS)
    }

    /// The rate to keep, in messages in 1,000 seconds: the configured one or the account's, whichever is lower.
    fn rate(&self) -> Option<u32> {
        let configured = self.rate_per_second.map(|rate| rate.saturating_mul(1_000));
        configured.into_iter().chain((self.account_rate)()).min()
    }

    /// Works until `stop` turns true, then lets what is on its way finish and gives the rest back. The caller bounds
    /// the time it waits for this to return.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let sweeper = tokio::spawn(sweeper::run(Arc::clone(&self), stop.clone()));
        dispatcher::run(self, stop).await;
        // The sweeper ends by itself when told to stop; if it panicked, that has been reported.
        let _ = sweeper.await;
    }
}

//! What the functions are made of.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use postrider_core::domain::lifecycle::OnUnknown;
use postrider_core::domain::retry::RetryPolicy;
use postrider_core::domain::suppression::Secret;
use postrider_core::ports::catalog::{Catalog, KeepRenditions};
use postrider_core::ports::clock::{Clock, Pause, Random};
use postrider_core::ports::ledger::Ledger;
use postrider_core::ports::mailer::Mailer;
use postrider_core::use_cases::budget::HoldWatch;
use postrider_core::use_cases::dispatch::Dispatch;

/// Everything that sends needs. Cheap to clone.
#[derive(Clone)]
pub struct Parts {
    /// Where notifications live.
    pub ledger: Arc<dyn Ledger>,
    /// What knows the notification types and makes messages.
    pub catalog: Arc<dyn Catalog>,
    /// What hands them on.
    pub mailer: Arc<dyn Mailer>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids and jitter.
    pub random: Arc<dyn Random>,
    /// What lets time pass.
    pub pause: Arc<dyn Pause>,
    /// The installation's secret.
    pub secret: Secret,
    /// When to try again.
    pub policy: RetryPolicy,
    /// What to do with unknown outcomes.
    pub on_unknown: OnUnknown,
    /// Who stores what messages are made of, as soon as one is made of it; `None` if everything is stored already.
    pub renditions: Option<Arc<dyn KeepRenditions>>,
    /// Events, reports or messages in hand at once.
    pub concurrency: usize,
    /// Whether the month's budget holds sending.
    pub hold: Arc<HoldWatch>,
}

impl Parts {
    /// Whether sending is on hold, asked of the ledger at most once a minute. Where it cannot be asked, what was last seen
    /// counts.
    pub async fn is_on_hold(&self) -> bool {
        let now = self.clock.now();
        match self.hold.is_on(&*self.ledger, now).await {
            Ok(is_on) => is_on,
            Err(error) => {
                tracing::error!(%error, "whether the budget holds sending could not be read; what was last seen counts");
                self.hold.last_seen(now)
            }
        }
    }

    /// The way of one event over these parts.
    #[must_use]
    pub fn dispatch(&self, is_on_hold: bool) -> Dispatch<'_> {
        Dispatch {
            ledger: &*self.ledger,
            catalog: &*self.catalog,
            mailer: &*self.mailer,
            clock: &*self.clock,
            random: &*self.random,
            pause: &*self.pause,
            secret: &self.secret,
            policy: &self.policy,
            renditions: self.renditions.as_deref(),
            is_on_hold,
        }
    }
}

/// Pauses by the runtime's timer.
#[derive(Clone, Copy, Debug)]
pub struct TimerPause;

#[async_trait]
impl Pause for TimerPause {
    async fn pause(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

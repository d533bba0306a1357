//! Two mailers, one of which takes over while the other's account is at fault.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use postrider_core::domain::outcome::{AttemptOutcome, Cause, FailureClass, Reach};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{FALLBACK_PAUSE_MS_MAX, FALLBACK_PAUSE_MS_MIN};
use postrider_core::ports::clock::Clock;
use postrider_core::ports::mailer::{HandedOn, Mailer, OutgoingMessage, Stop};

/// Told the cause when the fallback takes over, and `None` when it is no longer needed.
pub type Tell = Box<dyn Fn(Option<&Cause>) + Send + Sync>;

/// Asks a first mailer, and a second one for as long as the first one's account is at fault.
///
/// A message goes to the second only when the first has certainly not taken it. While the account is at fault, one
/// message now and then probes the first.
pub struct FailoverMailer {
    first: Arc<dyn Mailer>,
    second: Arc<dyn Mailer>,
    clock: Arc<dyn Clock>,
    tell: Tell,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the first mailer may be asked again; `None` while it works.
    probe_at: Option<Timestamp>,
    pause_ms: u64,
}

/// What may be done with the first mailer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    First,
    Probe,
    Second,
}

impl FailoverMailer {
    /// `first` while its account is well, `second` otherwise.
    pub fn new(first: Arc<dyn Mailer>, second: Arc<dyn Mailer>, clock: Arc<dyn Clock>, tell: Tell) -> Self {
        Self { first, second, clock, tell, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn way(&self) -> Way {
        let now = self.clock.now();
        let mut state = self.state();
        match state.probe_at {
            None => Way::First,
            Some(at) if now < at => Way::Second,
            Some(_) => {
                // Whoever comes while the probe is on its way does not wait for it.
                state.probe_at = Some(now.plus_ms(state.pause_ms));
                Way::Probe
            }
        }
    }

    /// The first mailer's account is at fault.
    fn fell(&self, way: Way, cause: &Cause) {
        let mut state = self.state();
        let is_news = state.probe_at.is_none();
        if is_news {
            state.pause_ms = FALLBACK_PAUSE_MS_MIN;
        } else if way == Way::Probe {
            state.pause_ms = (state.pause_ms * 2).min(FALLBACK_PAUSE_MS_MAX);
        }
        state.probe_at = Some(self.clock.now().plus_ms(state.pause_ms));
        drop(state);
        if is_news {
            let (first, second) = (self.first.name(), self.second.name());
            tracing::error!(%cause, first, second, "the first mailer takes nothing; the second takes over");
            (self.tell)(Some(cause));
        }
    }

    /// The first mailer answered, and not about its account.
    fn rose(&self) {
        if self.state().probe_at.take().is_some() {
            tracing::info!(first = self.first.name(), "the first mailer takes messages again");
            (self.tell)(None);
        }
    }
}

#[async_trait]
impl Mailer for FailoverMailer {
    fn name(&self) -> &'static str {
        self.first.name()
    }

    fn deadline_ms(&self) -> u64 {
        self.first.deadline_ms().saturating_add(self.second.deadline_ms())
    }

    async fn send(&self, message: &OutgoingMessage, stop: Stop<'_>) -> AttemptOutcome {
        self.hand_on(message, stop).await.outcome
    }

    async fn hand_on(&self, message: &OutgoingMessage, stop: Stop<'_>) -> HandedOn {
        let way = self.way();
        if way != Way::Second {
            let first = self.first.hand_on(message, stop).await;
            match &first.outcome {
                AttemptOutcome::NotAccepted(failure)
                    if failure.is_account_fault && failure.class == FailureClass::Retryable =>
                {
                    self.fell(way, &failure.cause);
                }
                AttemptOutcome::Accepted { .. } => {
                    self.rose();
                    return first;
                }
                AttemptOutcome::NotAccepted(failure) => {
                    // What was answered about this message says that the account may send others.
                    if matches!(failure.reach, Reach::Answered | Reach::AnsweredByService) {
                        self.rose();
                    }
                    return first;
                }
                AttemptOutcome::Released => return first,
            }
        }
        self.second.hand_on(message, stop).await
    }

    async fn close(&self) {
        self.first.close().await;
        self.second.close().await;
    }
}

#[cfg(test)]
#[path = "failover_tests.rs"]
mod tests;

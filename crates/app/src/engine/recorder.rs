//! Tells the ledger what an attempt came to, as often as it takes: from here on the message may have left.

use std::time::Duration;

use postrider_core::domain::guard::is_waiting;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::feedback::FeedbackRecorded;
use postrider_core::ports::ledger::{FinishAttempt, Finished, LedgerError};

use super::Engine;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Engine {
    /// Records the end of an attempt. Repeats while the ledger has no room; the number of attempts in hand bounds how
    /// many can wait here. Gives up only when the ledger cannot be trusted any more.
    pub(super) async fn record(
        &self,
        finish: FinishAttempt,
        accepted_at: Timestamp,
        correlation: Option<&str>,
    ) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ledger.finish_attempt(finish.clone()).await {
                Ok(Finished::Recorded(status)) => {
                    self.count(status, &finish, accepted_at);
                    log(status, &finish, correlation);
                    return;
                }
                Ok(Finished::RecordedWithReports { status, effects }) => {
                    self.count(status, &finish, accepted_at);
                    log(status, &finish, correlation);
                    for effect in effects {
                        self.metrics.count_feedback(&FeedbackRecorded::Recorded(effect), finish.now);
                    }
                    return;
                }
                Ok(Finished::Stale) => {
                    tracing::warn!(
                        notification_id = %finish.id,
                        fence = finish.fence,
                        "an attempt ended after its claim had passed to another; its outcome was not recorded"
                    );
                    return;
                }
                Err(LedgerError::Unavailable { reason }) => {
                    tracing::error!(notification_id = %finish.id, reason, "an outcome waits to be recorded");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(LedgerError::Fatal { reason }) => {
                    tracing::error!(notification_id = %finish.id, reason, "an outcome cannot be recorded");
                    self.fatal.send_replace(Some(reason));
                    return;
                }
            }
        }
    }

    fn count(&self, status: Status, finish: &FinishAttempt, accepted_at: Timestamp) {
        let metrics = &self.metrics;
        match &finish.verdict {
            Verdict::Sent => {
                metrics.emails_sent.inc();
                let ms = u32::try_from(finish.now.ms_since(accepted_at)).unwrap_or(u32::MAX);
                metrics.send_latency.observe(f64::from(ms) / 1000.0);
            }
            Verdict::Deferred { cause, .. } if is_waiting(cause) => {}
            Verdict::Deferred { .. } => {
                metrics.send_failures.inc();
                metrics.retries.inc();
            }
            Verdict::Failed { .. } | Verdict::Dead { .. } => {
                metrics.send_failures.inc();
            }
            Verdict::Unknown { .. } => {
                metrics.unknown.inc();
            }
            Verdict::Released | Verdict::Held { .. } | Verdict::Superseded { .. } => {}
        }
        // What the budget holds goes on by itself.
        if status.is_dead_letter() && !matches!(finish.verdict, Verdict::Held { .. }) {
            metrics.dead_letters.inc();
        }
    }
}

fn log(status: Status, finish: &FinishAttempt, correlation_id: Option<&str>) {
    let attempt = finish.fence;
    let duration_ms = finish.now.ms_since(finish.claimed_at);
    match &finish.verdict {
        Verdict::Sent | Verdict::Released | Verdict::Held { .. } | Verdict::Superseded { .. } => {
            tracing::info!(notification_id = %finish.id, correlation_id, %status, attempt, duration_ms, "attempt ended");
        }
        Verdict::Deferred { cause, .. } if is_waiting(cause) => {
            tracing::info!(notification_id = %finish.id, correlation_id, %status, attempt, duration_ms, %cause, "attempt ended");
        }
        Verdict::Deferred { cause, .. }
        | Verdict::Failed { cause }
        | Verdict::Dead { cause }
        | Verdict::Unknown { cause, .. } => {
            tracing::warn!(notification_id = %finish.id, correlation_id, %status, attempt, duration_ms, %cause, "attempt ended");
        }
    }
}

//! When to try again, and when to stop.

use super::lifecycle::Verdict;
use super::outcome::{AttemptOutcome, Failure, FailureClass};
use super::time::Timestamp;

/// By how much each delay's ceiling exceeds the one before. Steep, so that the first retry can be soon and six
/// attempts still span a day.
const GROWTH: u64 = 5;

/// Exponential backoff with full jitter: the n-th delay is drawn evenly from zero to
/// `min(max_delay_ms, base_delay_ms · 5ⁿ⁻¹)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts before a notification is dead.
    pub max_attempts: u32,
    /// Ceiling of the first delay.
    pub base_delay_ms: u64,
    /// Ceiling of every delay.
    pub max_delay_ms: u64,
    /// How long an unknown outcome waits for a report before it is judged.
    pub unknown_wait_ms: u64,
}

impl Default for RetryPolicy {
    /// Six attempts over about 24 hours: expected delays of 5 min, 25 min, 2 h 5 min, 10 h 25 min and 12 h.
    fn default() -> Self {
        Self { max_attempts: 6, base_delay_ms: 600_000, max_delay_ms: 86_400_000, unknown_wait_ms: 600_000 }
    }
}

impl RetryPolicy {
    /// The ceiling of the delay that follows the `attempt`-th attempt (from 1).
    #[must_use]
    pub fn ceiling_ms(&self, attempt: u32) -> u64 {
        let growth = GROWTH.saturating_pow(attempt.saturating_sub(1));
        self.base_delay_ms.saturating_mul(growth).min(self.max_delay_ms)
    }

    /// A delay after the `attempt`-th attempt, drawn with `random`.
    #[must_use]
    pub fn delay_ms(&self, attempt: u32, random: u64) -> u64 {
        let ceiling = self.ceiling_ms(attempt);
        // Multiply and shift maps 64 random bits evenly onto 0..=ceiling without a division.
        let scaled = (u128::from(random) * (u128::from(ceiling) + 1)) >> 64;
        u64::try_from(scaled).unwrap_or(ceiling)
    }

    /// A delay while our account with the mail service is at fault: from half of the second ceiling to the whole. Who
    /// keeps a route and sees it work again need not wait for its end.
    #[must_use]
    pub fn account_delay_ms(&self, random: u64) -> u64 {
        let ceiling = self.ceiling_ms(2);
        let half = ceiling / 2;
        let scaled = (u128::from(random) * (u128::from(ceiling - half) + 1)) >> 64;
        half.saturating_add(u64::try_from(scaled).unwrap_or(0))
    }

    /// Turns what an attempt came to into what happens to the notification.
    ///
    /// `attempts_spent` counts the attempts before this one that were spent.
    #[must_use]
    pub fn judge(
        &self,
        outcome: &AttemptOutcome,
        attempts_spent: u32,
        now: Timestamp,
        random: u64,
    ) -> Verdict {
        match outcome {
            AttemptOutcome::Accepted { .. } => Verdict::Sent,
            AttemptOutcome::Released => Verdict::Released,
            AttemptOutcome::NotAccepted(failure) => self.judge_failure(failure, attempts_spent, now, random),
        }
    }

    fn judge_failure(&self, failure: &Failure, attempts_spent: u32, now: Timestamp, random: u64) -> Verdict {
        let cause = failure.cause.clone();
        match failure.class {
            FailureClass::Permanent => Verdict::Failed { cause },
            FailureClass::Unknown => Verdict::Unknown { cause, judge_at: now.plus_ms(self.unknown_wait_ms) },
            FailureClass::Retryable => {
                let spent = attempts_spent.saturating_add(u32::from(failure.spends_attempt));
                if failure.spends_attempt && spent >= self.max_attempts {
                    return Verdict::Dead { cause };
                }
                let delay_ms = if failure.is_account_fault {
                    self.account_delay_ms(random)
                } else {
                    self.delay_ms(spent.max(1), random)
                };
                let until = now.plus_ms(delay_ms);
                Verdict::Deferred { cause, until, spends_attempt: failure.spends_attempt }
            }
        }
    }
}

//! How long one send may take, in all and for each command.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// Time-outs that everything before the final dot may take together.
const BEFORE_DOT: u32 = 6;
/// Time-outs for the answer to the final dot: the server delivers or queues the message in that time, and giving
/// up too early is how duplicates are made (RFC 5321 §4.5.3.2.6).
const FINAL_DOT: u32 = 2;

/// What computing and a busy machine may add, in milliseconds.
const SLACK_MS: u64 = 1_000;

/// The clock of one send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    timeout: Duration,
    before_dot: Instant,
}

impl Budget {
    pub(super) fn start(timeout_ms: u64) -> Self {
        let timeout = Duration::from_millis(timeout_ms);
        Self { timeout, before_dot: Instant::now() + timeout * BEFORE_DOT }
    }

    /// The longest a send can take, in milliseconds.
    pub(super) fn total_ms(timeout_ms: u64) -> u64 {
        timeout_ms.saturating_mul(u64::from(BEFORE_DOT + FINAL_DOT)).saturating_add(SLACK_MS)
    }

    /// The time for one command.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// When a command that begins now must be answered.
    pub(super) fn command(&self) -> Instant {
        (Instant::now() + self.timeout).min(self.before_dot)
    }

    /// When everything before the answer to the final dot must be over.
    pub(super) fn before_dot(&self) -> Instant {
        self.before_dot
    }

    /// When the final dot that was written just now must be answered.
    pub(super) fn final_dot(&self) -> Instant {
        Instant::now() + self.timeout * FINAL_DOT
    }

    /// Waits for `future` no longer than one command may take.
    pub(super) async fn bound<F: Future>(&self, future: F) -> Option<F::Output> {
        timeout_at(self.command(), future).await.ok()
    }
}

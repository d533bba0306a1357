//! A clock that moves only when a test says so.

use std::sync::atomic::{AtomicI64, Ordering};

use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::Clock;

/// A clock held in the hand.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_millis()))
    }

    /// Moves the clock forward.
    pub fn advance_ms(&self, ms: u64) {
        let later = self.now().plus_ms(ms);
        self.0.store(later.as_millis(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// 2026-11-23T10:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::from_millis(1_795_428_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

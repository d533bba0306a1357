//! Holds the rate of a route: each message waits for its turn right before it is handed to the mailer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Turns that nobody took are kept this long. It makes up for late timers, and is too short for a burst.
const SAVED: Duration = Duration::from_millis(50);

/// Hands out turns, evenly spaced, in the order they are asked for.
#[derive(Debug)]
pub struct Pace {
    /// Messages that may wait for their turn: one second's worth. What is claimed earlier than needed cannot be
    /// overtaken any more by what is more important.
    ahead: AtomicUsize,
    turns: Mutex<Turns>,
    waiting: AtomicUsize,
    /// Rung when a good part of those who waited have had their turn.
    pub emptied: Notify,
}

#[derive(Debug)]
struct Turns {
    /// Messages in 1,000 seconds.
    per_1000_secs: u32,
    /// When the next turn is.
    next: Instant,
}

/// A claimed message that has not had its turn yet.
#[derive(Debug)]
pub struct Waiting(Option<Arc<Pace>>);

impl Pace {
    /// At most `per_1000_secs` messages in 1,000 seconds, evenly spaced.
    pub fn new(per_1000_secs: u32, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            ahead: AtomicUsize::new(Self::seconds_worth(per_1000_secs)),
            turns: Mutex::new(Turns { per_1000_secs, next: now }),
            waiting: AtomicUsize::new(0),
            emptied: Notify::new(),
        })
    }

    /// From the next turn on another rate holds.
    pub fn set(&self, per_1000_secs: u32) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.per_1000_secs != per_1000_secs {
            turns.per_1000_secs = per_1000_secs;
            self.ahead.store(Self::seconds_worth(per_1000_secs), Ordering::Release);
        }
    }

    fn seconds_worth(per_1000_secs: u32) -> usize {
        usize::try_from(per_1000_secs / 1_000).unwrap_or(usize::MAX).max(1)
    }

    fn ahead(&self) -> usize {
        self.ahead.load(Ordering::Acquire)
    }

    /// How many messages may be claimed now to wait for their turn. Zero until there is room for a good part of a
    /// second's worth: few large claims cost less than many small ones.
    pub fn room(&self) -> usize {
        let room = self.ahead().saturating_sub(self.waiting.load(Ordering::Acquire));
        if room < self.worth_claiming() { 0 } else { room }
    }

    fn worth_claiming(&self) -> usize {
        self.ahead().div_ceil(4)
    }

    /// The longest that `messages` claimed together wait for the last one's turn.
    pub fn longest_wait_ms(per_1000_secs: u32, messages: usize) -> u64 {
        (messages as u64).saturating_mul(1_000_000).div_ceil(u64::from(per_1000_secs.max(1)))
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = now.checked_sub(SAVED).map_or(turns.next, |earliest| earliest.max(turns.next));
        turns.next = turn + Duration::from_secs(1_000) / turns.per_1000_secs.max(1);
        turn
    }

    fn leave(&self) {
        let before = self.waiting.fetch_sub(1, Ordering::AcqRel);
        if self.ahead().saturating_sub(before - 1) == self.worth_claiming() {
            self.emptied.notify_one();
        }
    }
}

impl Waiting {
    /// One more message waits at `pace`, or at none.
    pub fn at(pace: Option<&Arc<Pace>>) -> Self {
        if let Some(pace) = pace {
            pace.waiting.fetch_add(1, Ordering::AcqRel);
        }
        Self(pace.cloned())
    }

    /// Waits for the message's turn. Dropped before, it gives up its place among the waiting, not its turn: the rate
    /// is a little lower then, never higher.
    pub async fn turn(self) {
        let Some(pace) = &self.0 else { return };
        let now = Instant::now();
        let turn = pace.reserve(now);
        if turn > now {
            sleep_until(turn).await;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(pace) = &self.0 {
            pace.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::{Instant, advance, timeout};

    use super::{Pace, SAVED, Waiting};

    /// When each of `messages`, all of which ask at once, gets its turn.
    async fn turns(pace: &Arc<Pace>, messages: usize) -> Vec<Duration> {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..messages {
            let waiting = Waiting::at(Some(pace));
            tasks.spawn(async move {
                waiting.turn().await;
                start.elapsed()
            });
        }
        let mut turns = tasks.join_all().await;
        turns.sort_unstable();
        turns
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_evenly_spaced_however_long_nobody_came() {
        let pace = Pace::new(10_000, Instant::now());
        advance(Duration::from_secs(3600)).await;
        for second in 0..3 {
            let turns = turns(&pace, 10).await;
            // The one saved turn of the idle hour, and timers that count in milliseconds.
            let earliest = Duration::from_millis(900) - SAVED - Duration::from_millis(2);
            assert!(turns[9] >= earliest, "second {second}: {turns:?}");
            assert!(turns[9] <= Duration::from_millis(1010), "second {second}: {turns:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_beyond_the_timers_resolution_is_reached() {
        let pace = Pace::new(5_000_000, Instant::now());
        let turns = turns(&pace, 5_000).await;
        let last = turns[4_999];
        assert!((Duration::from_millis(940)..=Duration::from_millis(1010)).contains(&last), "{last:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_wait_than_one_seconds_worth() {
        let pace = Pace::new(8_000, Instant::now());
        assert_eq!(pace.room(), 8);
        let mut waiting: Vec<_> = (0..8).map(|_| Waiting::at(Some(&pace))).collect();
        assert_eq!(pace.room(), 0);
        waiting.pop();
        assert_eq!(pace.room(), 0, "one place is not worth a claim");
        assert!(timeout(Duration::ZERO, pace.emptied.notified()).await.is_err());
        waiting.pop();
        assert_eq!(pace.room(), 2);
        assert!(timeout(Duration::ZERO, pace.emptied.notified()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn another_rate_holds_from_the_next_turn_on() {
        let pace = Pace::new(10_000, Instant::now());
        turns(&pace, 1).await;
        pace.set(500);
        assert_eq!(pace.room(), 1, "less than one a second is one at a time");
        let turns = turns(&pace, 3).await;
        let earliest = Duration::from_secs(4) - SAVED - Duration::from_millis(2);
        assert!(turns[2] >= earliest && turns[2] <= Duration::from_millis(4_150), "{turns:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nobody_waits() {
        let start = Instant::now();
        for _ in 0..1_000_000 {
            Waiting::at(None).turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

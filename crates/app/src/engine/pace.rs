//! Holds the rate of a route.

use std::time::{Duration, Instant};

/// A token bucket that holds at most one second's worth.
#[derive(Debug)]
pub struct Pace {
    per_second: Option<u32>,
    tokens: f64,
    filled_at: Instant,
}

impl Pace {
    /// At most `per_second` messages a second; no limit if `None`.
    pub fn new(per_second: Option<u32>, now: Instant) -> Self {
        // An empty bucket at start, so that restarting does not buy a burst.
        Self { per_second, tokens: 1.0, filled_at: now }
    }

    /// How many messages may go now.
    pub fn allowance(&mut self, now: Instant) -> usize {
        let Some(rate) = self.per_second else { return usize::MAX };
        let elapsed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.filled_at = now;
        self.tokens = (self.tokens + elapsed * f64::from(rate)).min(f64::from(rate).max(1.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a u32")]
        let whole = self.tokens as usize;
        whole
    }

    /// Takes what was used.
    pub fn take(&mut self, used: usize) {
        if self.per_second.is_some() {
            #[expect(clippy::cast_precision_loss, reason = "at most a claim's worth")]
            let used = used as f64;
            self.tokens = (self.tokens - used).max(0.0);
        }
    }

    /// When the next message may go, if none may go now.
    pub fn next(&self, now: Instant) -> Option<Instant> {
        let rate = self.per_second?;
        let missing = (1.0 - self.tokens).max(0.0);
        Some(now + Duration::from_secs_f64(missing / f64::from(rate)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Pace;

    #[test]
    fn a_second_never_carries_more_than_the_rate_after_the_first() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(10), start);
        let mut sent = 0;
        for step in 0..=200u32 {
            let allowed = pace.allowance(start + Duration::from_millis(u64::from(step) * 10));
            sent += allowed;
            pace.take(allowed);
        }
        assert!((20..=21).contains(&sent), "{sent} messages in two seconds at ten a second");
    }

    #[test]
    fn an_idle_route_saves_up_one_second_at_most() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(5), start);
        assert_eq!(pace.allowance(start + Duration::from_secs(3600)), 5);
    }

    #[test]
    fn without_a_rate_nothing_is_held_back() {
        let start = Instant::now();
        let mut pace = Pace::new(None, start);
        pace.take(1_000_000);
        assert_eq!(pace.allowance(start), usize::MAX);
        assert_eq!(pace.next(start), None);
    }
}

//! Turns at a rate that may change, handed out in the order they are asked for.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When the next turn is.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<Option<Instant>>);

impl Turns {
    /// The next turn at `rate` messages in 1,000 seconds, unless it is more than `wait_max` away: then nobody has it.
    /// Turns that nobody took are not saved up.
    pub(super) fn take(&self, rate: u32, now: Instant, wait_max: Duration) -> Option<Instant> {
        let gap = Duration::from_secs(1_000) / rate.max(1);
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = next.map_or(now, |next| next.max(now));
        if turn - now > wait_max {
            return None;
        }
        *next = Some(turn + gap);
        Some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_evenly_spaced_and_those_too_far_away_are_left_to_others() {
        let (turns, now) = (Turns::default(), Instant::now());
        let wait_max = Duration::from_secs(1);
        let taken: Vec<_> = (0..6).map(|_| turns.take(4_000, now, wait_max)).collect();
        let at = |ms| Some(now + Duration::from_millis(ms));
        assert_eq!(taken, [at(0), at(250), at(500), at(750), at(1_000), None]);
        let later = now + Duration::from_secs(60);
        assert_eq!(turns.take(4_000, later, wait_max), Some(later), "an idle minute is no burst");
        assert_eq!(turns.take(4_000, later, wait_max), Some(later + Duration::from_millis(250)));
    }

    #[test]
    fn a_lower_rate_counts_from_the_next_turn_on() {
        let (turns, now) = (Turns::default(), Instant::now());
        let wait_max = Duration::from_secs(60);
        turns.take(1_000, now, wait_max);
        assert_eq!(turns.take(100, now, wait_max), Some(now + Duration::from_secs(1)));
        assert_eq!(turns.take(100, now, wait_max), Some(now + Duration::from_secs(11)));
    }
}

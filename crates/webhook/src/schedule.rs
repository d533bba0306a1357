//! When a call that failed is made again.

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The waits between one attempt and the next, as Standard Webhooks publishes them. The first attempt is made at once, so
/// there are ten attempts within little more than three days.
pub const DELAYS_MS: [u64; 9] =
    [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// By what part of itself a wait may be longer than published, so that what failed together does not come back together.
const JITTER_PART: u64 = 10;

/// How long to wait after the `failed`-th attempt (from 1) has failed; `None` if there is no other.
///
/// `retry_after_ms` is what the receiver asked for, already bounded: it lengthens a wait and never shortens one. `random`
/// draws the jitter, evenly from zero to a tenth of the wait.
#[must_use]
pub fn delay_ms(failed: u32, retry_after_ms: Option<u64>, random: u64) -> Option<u64> {
    let index = usize::try_from(failed.max(1) - 1).ok()?;
    let wait = (*DELAYS_MS.get(index)?).max(retry_after_ms.unwrap_or(0));
    let ceiling = wait / JITTER_PART;
    // Multiply and shift maps 64 random bits evenly onto 0..=ceiling without a division.
    let jitter = (u128::from(random) * (u128::from(ceiling) + 1)) >> 64;
    Some(wait.saturating_add(u64::try_from(jitter).unwrap_or(ceiling)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_are_made_as_published() {
        let waits: Vec<u64> =
            (1..=9).map(|failed| delay_ms(failed, None, 0).expect("another") / SECOND).collect();
        assert_eq!(waits, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!(delay_ms(10, None, 0), None);
        assert_eq!(delay_ms(u32::MAX, Some(1), u64::MAX), None);
    }

    #[test]
    fn jitter_adds_a_tenth_at_most_and_never_shortens() {
        assert_eq!(delay_ms(1, None, u64::MAX), Some(5_500));
        assert_eq!(delay_ms(9, None, u64::MAX), Some(24 * HOUR + 24 * HOUR / 10));
        assert_eq!(delay_ms(1, None, u64::MAX / 2), Some(5_250));
    }

    #[test]
    fn a_receiver_can_ask_for_more_time_but_not_for_less() {
        assert_eq!(delay_ms(1, Some(MINUTE), 0), Some(MINUTE));
        assert_eq!(delay_ms(4, Some(MINUTE), 0), Some(2 * HOUR));
        assert_eq!(delay_ms(0, Some(0), 0), Some(5_000));
    }
}

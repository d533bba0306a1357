//! The retry policy: what follows from each outcome, and how long it takes.

use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::{
    AttemptOutcome, Cause, Failure, FailureClass, FaultScope, Reach, Words,
};
use postrider_core::domain::retry::RetryPolicy;
use postrider_core::domain::time::Timestamp;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::EPOCH;

fn failure(class: FailureClass, spends_attempt: bool) -> AttemptOutcome {
    AttemptOutcome::NotAccepted(Failure {
        class,
        scope: FaultScope::Message,
        cause: Cause::known("smtp_451"),
        words: Words::default(),
        spends_attempt,
        reach: Reach::Answered,
        is_account_fault: false,
    })
}

proptest! {
    #[test]
    fn a_delay_never_leaves_its_bounds(
        base_delay_ms in any::<u64>(), max_delay_ms in any::<u64>(), attempt in any::<u32>(), random in any::<u64>(),
    ) {
        let policy = RetryPolicy { base_delay_ms, max_delay_ms, ..RetryPolicy::default() };
        let ceiling = policy.ceiling_ms(attempt);
        prop_assert!(ceiling <= max_delay_ms);
        prop_assert!(policy.delay_ms(attempt, random) <= ceiling);
        prop_assert!(policy.ceiling_ms(attempt.saturating_add(1)) >= ceiling);
    }

    #[test]
    fn jitter_is_full_both_ends_can_be_drawn(attempt in 1u32..10) {
        let policy = RetryPolicy::default();
        prop_assert_eq!(policy.delay_ms(attempt, 0), 0);
        prop_assert_eq!(policy.delay_ms(attempt, u64::MAX), policy.ceiling_ms(attempt));
    }
}

#[test]
fn jitter_is_spread_evenly() {
    let policy = RetryPolicy { base_delay_ms: 999, ..RetryPolicy::default() };
    let mut tenths = [0u32; 10];
    let draws = 100_000u64;
    for draw in 0..draws {
        // A Weyl sequence: evenly spread over all 64 bits, and the same in every run.
        let delay_ms = policy.delay_ms(1, draw.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        tenths[usize::try_from(delay_ms / 100).expect("a small number")] += 1;
    }
    for (tenth, count) in tenths.iter().enumerate() {
        assert!((9_900..=10_100).contains(count), "tenth {tenth}: {count} of {draws}");
    }
}

#[test]
fn six_attempts_span_about_a_day() {
    let policy = RetryPolicy::default();
    let mut expected_ms = 0;
    let mut longest_ms = 0;
    for attempt in 1..policy.max_attempts {
        expected_ms += policy.delay_ms(attempt, u64::MAX / 2);
        longest_ms += policy.delay_ms(attempt, u64::MAX);
    }
    let hour_ms = 3_600_000;
    assert_eq!(policy.max_attempts, 6);
    assert!((23 * hour_ms..=26 * hour_ms).contains(&expected_ms), "{expected_ms} ms");
    assert!(longest_ms <= 60 * hour_ms, "{longest_ms} ms");
}

#[test]
fn the_ceilings_grow_fivefold_up_to_a_day() {
    let policy = RetryPolicy::default();
    let minutes: Vec<u64> = (1..=6).map(|attempt| policy.ceiling_ms(attempt) / 60_000).collect();
    assert_eq!(minutes, [10, 50, 250, 1_250, 1_440, 1_440]);
}

#[test]
fn attempts_run_out_exactly_at_the_limit() {
    let policy = RetryPolicy::default();
    for spent in 0..10 {
        let verdict = policy.judge(&failure(FailureClass::Retryable, true), spent, NOW, 1);
        assert_eq!(matches!(verdict, Verdict::Dead { .. }), spent + 1 >= 6, "{spent} attempts spent before");
    }
}

#[test]
fn what_costs_no_attempt_never_kills() {
    let policy = RetryPolicy::default();
    for spent in [0, 5, 6, u32::MAX] {
        let verdict = policy.judge(&failure(FailureClass::Retryable, false), spent, NOW, u64::MAX);
        assert!(matches!(verdict, Verdict::Deferred { spends_attempt: false, .. }), "{verdict:?}");
    }
}

#[test]
fn every_outcome_has_its_verdict() {
    let policy = RetryPolicy::default();
    let cause = Cause::known("smtp_451");
    let judge = |outcome: &AttemptOutcome| policy.judge(outcome, 1, NOW, u64::MAX);
    assert_eq!(judge(&AttemptOutcome::Accepted { words: Words::default() }), Verdict::Sent);
    assert_eq!(judge(&AttemptOutcome::Released), Verdict::Released);
    assert_eq!(judge(&failure(FailureClass::Permanent, true)), Verdict::Failed { cause: cause.clone() });
    let judge_at = NOW.plus_ms(policy.unknown_wait_ms);
    assert_eq!(
        judge(&failure(FailureClass::Unknown, true)),
        Verdict::Unknown { cause: cause.clone(), judge_at }
    );
    let until = NOW.plus_ms(policy.ceiling_ms(2));
    assert_eq!(
        judge(&failure(FailureClass::Retryable, true)),
        Verdict::Deferred { cause, until, spends_attempt: true }
    );
}

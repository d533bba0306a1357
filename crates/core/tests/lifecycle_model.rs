//! The lifecycle against a reference written from the contract's words alone, and what must hold for every history.

use postrider_core::domain::feedback::{Reported, Truth};
use postrider_core::domain::lifecycle::{Lifecycle, OnUnknown, Step, Verdict};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

/// Which statuses allow a step, as the documentation lists them. Everything else forbids it.
fn allowed(step: &Step) -> &'static [Status] {
    match step {
        Step::Claim { .. } => &[Status::Queued, Status::Deferred],
        // A sender that was given up may still tell what became of its message, but no longer give it back.
        Step::Finish { verdict: Verdict::Released, .. } => &[Status::Sending],
        // Nor anything but an end, once a person holds it.
        Step::Finish { verdict: Verdict::Sent | Verdict::Failed { .. } | Verdict::Dead { .. }, .. } => {
            &[Status::Sending, Status::Unknown, Status::Held]
        }
        Step::Finish { .. } => &[Status::Sending, Status::Unknown],
        Step::LeaseLost { .. } => &[Status::Sending],
        Step::Judge { .. } => &[Status::Unknown],
        Step::Retry { .. } => &[
            Status::Deferred,
            Status::Failed,
            Status::Dead,
            Status::Suppressed,
            Status::Held,
            Status::Unknown,
        ],
        Step::Hasten => &[Status::Deferred],
        Step::Resume { .. } => &[Status::Held],
        // A report is always taken, if there was anything to report about.
        Step::Report(_) => &Status::ALL,
        Step::Suppress { .. } => &[Status::Queued, Status::Deferred],
        Step::Erase => {
            &[Status::Sent, Status::Delivered, Status::Bounced, Status::Complained, Status::Canceled]
        }
        Step::Hold { .. } => {
            &[Status::Queued, Status::Deferred, Status::Sending, Status::Unknown, Status::Held]
        }
        Step::HoldRestored { .. } => &[Status::Queued, Status::Deferred, Status::Unknown, Status::Held],
        Step::Cancel => &[
            Status::Queued,
            Status::Deferred,
            Status::Failed,
            Status::Dead,
            Status::Suppressed,
            Status::Held,
            Status::Unknown,
        ],
    }
}

/// Why a person holds what may have left.
const MAYBE_SENT: &str = "held_by_person_maybe_sent";

fn has_cause(lifecycle: &Lifecycle, cause: &'static str) -> bool {
    lifecycle.cause == Some(Cause::known(cause))
}

/// Whether the step's own conditions, beyond the status, are met.
fn timely(before: &Lifecycle, step: &Step) -> bool {
    match step {
        Step::Claim { now, .. } => before.due_at.is_some_and(|due| due <= *now),
        Step::Judge { now, .. } => before.due_at.is_none_or(|due| due <= *now),
        Step::Finish { fence, .. } => {
            before.fence == *fence && (before.status != Status::Held || has_cause(before, MAYBE_SENT))
        }
        Step::Report(_) => before.fence > 0,
        Step::Hold { now } => match before.status {
            Status::Sending => before.due_at.is_some_and(|due| due <= *now),
            // What waits for a person anyway need not be held by one.
            Status::Held => has_cause(before, "budget_reached"),
            _ => true,
        },
        Step::HoldRestored { now } => match before.status {
            // Nobody can have sent what is wished for later.
            Status::Queued => before.due_at.is_none_or(|due| due <= *now),
            Status::Held => has_cause(before, "budget_reached"),
            _ => true,
        },
        Step::Resume { cause, .. } => before.cause.as_ref() == Some(cause),
        Step::Retry { .. } => !before.erased,
        Step::LeaseLost { .. } | Step::Hasten | Step::Cancel | Step::Erase | Step::Suppress { .. } => true,
    }
}

/// The status a step leads to, and when something is due then.
fn target(before: &Lifecycle, step: &Step) -> (Status, Option<Timestamp>) {
    match step {
        Step::Claim { lease_until, .. } => (Status::Sending, Some(*lease_until)),
        Step::LeaseLost { judge_at } => (Status::Unknown, Some(*judge_at)),
        Step::Judge { max_attempts, .. } if before.attempts >= *max_attempts => (Status::Held, None),
        Step::Judge { now, on_unknown: OnUnknown::Resend, .. } => (Status::Queued, Some(*now)),
        Step::Judge { on_unknown: OnUnknown::Hold, .. } => (Status::Held, None),
        Step::Retry { now } => (Status::Queued, Some(*now)),
        Step::Hasten => (Status::Deferred, Some(Timestamp::EPOCH)),
        Step::Cancel => (Status::Canceled, None),
        Step::Hold { .. } | Step::HoldRestored { .. } => (Status::Held, None),
        Step::Report(_) | Step::Erase => (before.status, before.due_at),
        Step::Suppress { .. } => (Status::Suppressed, None),
        Step::Resume { now, .. } => (Status::Queued, Some(*now)),
        Step::Finish { verdict, .. } => match verdict {
            Verdict::Sent => (Status::Sent, None),
            Verdict::Deferred { until, .. } => (Status::Deferred, Some(*until)),
            Verdict::Failed { .. } => (Status::Failed, None),
            Verdict::Dead { .. } => (Status::Dead, None),
            Verdict::Unknown { judge_at, .. } => (Status::Unknown, Some(*judge_at)),
            Verdict::Released => (Status::Queued, Some(Timestamp::EPOCH)),
            Verdict::Held { .. } => (Status::Held, None),
            Verdict::Superseded { .. } => (Status::Canceled, None),
        },
    }
}

/// Attempts are spent when a claim ends in anything that is not given back or excused, and once only.
fn attempts(before: &Lifecycle, step: &Step) -> u32 {
    let ends_a_claim = before.status == Status::Sending;
    match step {
        Step::Retry { .. } => 0,
        Step::LeaseLost { .. } => before.attempts.saturating_add(1),
        // Held only once the lease is lost.
        Step::Hold { .. } => before.attempts.saturating_add(u32::from(ends_a_claim)),
        Step::Finish {
            verdict: Verdict::Released | Verdict::Held { .. } | Verdict::Superseded { .. },
            ..
        }
        | Step::Finish { verdict: Verdict::Deferred { spends_attempt: false, .. }, .. } => before.attempts,
        Step::Finish { .. } if ends_a_claim => before.attempts.saturating_add(1),
        _ => before.attempts,
    }
}

/// Sent needs no reason, a failure gives its own, everything else leaves the last one standing.
fn cause(before: &Lifecycle, step: &Step) -> Option<Cause> {
    match step {
        Step::Finish { verdict: Verdict::Sent, .. } | Step::Resume { .. } => None,
        Step::Finish { verdict: Verdict::Deferred { cause, .. }, .. }
        | Step::Finish { verdict: Verdict::Failed { cause }, .. }
        | Step::Finish { verdict: Verdict::Dead { cause }, .. }
        | Step::Finish { verdict: Verdict::Held { cause }, .. }
        | Step::Finish { verdict: Verdict::Superseded { cause }, .. }
        | Step::Finish { verdict: Verdict::Unknown { cause, .. }, .. } => Some(cause.clone()),
        Step::LeaseLost { .. } => Some(Cause::known("sender_lost")),
        Step::Suppress { cause } => Some(cause.clone()),
        Step::Hold { .. } if matches!(before.status, Status::Sending | Status::Unknown) => {
            Some(Cause::known(MAYBE_SENT))
        }
        Step::Hold { .. } => Some(Cause::known("held_by_person")),
        Step::HoldRestored { .. } if before.status == Status::Unknown => Some(Cause::known(MAYBE_SENT)),
        Step::HoldRestored { .. } => Some(Cause::known("restored_maybe_sent")),
        _ => before.cause.clone(),
    }
}

fn reference(before: &Lifecycle, step: &Step) -> Option<Lifecycle> {
    if !allowed(step).contains(&before.status) || !timely(before, step) {
        return None;
    }
    let (status, due_at) = target(before, step);
    // A claim since the moment that was restored is counted unseen.
    let restored = matches!(step, Step::HoldRestored { .. }) && before.status != Status::Unknown;
    let fence = before.fence.saturating_add(u32::from(restored || matches!(step, Step::Claim { .. })));
    let plain = Lifecycle {
        status,
        due_at,
        fence,
        attempts: attempts(before, step),
        cause: cause(before, step),
        reported: reported(before, step),
        erased: before.erased || matches!(step, Step::Erase),
    };
    // What was reported is the truth, as soon as no sender has it: not while it is claimed, judged, or waits.
    let settles = matches!(step, Step::Finish { .. } | Step::LeaseLost { .. } | Step::Report(_))
        || matches!(step, Step::Hold { .. }) && before.status == Status::Sending;
    match &plain.reported {
        Some(known) if settles && status != Status::Sending => Some(Lifecycle {
            status: known.truth.status(),
            due_at: None,
            cause: known.cause.clone(),
            ..plain
        }),
        _ => Some(plain),
    }
}

fn has_left(status: Status) -> bool {
    matches!(status, Status::Sent | Status::Delivered | Status::Bounced | Status::Complained)
}

/// The greatest of what reports have said, until a person starts anew.
fn reported(before: &Lifecycle, step: &Step) -> Option<Reported> {
    match step {
        Step::Report(new) => before.reported.clone().max(Some(new.clone())),
        Step::Retry { .. } => None,
        _ => before.reported.clone(),
    }
}

fn report() -> impl Strategy<Value = Reported> {
    (select(Truth::ALL.to_vec()), a_cause()).prop_map(|(truth, cause)| {
        let is_well = matches!(truth, Truth::Accepted | Truth::Delivered);
        Reported { truth, cause: (!is_well).then_some(cause) }
    })
}

fn instant() -> impl Strategy<Value = Timestamp> {
    // Few enough that steps meet due times exactly, one before and one after.
    (0i64..6).prop_map(Timestamp::from_millis)
}

fn a_cause() -> impl Strategy<Value = Cause> {
    select(vec![
        Cause::known("smtp_550"),
        Cause::known("connect_refused"),
        Cause::known("budget_reached"),
        Cause::known(MAYBE_SENT),
    ])
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Sent),
        Just(Verdict::Released),
        a_cause().prop_map(|cause| Verdict::Superseded { cause }),
        a_cause().prop_map(|cause| Verdict::Held { cause }),
        (a_cause(), instant(), any::<bool>()).prop_map(|(cause, until, spends_attempt)| Verdict::Deferred {
            cause,
            until,
            spends_attempt
        }),
        a_cause().prop_map(|cause| Verdict::Failed { cause }),
        a_cause().prop_map(|cause| Verdict::Dead { cause }),
        (a_cause(), instant()).prop_map(|(cause, judge_at)| Verdict::Unknown { cause, judge_at }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (instant(), instant()).prop_map(|(now, lease_until)| Step::Claim { now, lease_until }),
        4 => (0u32..4, verdict()).prop_map(|(fence, verdict)| Step::Finish { fence, verdict }),
        1 => instant().prop_map(|judge_at| Step::LeaseLost { judge_at }),
        1 => (instant(), select(vec![OnUnknown::Resend, OnUnknown::Hold]), 0u32..4)
            .prop_map(|(now, on_unknown, max_attempts)| Step::Judge { now, on_unknown, max_attempts }),
        1 => instant().prop_map(|now| Step::Retry { now }),
        1 => Just(Step::Hasten),
        1 => (instant(), a_cause()).prop_map(|(now, cause)| Step::Resume { now, cause }),
        1 => Just(Step::Cancel),
        1 => Just(Step::Erase),
        1 => instant().prop_map(|now| Step::Hold { now }),
        1 => instant().prop_map(|now| Step::HoldRestored { now }),
        2 => report().prop_map(Step::Report),
        1 => a_cause().prop_map(|cause| Step::Suppress { cause }),
    ]
}

fn any_lifecycle() -> impl Strategy<Value = Lifecycle> {
    let due_at = proptest::option::of(instant());
    let attempts = prop_oneof![0u32..4, Just(u32::MAX)];
    let fence = prop_oneof![0u32..4, Just(u32::MAX)];
    (
        select(Status::ALL.to_vec()),
        due_at,
        fence,
        attempts,
        proptest::option::of(a_cause()),
        proptest::option::of(report()),
        prop_oneof![4 => Just(false), 1 => Just(true)],
    )
        .prop_map(|(status, due_at, fence, attempts, cause, reported, erased)| Lifecycle {
            status,
            due_at,
            fence,
            attempts,
            cause,
            reported,
            erased,
        })
}

/// Every resend of an unknown outcome may be one more copy in somebody's mailbox.
#[test]
fn no_more_copies_are_made_by_themselves_than_there_are_attempts() {
    const MAX_ATTEMPTS: u32 = 3;
    let now = Timestamp::EPOCH;
    let mut lifecycle = Lifecycle::accepted(now);
    let mut copies = 0;
    while let Ok(claimed) = lifecycle.apply(&Step::Claim { now, lease_until: now }) {
        copies += 1;
        assert!(copies <= MAX_ATTEMPTS, "copy {copies}");
        let unknown = claimed.apply(&Step::LeaseLost { judge_at: now }).expect("a lease can be lost");
        let judge = Step::Judge { now, on_unknown: OnUnknown::Resend, max_attempts: MAX_ATTEMPTS };
        lifecycle = unknown.apply(&judge).expect("its time has come");
    }
    assert_eq!((copies, lifecycle.status, lifecycle.due_at), (MAX_ATTEMPTS, Status::Held, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_in_every_status_does_what_the_contract_says(before in any_lifecycle(), step in step()) {
        let after = before.apply(&step);
        match reference(&before, &step) {
            Some(expected) => prop_assert_eq!(after, Ok(expected)),
            None => prop_assert_eq!(after.map_err(|forbidden| forbidden.status), Err(before.status)),
        }
    }

    #[test]
    fn whatever_happens_the_history_makes_sense(steps in proptest::collection::vec(step(), 0..60)) {
        let mut now = Lifecycle::accepted(Timestamp::EPOCH);
        for step in &steps {
            let Ok(after) = now.apply(step) else { continue };
            // A fence only rises, by one, and only by a claim, or one that a restored ledger may have forgotten.
            let is_claim = matches!(step, Step::Claim { .. })
                || matches!(step, Step::HoldRestored { .. }) && now.status != Status::Unknown;
            prop_assert_eq!(after.fence, now.fence + u32::from(is_claim));
            // Attempts are lost only where a person grants a fresh budget, and never exceed the claims.
            let is_retry = matches!(step, Step::Retry { .. });
            prop_assert!(after.attempts >= now.attempts || is_retry);
            prop_assert!(after.attempts <= after.fence);
            // What is to happen by itself has a time, and nothing else has.
            let happens_by_itself = matches!(
                after.status,
                Status::Queued | Status::Deferred | Status::Sending | Status::Unknown
            );
            prop_assert_eq!(after.due_at.is_some(), happens_by_itself);
            // Somebody who looks at a dead letter finds the reason.
            prop_assert!(!after.status.is_dead_letter() || after.cause.is_some());
            // Sent is for good: from there on only reports say more, and nothing sends it again by itself. A refusal that
            // the mail service reports later leaves it to a person.
            if has_left(now.status) && step != &Step::Erase {
                let is_report = matches!(step, Step::Report(_));
                prop_assert!(is_report && (has_left(after.status) || after.status == Status::Failed), "{step:?}");
            }
            // What was erased stays so, and is never again on its way nor waits for anything.
            prop_assert!(after.erased || !now.erased);
            let is_over = has_left(after.status) || matches!(after.status, Status::Canceled | Status::Failed);
            prop_assert!(is_over || !after.erased, "{step:?} led to {}", after.status);
            // What reports say never gets less, until a person starts anew.
            prop_assert!(after.reported >= now.reported || is_retry);
            now = after;
        }
    }

    #[test]
    fn a_late_loser_changes_nothing(now in instant(), late_verdict in verdict(), verdict in verdict()) {
        let claim = Step::Claim { now: Timestamp::from_millis(9), lease_until: now };
        let first = Lifecycle::accepted(now).apply(&claim).expect("what is due can be claimed");
        let lost = first.apply(&Step::LeaseLost { judge_at: now }).expect("a lease can be lost");
        let judge = Step::Judge { now, on_unknown: OnUnknown::Resend, max_attempts: 2 };
        let judged = lost.apply(&judge).expect("its time has come");
        let second = judged.apply(&claim).expect("what is due can be claimed");
        let late = Step::Finish { fence: first.fence, verdict: late_verdict };
        prop_assert!(judged.apply(&late).is_err());
        prop_assert!(second.apply(&late).is_err());
        let ended = second.apply(&Step::Finish { fence: second.fence, verdict }).expect("the claim is its own");
        prop_assert!(ended.apply(&late).is_err());
    }
}

#[test]
fn only_what_waits_and_is_due_is_due() {
    for status in Status::ALL {
        for due_ms in [1, 2, 3] {
            let due_at = Some(Timestamp::from_millis(due_ms));
            let lifecycle = Lifecycle {
                status,
                due_at,
                fence: 0,
                attempts: 0,
                cause: None,
                reported: None,
                erased: false,
            };
            let waits = matches!(status, Status::Queued | Status::Deferred);
            assert_eq!(
                lifecycle.is_due(Timestamp::from_millis(2)),
                waits && due_ms <= 2,
                "{status} at {due_ms}"
            );
        }
    }
}

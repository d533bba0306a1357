//! Looking after what was left behind.

use postrider_core::domain::lifecycle::{CAUSE_SENDER_LOST, OnUnknown, Verdict};
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::ledger::{Leases, Swept};

use super::scene::{JUDGE_MS, LEASE_MS, MAX_ATTEMPTS, Scene, sure, unknown};

/// A lease that ran out leaves an unknown outcome, to be judged later.
pub async fn an_expired_lease_becomes_unknown(scene: &Scene) {
    let id = scene.post("1").await;
    scene.claim_one().await;
    scene.clock.advance_ms(LEASE_MS);
    assert_eq!(scene.sweep(OnUnknown::Resend).await, Swept { leases_lost: 1, ..Swept::default() });
    let lifecycle = scene.notification(id).await.lifecycle;
    assert_eq!((lifecycle.status, lifecycle.fence, lifecycle.attempts), (Status::Unknown, 1, 1));
    assert_eq!(lifecycle.due_at, Some(scene.now().plus_ms(JUDGE_MS)));
    assert_eq!(lifecycle.cause, Some(CAUSE_SENDER_LOST));
}

/// A sender that is still within its lease is not disturbed.
pub async fn a_live_lease_is_left_alone(scene: &Scene) {
    let id = scene.post("1").await;
    scene.claim_one().await;
    scene.clock.advance_ms(LEASE_MS - 1);
    assert_eq!(scene.sweep(OnUnknown::Resend).await, Swept::default());
    assert_eq!(scene.status(id).await, Status::Sending);
}

/// After a restart no lease is waited for.
pub async fn every_lease_is_lost_when_nobody_else_is_alive(scene: &Scene) {
    let id = scene.post("1").await;
    let waiting = scene.post("2").await;
    assert_eq!(scene.claim(1).await.len(), 1);
    let swept = scene.sweep_with(Leases::All, OnUnknown::Resend, 100).await;
    assert_eq!(swept, Swept { leases_lost: 1, ..Swept::default() });
    let mut statuses = [scene.status(id).await, scene.status(waiting).await];
    statuses.sort_unstable();
    assert_eq!(statuses, [Status::Queued, Status::Unknown]);
}

/// At least once: when nobody reported, it goes again, under the next fence.
pub async fn an_unknown_outcome_is_sent_again(scene: &Scene) {
    let id = scene.post_and_finish("1", unknown(scene.now().plus_ms(JUDGE_MS))).await;
    scene.clock.advance_ms(JUDGE_MS);
    assert_eq!(scene.sweep(OnUnknown::Resend).await, Swept { resent: 1, ..Swept::default() });
    let claim = scene.claim_one().await;
    assert_eq!((claim.notification.id, claim.notification.lifecycle.fence), (id, 2));
}

/// At most once: when nobody reported, a person decides.
pub async fn an_unknown_outcome_is_held(scene: &Scene) {
    let id = scene.post_and_finish("1", unknown(scene.now())).await;
    assert_eq!(scene.sweep(OnUnknown::Hold).await, Swept { held: 1, ..Swept::default() });
    assert_eq!(scene.status(id).await, Status::Held);
    scene.clock.advance_ms(JUDGE_MS);
    assert!(scene.claim(10).await.is_empty());
}

/// A server that never says what it took is not sent copies without end.
pub async fn an_unknown_outcome_with_its_attempts_spent_is_held(scene: &Scene) {
    let id = scene.post("1").await;
    for attempt in 1..=MAX_ATTEMPTS {
        let claim = scene.claim_one().await;
        scene.finish(&claim, unknown(scene.now())).await;
        let is_last = attempt == MAX_ATTEMPTS;
        let expected =
            Swept { resent: usize::from(!is_last), held: usize::from(is_last), ..Swept::default() };
        assert_eq!(scene.sweep(OnUnknown::Resend).await, expected, "after attempt {attempt}");
    }
    let lifecycle = scene.notification(id).await.lifecycle;
    assert_eq!((lifecycle.status, lifecycle.attempts), (Status::Held, MAX_ATTEMPTS));
    assert!(lifecycle.cause.is_some());
    let story = scene.story(id).await;
    assert_eq!(story.iter().filter(|kind| **kind == TimelineKind::Resent).count(), MAX_ATTEMPTS as usize - 1);
    assert_eq!(story.last(), Some(&TimelineKind::Held));
}

/// A report may still come.
pub async fn no_outcome_is_judged_before_its_time(scene: &Scene) {
    let id = scene.post_and_finish("1", unknown(scene.now().plus_ms(JUDGE_MS))).await;
    scene.clock.advance_ms(JUDGE_MS - 1);
    assert_eq!(scene.sweep_with(Leases::All, OnUnknown::Resend, 100).await, Swept::default());
    assert_eq!(scene.status(id).await, Status::Unknown);
}

/// What becomes unknown in a sweep is judged by a later one, even if it is to be judged at once.
pub async fn one_sweep_touches_each_once(scene: &Scene) {
    let id = scene.post("1").await;
    scene.claim_one().await;
    let now = scene.now();
    let sweep = postrider_core::ports::ledger::Sweep {
        now,
        leases: Leases::All,
        judge_at: now,
        on_unknown: OnUnknown::Hold,
        max_attempts: MAX_ATTEMPTS,
        limit: 10,
    };
    assert_eq!(sure(scene.ledger.sweep(sweep).await), Swept { leases_lost: 1, ..Swept::default() });
    assert_eq!(sure(scene.ledger.sweep(sweep).await), Swept { held: 1, ..Swept::default() });
    assert_eq!(scene.status(id).await, Status::Held);
}

/// A long list is worked through in bounded steps.
pub async fn a_sweep_handles_no_more_than_asked(scene: &Scene) {
    for order in 0..5 {
        scene.post(&order.to_string()).await;
    }
    assert_eq!(scene.claim(5).await.len(), 5);
    for expected in [2, 2, 1, 0] {
        let swept = scene.sweep_with(Leases::All, OnUnknown::Hold, 2).await;
        assert_eq!(swept, Swept { leases_lost: expected, ..Swept::default() });
    }
    scene.clock.advance_ms(JUDGE_MS);
    for expected in [3, 2, 0] {
        let swept = scene.sweep_with(Leases::All, OnUnknown::Hold, 3).await;
        assert_eq!(swept, Swept { held: expected, ..Swept::default() });
    }
}

/// The story names every claim once, whatever was learnt about it and when.
pub async fn each_claim_is_told_once(scene: &Scene) {
    let id = scene.post("1").await;
    let claim = scene.claim_one().await;
    scene.clock.advance_ms(LEASE_MS);
    scene.sweep(OnUnknown::Resend).await;
    let told = [TimelineKind::Accepted, TimelineKind::Claimed, TimelineKind::Unknown];
    assert_eq!(scene.story(id).await, told);
    scene.finish(&claim, Verdict::Sent).await;
    assert_eq!(scene.story(id).await, [&told[..], &[TimelineKind::Sent]].concat());
}

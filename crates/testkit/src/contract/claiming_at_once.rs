//! Accepting and claiming in one step, for a caller that sends right away.

use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::feedback::NewSuppression;
use postrider_core::ports::ledger::Acceptance;

use super::scene::{LEASE_MS, Scene, address, sure};

/// The claim is as good as one that was made afterwards: it carries the event, the lease and the first fence, and can
/// be finished.
pub async fn what_is_new_and_due_is_the_callers(scene: &Scene) {
    let acceptance = at_once(scene, "1");
    let accepted = scene.accept(acceptance.clone()).await;
    assert_eq!(accepted.notifications[0].status, Status::Sending);
    let [claim] = accepted.claims.as_slice() else { panic!("one claim: {:?}", accepted.claims) };
    assert_eq!(claim.event, acceptance.event);
    assert_eq!(claim.notification, scene.notification(accepted.notifications[0].id).await);
    let lifecycle = &claim.notification.lifecycle;
    assert_eq!((lifecycle.status, lifecycle.fence, lifecycle.attempts), (Status::Sending, 1, 0));
    assert_eq!(lifecycle.due_at, Some(scene.now().plus_ms(LEASE_MS)));
    scene.finish(claim, Verdict::Sent).await;
    let story = scene.story(claim.notification.id).await;
    assert_eq!(story, [TimelineKind::Accepted, TimelineKind::Claimed, TimelineKind::Sent]);
}

/// It is on its way already.
pub async fn whoever_claims_next_finds_nothing(scene: &Scene) {
    scene.accept(at_once(scene, "1")).await;
    assert!(scene.claim(10).await.is_empty());
}

/// Somebody else has it, or it is over: whoever posts it again sends nothing.
pub async fn a_duplicate_is_not_the_callers(scene: &Scene) {
    let first = scene.accept(at_once(scene, "1")).await;
    scene.clock.advance_ms(1);
    let again = scene.accept(at_once(scene, "1")).await;
    assert!(again.claims.is_empty());
    assert!(again.notifications[0].duplicate);
    assert_eq!(again.notifications[0].id, first.notifications[0].id);
    // Also one that waits in the queue: whoever claims what is due has it.
    scene.post("2").await;
    assert!(scene.accept(at_once(scene, "2")).await.claims.is_empty());
    assert_eq!(scene.claim(10).await.len(), 1);
}

/// A wish for later is kept.
pub async fn what_must_wait_is_left_to_wait(scene: &Scene) {
    let send_at = Some(scene.now().plus_ms(1_000));
    let accepted = scene.accept(Acceptance { send_at, ..at_once(scene, "1") }).await;
    assert!(accepted.claims.is_empty());
    assert_eq!(accepted.notifications[0].status, Status::Queued);
    scene.clock.advance_ms(1_000);
    assert_eq!(scene.claim(10).await.len(), 1);
}

/// The list is looked at in this step too.
pub async fn the_suppressed_are_not_claimed_at_once(scene: &Scene) {
    let entry = NewSuppression {
        address: address("ADA@example.com"),
        category: None,
        reason: SuppressionReason::Manual,
        source: "api".to_owned(),
        since: scene.now(),
        expires_at: None,
        now: scene.now(),
    };
    sure(scene.ledger.suppress(entry).await);
    let accepted = scene.accept(at_once(scene, "1")).await;
    assert!(accepted.claims.is_empty());
    assert_eq!(accepted.notifications[0].status, Status::Suppressed);
}

/// One event, several e-mails: each is claimed, and those that were there before are not.
pub async fn each_type_of_an_event_is_claimed(scene: &Scene) {
    scene.post("1").await;
    let mut acceptance = at_once(scene, "1");
    for name in ["to_the_merchant", "to_the_warehouse"] {
        acceptance.notifications.push(scene.plan(name, "1"));
    }
    let accepted = scene.accept(acceptance).await;
    let claimed: Vec<_> =
        accepted.claims.iter().map(|claim| claim.notification.notification_type.as_str()).collect();
    assert_eq!(claimed, ["to_the_merchant", "to_the_warehouse"]);
}

/// The lease is watched like any other.
pub async fn a_lost_sender_is_found_by_a_sweep(scene: &Scene) {
    let id = scene.accept(at_once(scene, "1")).await.notifications[0].id;
    scene.clock.advance_ms(LEASE_MS + 1);
    assert_eq!(scene.sweep(OnUnknown::Hold).await.leases_lost, 1);
    assert_eq!(scene.status(id).await, Status::Unknown);
}

fn at_once(scene: &Scene, order: &str) -> Acceptance {
    Acceptance { lease_until: Some(scene.now().plus_ms(LEASE_MS)), ..scene.acceptance(order) }
}

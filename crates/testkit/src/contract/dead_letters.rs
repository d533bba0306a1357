//! Dead letters and their redrive.

use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::ports::ledger::DeadLetterGroup;
use postrider_core::use_cases::redrive::{Selection, redrive};

use super::scene::{Scene, dead, deferred, failed, sure, unknown};

/// Groups by cause, the largest first, with the span of their acceptance.
pub async fn causes_are_counted_with_their_span(scene: &Scene) {
    let start = scene.now();
    for (order, verdict) in [
        ("1", failed("smtp_550_5.1.1")),
        ("2", dead("connect_refused")),
        ("3", failed("connect_refused")),
        ("4", dead("connect_refused")),
    ] {
        scene.post_and_finish(order, verdict).await;
        scene.clock.advance_ms(10);
    }
    let refused = DeadLetterGroup {
        cause: Cause::known("connect_refused"),
        count: 3,
        oldest_at: start.plus_ms(10),
        newest_at: start.plus_ms(30),
    };
    let unknown_user = DeadLetterGroup {
        cause: Cause::known("smtp_550_5.1.1"),
        count: 1,
        oldest_at: start,
        newest_at: start,
    };
    assert_eq!(sure(scene.ledger.dead_letter_groups().await), [refused, unknown_user]);
}

/// What waits, was sent or is unknown is no dead letter; what is held is one.
pub async fn only_dead_letters_count(scene: &Scene) {
    scene.post_and_finish("1", Verdict::Sent).await;
    scene.post_and_finish("2", deferred(scene.now().plus_ms(1_000))).await;
    scene.post_and_finish("3", unknown(scene.now())).await;
    assert!(sure(scene.ledger.dead_letter_groups().await).is_empty());
    scene.sweep(OnUnknown::Hold).await;
    let groups = sure(scene.ledger.dead_letter_groups().await);
    assert_eq!(groups.iter().map(|group| group.count).collect::<Vec<_>>(), [1]);
}

/// A redrive moves what it was asked to move, and a second one finds nothing.
pub async fn a_redrive_by_cause_leaves_the_others(scene: &Scene) {
    let refused = scene.post_and_finish("1", dead("connect_refused")).await;
    let rejected = scene.post_and_finish("2", failed("smtp_550")).await;
    let selection = Selection { cause: Some(Cause::known("connect_refused")), ids: Vec::new(), limit: 10 };
    let planned = sure(redrive(&*scene.ledger, &selection, true, scene.now()).await);
    assert_eq!((planned.redriven, scene.status(refused).await), (vec![refused], Status::Dead));
    let done = sure(redrive(&*scene.ledger, &selection, false, scene.now()).await);
    assert_eq!(done.redriven, [refused]);
    assert_eq!(scene.claim_one().await.notification.id, refused);
    assert_eq!(scene.status(rejected).await, Status::Failed);
    let again = sure(redrive(&*scene.ledger, &selection, false, scene.now()).await);
    assert!(again.redriven.is_empty());
}

/// Dedup outlives a redrive.
pub async fn a_redriven_key_is_still_taken(scene: &Scene) {
    let id = scene.post_and_finish("1", dead("connect_refused")).await;
    let selection = Selection { cause: None, ids: vec![id], limit: 10 };
    sure(redrive(&*scene.ledger, &selection, false, scene.now()).await);
    let again = scene.accept(scene.acceptance("1")).await;
    assert_eq!((again.notifications[0].id, again.notifications[0].duplicate), (id, true));
    assert_eq!(scene.claim(10).await.len(), 1);
}

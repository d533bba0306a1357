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
    let selection =
        Selection { cause: Some(Cause::known("connect_refused")), limit: 10, ..Selection::default() };
    let planned = sure(redrive(&*scene.ledger, &selection, true, scene.now()).await);
    assert_eq!((planned.redriven, scene.status(refused).await), (vec![refused], Status::Dead));
    let done = sure(redrive(&*scene.ledger, &selection, false, scene.now()).await);
    assert_eq!(done.redriven, [refused]);
    assert_eq!(scene.claim_one().await.notification.id, refused);
    assert_eq!(scene.status(rejected).await, Status::Failed);
    let again = sure(redrive(&*scene.ledger, &selection, false, scene.now()).await);
    assert!(again.redriven.is_empty());
}

/// Step by step, with a limit, everything is moved once: what dies again at once is not met again, and a dry run sees
/// just as much.
pub async fn a_redrive_in_steps_meets_each_dead_letter_once(scene: &Scene) {
    let mut dead_letters = Vec::new();
    for order in ["1", "2", "3", "4", "5"] {
        dead_letters.push(scene.post_and_finish(order, dead("connect_refused")).await);
        scene.clock.advance_ms(10);
    }
    dead_letters.reverse();
    for dry_run in [true, false] {
        let (mut met, mut selection) = (Vec::new(), Selection { limit: 2, ..Selection::default() });
        loop {
            let step = sure(redrive(&*scene.ledger, &selection, dry_run, scene.now()).await);
            assert_eq!(step.has_more, step.next.is_some());
            if !dry_run {
                for claim in scene.claim(10).await {
                    scene.finish(&claim, dead("connect_refused")).await;
                }
            }
            met.extend(step.redriven);
            assert!(met.len() <= dead_letters.len(), "{met:?}");
            match step.next {
                Some(next) => selection.after = Some(next),
                None => break,
            }
        }
        assert_eq!(met, dead_letters);
    }
}

/// Dedup outlives a redrive.
pub async fn a_redriven_key_is_still_taken(scene: &Scene) {
    let id = scene.post_and_finish("1", dead("connect_refused")).await;
    let selection = Selection { ids: vec![id], limit: 10, ..Selection::default() };
    sure(redrive(&*scene.ledger, &selection, false, scene.now()).await);
    let again = scene.accept(scene.acceptance("1")).await;
    assert_eq!((again.notifications[0].id, again.notifications[0].duplicate), (id, true));
    assert_eq!(scene.claim(10).await.len(), 1);
}

//! What is done out of turn.

use postrider_core::domain::lifecycle::{CAUSE_HELD_MAYBE_SENT, Verdict};
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::ledger::{Finished, Intervened, Intervention};

use super::scene::{Scene, dead, deferred, sure};

/// A retry starts over: due now, no attempt spent, and the answer is what is stored.
pub async fn a_dead_letter_gets_a_fresh_budget(scene: &Scene) {
    let id = scene.post_and_finish("1", dead("connect_refused")).await;
    scene.clock.advance_ms(10);
    let Intervened::Done(now) = scene.intervene(id, Intervention::Retry).await else {
        panic!("a dead letter can be retried");
    };
    assert_eq!((now.lifecycle.status, now.lifecycle.attempts), (Status::Queued, 0));
    assert_eq!((now.lifecycle.due_at, now.updated_at), (Some(scene.now()), scene.now()));
    assert_eq!(scene.notification(id).await, *now);
    let claim = scene.claim_one().await;
    assert_eq!((claim.notification.id, claim.notification.lifecycle.fence), (id, 2));
}

/// A retry would be a second e-mail, or none.
pub async fn what_is_sent_or_on_its_way_cannot_be_repeated(scene: &Scene) {
    let sent = scene.post_and_finish("1", Verdict::Sent).await;
    let sending = scene.post("2").await;
    scene.claim_one().await;
    let queued = scene.post("3").await;
    for (id, status) in [(sent, Status::Sent), (sending, Status::Sending), (queued, Status::Queued)] {
        let before = sure(scene.ledger.find(id).await);
        assert_eq!(scene.intervene(id, Intervention::Retry).await, Intervened::Forbidden(status));
        assert_eq!(sure(scene.ledger.find(id).await), before);
    }
}

/// What was taken back in time never leaves.
pub async fn what_is_taken_back_is_never_claimed(scene: &Scene) {
    let id = scene.post("1").await;
    assert!(matches!(scene.intervene(id, Intervention::Cancel).await, Intervened::Done(_)));
    scene.clock.advance_ms(1_000_000);
    assert!(scene.claim(10).await.is_empty());
    let forbidden = Intervened::Forbidden(Status::Canceled);
    assert_eq!(scene.intervene(id, Intervention::Retry).await, forbidden);
    assert_eq!(scene.intervene(id, Intervention::Cancel).await, forbidden);
}

/// What left cannot be taken back.
pub async fn what_is_sent_cannot_be_taken_back(scene: &Scene) {
    let id = scene.post("1").await;
    let claim = scene.claim_one().await;
    assert_eq!(scene.intervene(id, Intervention::Cancel).await, Intervened::Forbidden(Status::Sending));
    scene.finish(&claim, Verdict::Sent).await;
    assert_eq!(scene.intervene(id, Intervention::Cancel).await, Intervened::Forbidden(Status::Sent));
}

/// A deferred notification becomes due now, with the attempts it has; others do not.
pub async fn what_waits_for_its_route_can_be_hastened(scene: &Scene) {
    let id = scene.post_and_finish("1", deferred(scene.now().plus_ms(1_000_000))).await;
    let queued = scene.post("2").await;
    assert_eq!(scene.intervene(queued, Intervention::Hasten).await, Intervened::Forbidden(Status::Queued),);
    assert!(matches!(scene.intervene(id, Intervention::Hasten).await, Intervened::Done(_)));
    let claims = scene.claim(10).await;
    let hastened = claims.iter().find(|claim| claim.notification.id == id);
    assert_eq!(hastened.map(|claim| claim.notification.lifecycle.attempts), Some(1));
}

/// Its turn came before the outage; whatever has become due since waits behind it.
pub async fn what_is_hastened_goes_first(scene: &Scene) {
    let id = scene.post_and_finish("1", deferred(scene.now().plus_ms(1_000_000))).await;
    let younger = scene.post("2").await;
    scene.clock.advance_ms(1_000);
    scene.intervene(id, Intervention::Hasten).await;
    let claimed: Vec<_> = scene.claim(10).await.into_iter().map(|claim| claim.notification.id).collect();
    assert_eq!(claimed, [id, younger]);
}

/// What waits for a decision is sent by nobody, until a person asks for it.
pub async fn what_is_held_waits_for_a_person(scene: &Scene) {
    let later = scene.post_and_finish("1", deferred(scene.now().plus_ms(1_000_000))).await;
    let queued = scene.post("2").await;
    for id in [queued, later] {
        let Intervened::Done(held) = scene.intervene(id, Intervention::Hold).await else {
            panic!("what waits can be held");
        };
        assert_eq!((held.lifecycle.status, held.lifecycle.due_at), (Status::Held, None));
        assert_eq!(scene.story(id).await.last(), Some(&TimelineKind::Held));
        let forbidden = Intervened::Forbidden(Status::Held);
        assert_eq!(scene.intervene(id, Intervention::Hold).await, forbidden);
    }
    scene.clock.advance_ms(2_000_000);
    assert!(scene.claim(10).await.is_empty());
    scene.intervene(later, Intervention::Retry).await;
    assert_eq!(scene.claim_one().await.notification.id, later);
}

/// A sender may still have it, unless its lease has run out.
pub async fn what_a_sender_has_cannot_be_held_before_its_lease_is_over(scene: &Scene) {
    let id = scene.post("1").await;
    let claim = scene.claim_one().await;
    assert_eq!(scene.intervene(id, Intervention::Hold).await, Intervened::Forbidden(Status::Sending));
    let Some(lease_until) = claim.notification.lifecycle.due_at else { panic!("a claim has a lease") };
    scene.clock.advance_ms(lease_until.ms_since(scene.now()));
    assert!(matches!(scene.intervene(id, Intervention::Hold).await, Intervened::Done(_)));
    let held = scene.notification(id).await.lifecycle;
    assert_eq!((held.status, held.cause), (Status::Held, Some(CAUSE_HELD_MAYBE_SENT)));
    // That it was sent after all is what whoever holds it must know; that it was not ends no hold.
    let later = deferred(scene.now().plus_ms(1_000));
    assert_eq!(scene.finish(&claim, later).await, Finished::Stale);
    assert_eq!(scene.finish(&claim, Verdict::Sent).await, Finished::Recorded(Status::Sent));
    assert_eq!(scene.story(id).await.last(), Some(&TimelineKind::Sent));
}

/// There is nobody to do it to.
pub async fn nobody_can_be_done_nothing(scene: &Scene) {
    let (stranger, _) = scene.plan("any", "any");
    for intervention in [Intervention::Retry, Intervention::Hasten, Intervention::Cancel, Intervention::Hold]
    {
        assert_eq!(scene.intervene(stranger, intervention).await, Intervened::NotFound);
    }
}

/// Interventions are part of the story.
pub async fn every_intervention_is_on_the_timeline(scene: &Scene) {
    let id = scene.post_and_finish("1", deferred(scene.now().plus_ms(1_000_000))).await;
    for intervention in [Intervention::Hasten, Intervention::Cancel] {
        scene.intervene(id, intervention).await;
    }
    let dead = scene.post_and_finish("2", dead("connect_refused")).await;
    scene.intervene(dead, Intervention::Retry).await;
    let expected =
        [TimelineKind::Accepted, TimelineKind::Claimed, TimelineKind::Deferred, TimelineKind::Hastened];
    assert_eq!(scene.story(id).await, [&expected[..], &[TimelineKind::Canceled]].concat());
    assert_eq!(scene.story(dead).await.last(), Some(&TimelineKind::Retried));
}

//! What a caller can rely on when calls fail: to repeat is always safe.

use std::sync::Arc;

use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::ledger::{
    AcceptResult, Acceptance, ClaimDue, Finished, Intervened, Intervention, Ledger as _, LedgerError,
    ListQuery,
};

use super::idempotency::idempotency;
use super::scene::{JUDGE_MS, LEASE_MS, Scene, sure};
use crate::faulty_ledger::{Fault, FaultyLedger};

/// A refusal leaves no trace, so the same event is new the next time.
pub async fn a_refused_acceptance_left_nothing(scene: &Scene) {
    let faulty = faulty(scene, [Fault::Refuse]);
    let acceptance = scene.acceptance("1");
    assert!(matches!(faulty.accept(acceptance.clone()).await, Err(LedgerError::Unavailable { .. })));
    assert!(scene.list(ListQuery::default()).await.is_empty());
    assert!(!scene.accept(acceptance).await.notifications[0].duplicate);
}

/// The process died after the commit and before the answer: the sender asks again, with new ids, and gets the first.
pub async fn an_acceptance_whose_answer_was_lost_is_found_by_asking_again(scene: &Scene) {
    let faulty = faulty(scene, [Fault::LoseAnswer]);
    let lost = scene.acceptance("1");
    assert!(faulty.accept(lost.clone()).await.is_err());
    let again = scene.accept(scene.acceptance("1")).await;
    assert_eq!((again.event_id, again.notifications[0].id), (lost.event.id, lost.notifications[0].0));
    assert_eq!(scene.claim(10).await.len(), 1);
}

/// The same, with an idempotency key: the answer that was lost is given.
pub async fn an_answer_that_was_lost_is_replayed(scene: &Scene) {
    let faulty = faulty(scene, [Fault::LoseAnswer]);
    let with_key = |acceptance| Acceptance { idempotency: Some(idempotency("k", "r")), ..acceptance };
    let lost = with_key(scene.acceptance("1"));
    assert!(faulty.accept(lost.clone()).await.is_err());
    let again = sure(faulty.accept(with_key(scene.acceptance("1"))).await);
    let AcceptResult::Replayed(answer) = again else { panic!("{again:?}") };
    assert!(answer.body.contains(&lost.notifications[0].0.to_string()), "{}", answer.body);
}

/// A claim nobody heard of is a lease nobody will finish: nobody else gets it until a sweep judged it.
pub async fn a_claim_whose_answer_was_lost_is_found_by_a_sweep(scene: &Scene) {
    let faulty = faulty(scene, [Fault::LoseAnswer]);
    let id = scene.post("1").await;
    let request = ClaimDue { now: scene.now(), lease_until: scene.now().plus_ms(LEASE_MS), limit: 1 };
    assert!(faulty.claim_due(request).await.is_err());
    assert!(scene.claim(10).await.is_empty());
    scene.clock.advance_ms(LEASE_MS);
    scene.sweep(OnUnknown::Resend).await;
    scene.clock.advance_ms(JUDGE_MS);
    scene.sweep(OnUnknown::Resend).await;
    let claim = scene.claim_one().await;
    assert_eq!((claim.notification.id, claim.notification.lifecycle.fence), (id, 2));
}

/// A report may be repeated until it is answered; it counts once.
pub async fn a_report_whose_answer_was_lost_counts_once(scene: &Scene) {
    let faulty = faulty(scene, [Fault::Refuse, Fault::LoseAnswer]);
    let id = scene.post("1").await;
    let claim = scene.claim_one().await;
    let report = scene.report(&claim, Verdict::Sent);
    assert!(faulty.finish_attempt(report.clone()).await.is_err());
    assert_eq!(scene.status(id).await, Status::Sending);
    assert!(faulty.finish_attempt(report.clone()).await.is_err());
    assert_eq!(sure(faulty.finish_attempt(report).await), Finished::Stale);
    assert_eq!(scene.story(id).await, [TimelineKind::Accepted, TimelineKind::Claimed, TimelineKind::Sent]);
}

/// A person who asks twice gets one more try, not two.
pub async fn an_intervention_whose_answer_was_lost_happens_once(scene: &Scene) {
    let faulty = faulty(scene, [Fault::LoseAnswer]);
    let id = scene.post_and_finish("1", super::scene::dead("connect_refused")).await;
    let (retry, now) = (Intervention::Retry, scene.now());
    assert!(faulty.intervene(id, retry, now).await.is_err());
    assert_eq!(sure(faulty.intervene(id, retry, now).await), Intervened::Forbidden(Status::Queued));
    assert_eq!(scene.claim(10).await.len(), 1);
}

fn faulty(scene: &Scene, faults: impl IntoIterator<Item = Fault>) -> FaultyLedger {
    let faulty = FaultyLedger::new(Arc::clone(&scene.ledger));
    faulty.plan(faults);
    faulty
}

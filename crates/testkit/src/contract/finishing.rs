//! Recording the ends of attempts.

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::lifecycle::{Lifecycle, OnUnknown, Verdict};
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::{TimelineEntry, TimelineKind};
use postrider_core::ports::catalog::{RenditionId, SentCopy};
use postrider_core::ports::ledger::{FinishAttempt, Finished, Intervened, Intervention};

use super::scene::{JUDGE_MS, LEASE_MS, Scene, dead, deferred, failed, sure, unknown};

/// What was sent is never due again.
pub async fn sent_is_final(scene: &Scene) {
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    let expected = Lifecycle {
        status: Status::Sent,
        due_at: None,
        fence: 1,
        attempts: 1,
        cause: None,
        reported: None,
        erased: false,
    };
    assert_eq!(scene.notification(id).await.lifecycle, expected);
    scene.clock.advance_ms(LEASE_MS * 100);
    assert!(scene.claim(10).await.is_empty());
    assert_eq!(scene.sweep(OnUnknown::Resend).await.leases_lost, 0);
    assert_eq!(scene.story(id).await, [TimelineKind::Accepted, TimelineKind::Claimed, TimelineKind::Sent]);
}

/// A deferral keeps its time and its cause.
pub async fn deferred_waits_with_its_cause(scene: &Scene) {
    let until = scene.now().plus_ms(1_000);
    let id = scene.post_and_finish("1", deferred(until)).await;
    let expected = Lifecycle {
        status: Status::Deferred,
        due_at: Some(until),
        fence: 1,
        attempts: 1,
        cause: Some(Cause::known("smtp_451")),
        reported: None,
        erased: false,
    };
    assert_eq!(scene.notification(id).await.lifecycle, expected);
}

/// A deferral that is not the message's fault leaves its budget alone.
pub async fn a_deferral_may_cost_no_attempt(scene: &Scene) {
    let until = scene.now().plus_ms(1_000);
    let verdict = Verdict::Deferred { cause: Cause::known("rate_limited"), until, spends_attempt: false };
    let id = scene.post_and_finish("1", verdict).await;
    assert_eq!(scene.notification(id).await.lifecycle.attempts, 0);
}

/// Both ends in failure wait for a person, with the cause.
pub async fn failed_and_dead_keep_their_cause(scene: &Scene) {
    let refused = scene.post_and_finish("1", failed("smtp_550_5.1.1")).await;
    let exhausted = scene.post_and_finish("2", dead("connect_refused")).await;
    for (id, status, cause) in
        [(refused, Status::Failed, "smtp_550_5.1.1"), (exhausted, Status::Dead, "connect_refused")]
    {
        let lifecycle = scene.notification(id).await.lifecycle;
        assert_eq!((lifecycle.status, lifecycle.due_at), (status, None));
        assert_eq!(lifecycle.cause, Some(Cause::known(cause)));
    }
    scene.clock.advance_ms(LEASE_MS * 100);
    assert!(scene.claim(10).await.is_empty());
}

/// What may have left is not claimed again by itself.
pub async fn unknown_waits_for_judgement(scene: &Scene) {
    let judge_at = scene.now().plus_ms(JUDGE_MS);
    let id = scene.post_and_finish("1", unknown(judge_at)).await;
    let lifecycle = scene.notification(id).await.lifecycle;
    assert_eq!(
        (lifecycle.status, lifecycle.due_at, lifecycle.attempts),
        (Status::Unknown, Some(judge_at), 1)
    );
    scene.clock.advance_ms(JUDGE_MS * 10);
    assert!(scene.claim(10).await.is_empty());
}

/// A claim given back is due before everything else of its priority, and no attempt is spent.
pub async fn what_is_given_back_goes_first_and_cost_nothing(scene: &Scene) {
    scene.post("1").await;
    let claim = scene.claim_one().await;
    scene.post("2").await;
    scene.clock.advance_ms(5);
    assert_eq!(scene.finish(&claim, Verdict::Released).await, Finished::Recorded(Status::Queued));
    let again = scene.claim(1).await.remove(0).notification;
    assert_eq!(again.id, claim.notification.id);
    assert_eq!((again.lifecycle.fence, again.lifecycle.attempts), (2, 0));
}

/// What its order has made void is taken back with the cause on the timeline, costs no attempt and stays where it is.
pub async fn what_is_superseded_is_canceled_with_its_cause(scene: &Scene) {
    let id = scene.post("1").await;
    let claim = scene.claim_one().await;
    let cause = Cause::known("superseded_by_order_canceled");
    let verdict = Verdict::Superseded { cause: cause.clone() };
    assert_eq!(scene.finish(&claim, verdict).await, Finished::Recorded(Status::Canceled));
    let lifecycle = scene.notification(id).await.lifecycle;
    assert_eq!((lifecycle.due_at, lifecycle.attempts, lifecycle.cause), (None, 0, Some(cause.clone())));
    let record = sure(scene.ledger.find(id).await);
    let last = record.and_then(|record| record.timeline().pop());
    assert_eq!(
        last.map(|entry| (entry.kind, entry.attempt, entry.cause)),
        Some((TimelineKind::Canceled, Some(1), Some(cause)))
    );
    assert!(scene.claim(10).await.is_empty());
    assert_eq!(scene.intervene(id, Intervention::Retry).await, Intervened::Forbidden(Status::Canceled));
}

/// A report under any fence but the claim's is stale.
pub async fn another_fence_changes_nothing(scene: &Scene) {
    scene.post("1").await;
    let claim = scene.claim_one().await;
    let before = sure(scene.ledger.find(claim.notification.id).await);
    for fence in [0, 2, u32::MAX] {
        let report = FinishAttempt { fence, ..scene.report(&claim, Verdict::Sent) };
        assert_eq!(sure(scene.ledger.finish_attempt(report).await), Finished::Stale);
    }
    assert_eq!(sure(scene.ledger.find(claim.notification.id).await), before);
}

/// A report about nothing is stale.
pub async fn a_stranger_changes_nothing(scene: &Scene) {
    scene.post("1").await;
    let claim = scene.claim_one().await;
    let (stranger, _) = scene.plan("any", "any");
    let report = FinishAttempt { id: stranger, ..scene.report(&claim, Verdict::Sent) };
    assert_eq!(sure(scene.ledger.finish_attempt(report).await), Finished::Stale);
}

/// The first report counts; the second leaves no trace.
pub async fn a_second_report_changes_nothing(scene: &Scene) {
    scene.post("1").await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, Verdict::Sent).await;
    let before = sure(scene.ledger.find(claim.notification.id).await);
    scene.clock.advance_ms(1);
    for verdict in [Verdict::Sent, failed("smtp_550"), Verdict::Released] {
        assert_eq!(scene.finish(&claim, verdict).await, Finished::Stale);
    }
    assert_eq!(sure(scene.ledger.find(claim.notification.id).await), before);
}

/// After a lost lease the sender's own report is better knowledge than the guess, and the attempt counts once.
pub async fn the_late_truth_about_a_lost_lease_is_taken(scene: &Scene) {
    scene.post("1").await;
    let claim = scene.claim_one().await;
    scene.clock.advance_ms(LEASE_MS);
    assert_eq!(scene.sweep(OnUnknown::Resend).await.leases_lost, 1);
    scene.clock.advance_ms(1);
    assert_eq!(scene.finish(&claim, Verdict::Sent).await, Finished::Recorded(Status::Sent));
    let lifecycle = scene.notification(claim.notification.id).await.lifecycle;
    assert_eq!((lifecycle.attempts, lifecycle.cause), (1, None));
}

/// Once somebody else has it, the late loser overwrites nothing.
pub async fn the_late_truth_after_another_claim_is_stale(scene: &Scene) {
    scene.post("1").await;
    let late = scene.claim_one().await;
    scene.clock.advance_ms(LEASE_MS);
    scene.sweep(OnUnknown::Resend).await;
    scene.clock.advance_ms(JUDGE_MS);
    assert_eq!(scene.sweep(OnUnknown::Resend).await.resent, 1);
    let second = scene.claim_one().await;
    assert_eq!(scene.finish(&late, failed("smtp_550")).await, Finished::Stale);
    assert_eq!(scene.finish(&second, Verdict::Sent).await, Finished::Recorded(Status::Sent));
}

/// Who was asked, when, and what they said.
pub async fn an_attempt_is_on_the_timeline_word_for_word(scene: &Scene) {
    scene.post("1").await;
    let claimed_at = scene.now();
    let claim = scene.claim_one().await;
    scene.clock.advance_ms(250);
    let report = FinishAttempt {
        mailer: "outbox".to_owned(),
        words: Words::new("451 4.7.1 Greylisted, come back later"),
        ..scene.report(&claim, deferred(scene.now().plus_ms(1)))
    };
    sure(scene.ledger.finish_attempt(report).await);
    scene.clock.advance_ms(1);
    let again = scene.claim_one().await;
    let silent = FinishAttempt { words: Words::default(), ..scene.report(&again, Verdict::Sent) };
    sure(scene.ledger.finish_attempt(silent).await);
    let record = sure(scene.ledger.find(claim.notification.id).await);
    let entries = record.map(|record| record.entries).unwrap_or_default();
    let first = TimelineEntry {
        at: claimed_at.plus_ms(250),
        kind: TimelineKind::Deferred,
        attempt: Some(1),
        claimed_at: Some(claimed_at),
        mailer: Some("outbox".to_owned()),
        cause: Some(Cause::known("smtp_451")),
        words: Some(Words::new("451 4.7.1 Greylisted, come back later")),
        report: None,
    };
    let second = TimelineEntry {
        attempt: Some(2),
        claimed_at: Some(scene.now()),
        mailer: Some("smtp".to_owned()),
        ..TimelineEntry::plain(scene.now(), TimelineKind::Sent)
    };
    assert_eq!(entries, [first, second]);
}

/// What can be shown is the last message that may have reached anybody.
pub async fn the_last_copy_that_may_have_left_is_kept(scene: &Scene) {
    scene.post("1").await;
    let claim = scene.claim_one().await;
    let first = copy(scene.now(), None);
    let report = FinishAttempt { copy: Some(first.clone()), ..scene.report(&claim, unknown(scene.now())) };
    sure(scene.ledger.finish_attempt(report).await);
    assert_eq!(kept(scene, &claim.notification.id).await, Some(first));
    scene.sweep(OnUnknown::Resend).await;
    let again = scene.claim_one().await;
    let second = copy(scene.now().plus_ms(1), Some("v=1; a=rsa-sha256".to_owned()));
    let report = FinishAttempt { copy: Some(second.clone()), ..scene.report(&again, Verdict::Sent) };
    sure(scene.ledger.finish_attempt(report).await);
    assert_eq!(kept(scene, &claim.notification.id).await, Some(second));
}

/// A message that certainly stayed here is not shown as sent.
pub async fn a_copy_that_did_not_leave_is_not_kept(scene: &Scene) {
    scene.post("1").await;
    let claim = scene.claim_one().await;
    let copy = Some(copy(scene.now(), None));
    let report = FinishAttempt { copy, ..scene.report(&claim, failed("smtp_550")) };
    sure(scene.ledger.finish_attempt(report).await);
    assert_eq!(kept(scene, &claim.notification.id).await, None);
}

fn copy(composed_at: Timestamp, signature: Option<String>) -> SentCopy {
    SentCopy {
        rendition: RenditionId(Fingerprint::of_parts(&[b"templates"])),
        composed_at,
        fingerprint: Fingerprint::of_parts(&[b"message", &composed_at.as_millis().to_be_bytes()]),
        signature,
    }
}

async fn kept(scene: &Scene, id: &postrider_core::domain::id::NotificationId) -> Option<SentCopy> {
    sure(scene.ledger.content(*id).await).and_then(|content| content.copy)
}

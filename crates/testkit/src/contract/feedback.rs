//! Recording what comes back.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Reference, Report, ReportKind, ReportSource};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::limits::TIMELINE_REPORTS_MAX;
use postrider_core::ports::feedback::{Feedback, FeedbackEffect, FeedbackRecorded};
use postrider_core::ports::ledger::{FinishAttempt, Finished, Intervened, Intervention};

use super::scene::{JUDGE_MS, LEASE_MS, Scene, address, sure, unknown};

/// What SES answers to a message it takes.
const SES_WORDS: &str = "250 Ok 0102018f00000000-11111111-2222-3333-4444-555555555555-000000";
const SES_ID: &str = "0102018f00000000-11111111-2222-3333-4444-555555555555-000000";

/// A report that nothing else is like.
#[must_use]
pub fn report(kind: ReportKind, name: &str) -> Report {
    Report {
        kind,
        status: "5.1.1".parse().ok(),
        diagnostic: Words::new("550 5.1.1 no such user"),
        source: ReportSource::Ses,
        occurred_at: None,
        recipient: None,
        fingerprint: Fingerprint::of_parts(&[name.as_bytes()]),
    }
}

/// Records `report` about `id`.
pub async fn record(scene: &Scene, id: NotificationId, report: Report) -> FeedbackRecorded {
    let references = vec![Reference::Notification(id)];
    sure(
        scene
            .ledger
            .record_feedback(Feedback { references, report, may_condemn: true, now: scene.now() })
            .await,
    )
}

/// Records `report` about `id`, which must be new.
pub async fn take(scene: &Scene, id: NotificationId, report: Report) -> FeedbackEffect {
    match record(scene, id, report).await {
        FeedbackRecorded::Recorded(effect) => effect,
        other => panic!("not recorded: {other:?}"),
    }
}

/// A delivery report moves `sent` to `delivered` and tells when the message was sent.
pub async fn a_delivery_is_told(scene: &Scene) {
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    let sent_at = scene.now();
    scene.clock.advance_ms(700);
    let effect = take(scene, id, report(ReportKind::Delivered, "1")).await;
    assert_eq!(
        (effect.before, effect.status, effect.sent_at),
        (Status::Sent, Status::Delivered, Some(sent_at))
    );
    let notification = scene.notification(id).await;
    assert_eq!((notification.lifecycle.status, notification.lifecycle.cause), (Status::Delivered, None));
    assert_eq!(notification.updated_at, scene.now());
    assert_eq!(scene.story(id).await.last(), Some(&TimelineKind::Delivered));
}

/// Whatever the order, complaint outweighs bounce outweighs delivery, and every report is on the timeline.
pub async fn every_order_of_reports_ends_the_same(scene: &Scene) {
    let bounced = ReportKind::Bounced(BounceClass::UnknownUser);
    let cases = [
        (vec![ReportKind::Delivered, bounced], Status::Bounced),
        (vec![ReportKind::Delivered, ReportKind::Complained], Status::Complained),
        (vec![ReportKind::SoftBounced(BounceClass::MailboxFull), ReportKind::Delivered], Status::Delivered),
        (
            vec![bounced, ReportKind::Complained, ReportKind::Delivered, ReportKind::Accepted],
            Status::Complained,
        ),
        (vec![ReportKind::Rejected, ReportKind::Accepted], Status::Failed),
    ];
    for (case, (kinds, status)) in cases.into_iter().enumerate() {
        for turn in 0..kinds.len() {
            let id = scene.post_and_finish(&format!("{case}-{turn}"), Verdict::Sent).await;
            for step in 0..kinds.len() {
                let kind = kinds[(turn + step) % kinds.len()];
                take(scene, id, report(kind, &format!("{kind:?}"))).await;
            }
            assert_eq!(scene.status(id).await, status, "{kinds:?} from {turn}");
            assert_eq!(scene.story(id).await.len(), 3 + kinds.len());
            sure(scene.ledger.unsuppress(address("ada@example.com")).await);
        }
    }
}

/// A report that is faster than the sender's own word is kept and counts when that comes.
pub async fn a_report_before_the_send_is_recorded_counts(scene: &Scene) {
    let id = scene.post("1").await;
    let claim = scene.claim_one().await;
    let effect = take(scene, id, report(ReportKind::Bounced(BounceClass::UnknownUser), "1")).await;
    assert_eq!(effect.status, Status::Sending);
    assert_eq!(scene.finish(&claim, Verdict::Sent).await, Finished::Recorded(Status::Bounced));
    let lifecycle = scene.notification(id).await.lifecycle;
    assert_eq!((lifecycle.status, lifecycle.attempts, lifecycle.due_at), (Status::Bounced, 1, None));
    assert_eq!(lifecycle.cause, Some(Cause::known("bounce_unknown_user_5.1.1")));
    scene.clock.advance_ms(LEASE_MS * 2);
    assert_eq!(scene.sweep(OnUnknown::Resend).await.leases_lost, 0);
}

/// The same report again is known.
pub async fn a_report_counts_once(scene: &Scene) {
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    take(scene, id, report(ReportKind::Delivered, "1")).await;
    let before = sure(scene.ledger.find(id).await);
    scene.clock.advance_ms(5);
    assert_eq!(record(scene, id, report(ReportKind::Delivered, "1")).await, FeedbackRecorded::Repeated(id));
    assert_eq!(sure(scene.ledger.find(id).await), before);
}

/// A report tells what became of a message nobody could tell about.
pub async fn a_report_settles_an_unknown_outcome(scene: &Scene) {
    for (n, (kind, status)) in
        [(ReportKind::Accepted, Status::Sent), (ReportKind::Delivered, Status::Delivered)]
            .into_iter()
            .enumerate()
    {
        let id = scene.post_and_finish(&n.to_string(), unknown(scene.now().plus_ms(JUDGE_MS))).await;
        let effect = take(scene, id, report(kind, &n.to_string())).await;
        assert_eq!((effect.before, effect.status), (Status::Unknown, status));
        scene.clock.advance_ms(JUDGE_MS * 2);
        assert_eq!(scene.sweep(OnUnknown::Resend).await.resent, 0);
        assert!(scene.claim(10).await.is_empty());
    }
}

/// A late report about the first copy stops the second, as long as that has not left.
pub async fn a_report_stops_a_second_copy(scene: &Scene) {
    let id = scene.post_and_finish("1", unknown(scene.now().plus_ms(10))).await;
    scene.clock.advance_ms(10);
    assert_eq!(scene.sweep(OnUnknown::Resend).await.resent, 1);
    assert_eq!(scene.status(id).await, Status::Queued);
    take(scene, id, report(ReportKind::Accepted, "1")).await;
    assert_eq!(scene.status(id).await, Status::Sent);
    assert!(scene.claim(10).await.is_empty());
}

/// Opens, clicks, delays, auto-replies and the unknown change nothing but the timeline.
pub async fn reports_that_establish_nothing_are_on_the_timeline_only(scene: &Scene) {
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    let kinds = [
        ReportKind::Delayed(BounceClass::Greylisted),
        ReportKind::SoftBounced(BounceClass::Policy),
        ReportKind::Opened,
        ReportKind::Clicked,
        ReportKind::NotSpam,
        ReportKind::AutoReply,
        ReportKind::Other,
    ];
    for kind in kinds {
        let effect = take(scene, id, report(kind, &format!("{kind:?}"))).await;
        assert_eq!((effect.status, effect.suppressed), (Status::Sent, None));
    }
    let story = scene.story(id).await;
    assert_eq!(story[3..], kinds.map(TimelineKind::of_report));
    let Some(record) = sure(scene.ledger.find(id).await) else { panic!("{id} is not there") };
    let entry = &record.entries[1];
    let Some(detail) = entry.report else { panic!("a report leaves its detail") };
    assert_eq!(entry.words, Some(Words::new("550 5.1.1 no such user")));
    assert_eq!((detail.class, detail.source), (Some(BounceClass::Greylisted), ReportSource::Ses));
    assert_eq!(detail.status.map(|status| status.to_string()).as_deref(), Some("5.1.1"));
}

/// A report about what no sender ever took is made up.
pub async fn what_was_never_sent_cannot_be_reported(scene: &Scene) {
    let id = scene.post("1").await;
    let forged = report(ReportKind::Bounced(BounceClass::UnknownUser), "1");
    assert_eq!(record(scene, id, forged).await, FeedbackRecorded::Orphan);
    assert_eq!(scene.status(id).await, Status::Queued);
    let list = sure(scene.ledger.suppressions_of(address("ada@example.com"), scene.now()).await);
    assert!(list.is_empty());
}

/// A report that leads nowhere changes nothing.
pub async fn what_is_about_nothing_of_ours_is_an_orphan(scene: &Scene) {
    let nobody = NotificationId::new(scene.now(), 9);
    assert_eq!(record(scene, nobody, report(ReportKind::Complained, "1")).await, FeedbackRecorded::Orphan);
    let feedback = Feedback {
        references: Vec::new(),
        report: report(ReportKind::Complained, "2"),
        may_condemn: true,
        now: scene.now(),
    };
    assert_eq!(sure(scene.ledger.record_feedback(feedback).await), FeedbackRecorded::Orphan);
}

/// The mail service names those it is about; nobody else is touched.
pub async fn what_is_about_somebody_else_changes_nothing(scene: &Scene) {
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    let about = |text: &str| Report {
        recipient: EmailAddress::parse(text).ok(),
        ..report(ReportKind::Bounced(BounceClass::UnknownUser), text)
    };
    assert_eq!(record(scene, id, about("bob@example.com")).await, FeedbackRecorded::Orphan);
    assert_eq!(scene.status(id).await, Status::Sent);
    assert_eq!(take(scene, id, about("ADA@Example.com")).await.status, Status::Bounced);
}

/// The mailbox behind a forwarding one is gone: the message bounced, the address we know did not.
pub async fn a_forwarded_bounce_does_not_condemn_the_address(scene: &Scene) {
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    let bounce = Report {
        source: ReportSource::Dsn,
        recipient: EmailAddress::parse("behind@example.net").ok(),
        ..report(ReportKind::Bounced(BounceClass::UnknownUser), "1")
    };
    let effect = take(scene, id, bounce).await;
    assert_eq!((effect.status, effect.suppressed), (Status::Bounced, None));
}

/// The id under which the service took a message leads to it, if nothing better does.
pub async fn a_report_is_found_by_the_services_id(scene: &Scene) {
    scene.post("1").await;
    let claim = scene.claim_one().await;
    let finish = FinishAttempt { words: Words::new(SES_WORDS), ..scene.report(&claim, Verdict::Sent) };
    sure(scene.ledger.finish_attempt(finish).await);
    let feedback = Feedback {
        references: vec![
            Reference::Notification(NotificationId::new(scene.now(), 3)),
            Reference::Provider(SES_ID.to_owned()),
        ],
        report: report(ReportKind::Delivered, "1"),
        may_condemn: true,
        now: scene.now(),
    };
    let recorded = sure(scene.ledger.record_feedback(feedback).await);
    assert!(matches!(recorded, FeedbackRecorded::Recorded(effect) if effect.id == claim.notification.id));
}

/// A report under an id nobody knows yet is applied when the id is.
pub async fn a_report_before_the_services_id_is_known_waits_for_it(scene: &Scene) {
    let id = scene.post("1").await;
    let claim = scene.claim_one().await;
    let feedback = Feedback {
        references: vec![Reference::Provider(SES_ID.to_owned())],
        report: report(ReportKind::Complained, "1"),
        may_condemn: true,
        now: scene.now(),
    };
    for _ in 0..2 {
        assert_eq!(sure(scene.ledger.record_feedback(feedback.clone()).await), FeedbackRecorded::Kept);
    }
    let finish = FinishAttempt { words: Words::new(SES_WORDS), ..scene.report(&claim, Verdict::Sent) };
    match sure(scene.ledger.finish_attempt(finish).await) {
        Finished::RecordedWithReports { status: Status::Complained, effects } => {
            let [effect] = effects.as_slice() else { panic!("one report was kept: {effects:?}") };
            assert_eq!((effect.kind, effect.sent_at), (ReportKind::Complained, Some(scene.now())));
            assert_eq!(effect.suppressed, Some(SuppressionReason::Complaint));
        }
        other => panic!("the kept report was not applied: {other:?}"),
    }
    assert_eq!(scene.status(id).await, Status::Complained);
    let list = sure(scene.ledger.suppressions_of(address("ada@example.com"), scene.now()).await);
    assert_eq!(list.len(), 1);
    let again = sure(scene.ledger.record_feedback(feedback).await);
    assert_eq!(again, FeedbackRecorded::Repeated(id));
}

/// A link scanner that comes back every second fills no timeline; what matters is still taken.
pub async fn tolerated_reports_are_bounded(scene: &Scene) {
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    let mut dropped = 0;
    for n in 0..TIMELINE_REPORTS_MAX + 5 {
        let recorded = record(scene, id, report(ReportKind::Clicked, &n.to_string())).await;
        dropped += usize::from(recorded == FeedbackRecorded::Dropped(id));
    }
    assert_eq!(dropped, 6, "one place is the send's");
    assert_eq!(take(scene, id, report(ReportKind::Delivered, "d")).await.status, Status::Delivered);
}

/// A report that comes while a sender has the notification does not change when that claimed it.
pub async fn a_report_keeps_the_time_of_the_claim(scene: &Scene) {
    let id = scene.post("1").await;
    let claimed_at = scene.claim_one().await.notification.updated_at;
    scene.clock.advance_ms(50);
    take(scene, id, report(ReportKind::Delayed(BounceClass::Dns), "1")).await;
    scene.clock.advance_ms(LEASE_MS);
    assert_eq!(scene.sweep(OnUnknown::Hold).await.leases_lost, 1);
    let Some(record) = sure(scene.ledger.find(id).await) else { panic!("{id} is not there") };
    let lost = record.entries.iter().find(|entry| entry.kind == TimelineKind::Unknown);
    assert_eq!(lost.and_then(|entry| entry.claimed_at), Some(claimed_at));
    assert!(matches!(scene.intervene(id, Intervention::Cancel).await, Intervened::Done(_)));
}

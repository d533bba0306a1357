//! Forgetting what one notification said, and to whom.

use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::limits::TIMELINE_REPORTS_MAX;
use postrider_core::ports::catalog::{RenditionId, SentCopy};
use postrider_core::ports::erasure::{Erased, Erasure};
use postrider_core::ports::ledger::{
    AcceptResult, Acceptance, FinishAttempt, Finished, Intervened, Intervention, ListQuery,
};

use super::feedback::{report, take};
use super::scene::{LEASE_MS, Scene, address, dead, deferred, failed, sure, unknown};
use super::webhooks::{claim_all, deliver_all, endpoint};

/// Erases `id` and its recipient now.
pub async fn erase(scene: &Scene, id: NotificationId) -> Erased {
    erase_with(scene, id, true).await
}

async fn erase_with(scene: &Scene, id: NotificationId, forget_recipient: bool) -> Erased {
    sure(scene.ledger.erase(Erasure { id, forget_recipient, keep_data: false, now: scene.now() }).await)
}

/// An order of Ada's whose message was sent, by a server that quoted her, with a copy that could be shown.
async fn sent(scene: &Scene, acceptance: Acceptance) -> NotificationId {
    let id = scene.accept(acceptance).await.notifications[0].id;
    let claim = scene.claim_one().await;
    let name = |name: &str| Fingerprint::of_parts(&[name.as_bytes()]);
    let copy = SentCopy {
        rendition: RenditionId(name("rendition")),
        composed_at: scene.now(),
        fingerprint: name("message"),
        signature: Some("signature".to_owned()),
    };
    let finish = FinishAttempt {
        words: Words::new("250 2.1.5 <ada@example.com> Ok"),
        copy: Some(copy),
        ..scene.report(&claim, Verdict::Sent)
    };
    assert_eq!(sure(scene.ledger.finish_attempt(finish).await), Finished::Recorded(Status::Sent));
    id
}

/// What the order said is gone, and so is whose it was; what became of it stays.
pub async fn what_was_said_is_gone_and_what_happened_stays(scene: &Scene) {
    let acceptance = Acceptance { event: large_event(scene, 10), ..scene.acceptance("1") };
    let id = sent(scene, acceptance).await;
    take(scene, id, report(ReportKind::Delivered, "1")).await;
    let before = scene.notification(id).await;
    scene.clock.advance_ms(5);
    assert_eq!(erase(scene, id).await, Erased::Done);
    let after = scene.notification(id).await;
    assert!(after.to.is_erased() && after.lifecycle.erased);
    assert_eq!((after.lifecycle.status, &after.order_id), (Status::Delivered, &before.order_id));
    assert_eq!((&after.event_id, after.created_at), (&before.event_id, before.created_at));
    let Some(content) = sure(scene.ledger.content(id).await) else { panic!("{id} is there") };
    assert_eq!((content.event.data.as_str(), content.copy), ("{}", None));
    assert_silent(scene, id).await;
    let story = [TimelineKind::Accepted, TimelineKind::Claimed, TimelineKind::Sent, TimelineKind::Delivered];
    assert_eq!(scene.story(id).await, [&story[..], &[TimelineKind::Erased]].concat());
}

/// An event so large that a ledger may keep it somewhere else goes as well.
pub async fn a_large_event_is_forgotten(scene: &Scene) {
    let acceptance = Acceptance { event: large_event(scene, 4_000), ..scene.acceptance("1") };
    let id = sent(scene, acceptance).await;
    assert_eq!(erase(scene, id).await, Erased::Done);
    let content = sure(scene.ledger.content(id).await);
    assert_eq!(content.map(|content| content.event.data).as_deref(), Some("{}"));
}

/// However long a story is, no server's words are left in it.
pub async fn a_long_story_is_forgotten_to_its_beginning(scene: &Scene) {
    let id = sent(scene, scene.acceptance("1")).await;
    for n in 0..TIMELINE_REPORTS_MAX - 10 {
        let mut opened = report(ReportKind::SoftBounced(BounceClass::Policy), &n.to_string());
        opened.diagnostic = Words::new(&"<ada@example.com> later ".repeat(15));
        take(scene, id, opened).await;
    }
    assert_eq!(erase(scene, id).await, Erased::Done);
    assert_silent(scene, id).await;
}

/// The order is known still: the same one again is not mailed, another under its key is refused.
pub async fn the_same_order_is_still_a_duplicate(scene: &Scene) {
    let first = scene.acceptance("1");
    let id = sent(scene, first.clone()).await;
    erase(scene, id).await;
    scene.clock.advance_ms(1_000);
    let again = scene.accept(scene.acceptance("1")).await;
    assert_eq!((again.notifications[0].id, again.notifications[0].duplicate), (id, true));
    assert!(again.notifications[0].to.is_erased());
    assert!(scene.claim(10).await.is_empty());
    let other = Acceptance { data_fingerprint: Fingerprint::of_parts(&[b"other"]), ..scene.acceptance("1") };
    let refused = sure(scene.ledger.accept(other).await);
    assert!(matches!(refused, AcceptResult::BusinessKeyConflict { existing, .. } if existing == id));
    // Another order of the same person is a new one.
    assert!(!scene.accept(scene.acceptance("2")).await.notifications[0].duplicate);
}

/// Nobody finds it by the address any more; its order leads to it.
pub async fn it_is_found_by_its_order_and_not_by_its_recipient(scene: &Scene) {
    let id = sent(scene, scene.acceptance("1")).await;
    let to_ada = || ListQuery { to: Some(address("ada@example.com")), ..ListQuery::default() };
    assert_eq!(scene.list(to_ada()).await, [id]);
    erase(scene, id).await;
    assert!(scene.list(to_ada()).await.is_empty());
    let about = ListQuery { order_id: Some("1".to_owned()), ..ListQuery::default() };
    assert_eq!(scene.list(about).await, [id]);
    assert_eq!(scene.list(ListQuery::default()).await, [id]);
}

/// What could still leave, if only by a retry, must be canceled first.
pub async fn what_could_still_leave_is_not_erased(scene: &Scene) {
    let later = scene.now().plus_ms(1_000_000);
    let cases = [
        (Status::Deferred, deferred(later)),
        (Status::Failed, failed("smtp_550")),
        (Status::Dead, dead("connect_refused")),
        (Status::Held, Verdict::Held { cause: Cause::known("budget_reached") }),
        (Status::Unknown, unknown(later)),
    ];
    for (status, verdict) in cases {
        let id = scene.post_and_finish(status.as_str(), verdict).await;
        assert_refused_then_erased(scene, id, status).await;
    }
    let sending = scene.post("sending").await;
    let claim = scene.claim_one().await;
    assert_eq!(erase(scene, sending).await, Erased::Forbidden(Status::Sending));
    assert_eq!(scene.finish(&claim, Verdict::Sent).await, Finished::Recorded(Status::Sent));
    assert_eq!(erase(scene, sending).await, Erased::Done);
    let queued = scene.post("queued").await;
    assert_refused_then_erased(scene, queued, Status::Queued).await;
    scene.clock.advance_ms(10 * LEASE_MS);
    assert!(scene.claim(10).await.is_empty());
}

async fn assert_refused_then_erased(scene: &Scene, id: NotificationId, status: Status) {
    let before = sure(scene.ledger.find(id).await);
    assert_eq!(erase(scene, id).await, Erased::Forbidden(status));
    assert_eq!(sure(scene.ledger.find(id).await), before);
    scene.intervene(id, Intervention::Cancel).await;
    assert_eq!(erase(scene, id).await, Erased::Done, "{status}");
    assert_eq!(scene.intervene(id, Intervention::Retry).await, Intervened::Erased);
}

/// Not even a report that comes later makes something of it that could be tried again.
pub async fn nothing_makes_it_leave_again(scene: &Scene) {
    let id = sent(scene, scene.acceptance("1")).await;
    erase(scene, id).await;
    take(scene, id, report(ReportKind::Rejected, "late")).await;
    assert_eq!(scene.status(id).await, Status::Failed);
    for intervention in [Intervention::Retry, Intervention::Hasten, Intervention::Hold] {
        assert_eq!(scene.intervene(id, intervention).await, Intervened::Erased, "{intervention:?}");
    }
    assert!(matches!(scene.intervene(id, Intervention::Cancel).await, Intervened::Done(_)));
    assert_eq!(erase(scene, id).await, Erased::Done);
}

/// A report that comes later counts for the message; its words and its recipient bring nobody back.
pub async fn a_later_report_tells_of_the_message_only(scene: &Scene) {
    let id = sent(scene, scene.acceptance("1")).await;
    erase(scene, id).await;
    let mut bounce = report(ReportKind::Bounced(BounceClass::UnknownUser), "late");
    bounce.recipient = Some(address("ada@example.com"));
    bounce.diagnostic = Words::new("550 5.1.1 <ada@example.com> unknown");
    let effect = take(scene, id, bounce).await;
    assert_eq!((effect.status, effect.suppressed), (Status::Bounced, None));
    assert_silent(scene, id).await;
    let entries = sure(scene.ledger.suppressions_of(address("ada@example.com"), scene.now()).await);
    assert!(entries.is_empty());
}

/// A sender that was given up tells too late what became of its message: that changes nothing, and stores nothing.
pub async fn a_late_sender_brings_nothing_back(scene: &Scene) {
    let id = scene.post("1").await;
    let claim = scene.claim_one().await;
    scene.clock.advance_ms(LEASE_MS);
    scene.intervene(id, Intervention::Hold).await;
    scene.intervene(id, Intervention::Cancel).await;
    assert_eq!(erase(scene, id).await, Erased::Done);
    let before = sure(scene.ledger.find(id).await);
    let finish = FinishAttempt {
        words: Words::new("550 5.1.1 <ada@example.com> unknown"),
        condemns_address: true,
        ..scene.report(&claim, failed("smtp_550_5.1.1"))
    };
    assert_eq!(sure(scene.ledger.finish_attempt(finish).await), Finished::Stale);
    assert_eq!(sure(scene.ledger.find(id).await), before);
    assert!(sure(scene.ledger.suppressions_of(address("ada@example.com"), scene.now()).await).is_empty());
}

/// Asked for twice, it is done once; of a stranger there is nothing to forget.
pub async fn what_is_erased_is_erased_once(scene: &Scene) {
    let id = sent(scene, scene.acceptance("1")).await;
    assert_eq!(erase(scene, id).await, Erased::Done);
    let once = sure(scene.ledger.find(id).await);
    scene.clock.advance_ms(1_000);
    assert_eq!(erase(scene, id).await, Erased::Done);
    assert_eq!(erase_with(scene, id, false).await, Erased::Done);
    assert_eq!(sure(scene.ledger.find(id).await), once);
    let (stranger, _) = scene.plan("any", "any");
    assert_eq!(erase(scene, stranger).await, Erased::NotFound);
}

/// Whoever got a message about somebody else stays its recipient, until they are forgotten themselves.
pub async fn what_told_of_somebody_else_keeps_its_recipient(scene: &Scene) {
    let id = sent(scene, scene.acceptance("1")).await;
    assert_eq!(erase_with(scene, id, false).await, Erased::Done);
    let kept = scene.notification(id).await;
    assert_eq!((kept.to.as_str(), kept.lifecycle.erased), ("ada@example.com", true));
    assert_silent(scene, id).await;
    let to_ada = ListQuery { to: Some(address("ada@example.com")), ..ListQuery::default() };
    assert_eq!(scene.list(to_ada).await, [id]);
    assert_eq!(erase(scene, id).await, Erased::Done);
    assert!(scene.notification(id).await.to.is_erased());
}

/// The order of somebody who is not in it stays with its other readers, until one of those is forgotten.
pub async fn an_order_that_tells_of_others_is_kept_for_them(scene: &Scene) {
    for lines in [10, 4_000] {
        let order = lines.to_string();
        let mut acceptance = Acceptance { event: large_event(scene, lines), ..scene.acceptance(&order) };
        acceptance.notifications.push(scene.plan("order_alert", &order));
        let accepted = scene.accept(acceptance.clone()).await;
        let [customer, merchant] = [0, 1].map(|n| accepted.notifications[n].id);
        for claim in scene.claim(2).await {
            let words = Words::new("250 2.1.5 <ada@example.com> Ok");
            let finish = FinishAttempt { words, ..scene.report(&claim, Verdict::Sent) };
            assert_eq!(sure(scene.ledger.finish_attempt(finish).await), Finished::Recorded(Status::Sent));
        }
        let erasure = Erasure { id: merchant, forget_recipient: true, keep_data: true, now: scene.now() };
        for _ in 0..2 {
            assert_eq!(sure(scene.ledger.erase(erasure).await), Erased::Done);
            let forgotten = scene.notification(merchant).await;
            assert!(forgotten.to.is_erased() && forgotten.lifecycle.erased);
            assert_silent(scene, merchant).await;
            let Some(kept) = sure(scene.ledger.content(customer).await) else {
                panic!("{customer} is there")
            };
            assert_eq!(kept.event.data, acceptance.event.data);
            assert!(!kept.notification.lifecycle.erased);
        }
        // Whoever is told of in it is forgotten wherever it is.
        assert_eq!(erase_with(scene, merchant, false).await, Erased::Done);
        assert_eq!(erase(scene, customer).await, Erased::Done);
        for id in [customer, merchant] {
            let content = sure(scene.ledger.content(id).await);
            assert_eq!(content.map(|content| content.event.data).as_deref(), Some("{}"));
        }
    }
}

/// Neither what waits to be told nor what is told again later says who it was.
pub async fn webhooks_tell_nothing_of_the_person(scene: &Scene) {
    let webhook = endpoint(scene, 1, &[]).await;
    let id = sent(scene, scene.acceptance("1")).await;
    // One call waits already, the other is fanned out later.
    assert_eq!(claim_all(scene).await.len(), 1);
    scene.clock.advance_ms(10);
    take(scene, id, report(ReportKind::Delivered, "1")).await;
    erase(scene, id).await;
    scene.clock.advance_ms(10 * LEASE_MS);
    let calls = deliver_all(scene).await;
    assert_eq!(calls.len(), 2);
    let replay = super::webhook_replays::everything(scene, webhook);
    assert_eq!(super::webhook_replays::replay(scene, replay).await, 2);
    for call in calls.iter().chain(&deliver_all(scene).await) {
        assert!(call.notification.to.is_erased() && call.entry.words.is_none(), "{call:?}");
    }
}

/// No entry of the timeline quotes anybody.
async fn assert_silent(scene: &Scene, id: NotificationId) {
    let Some(record) = sure(scene.ledger.find(id).await) else { panic!("{id} is there") };
    assert!(record.entries.iter().all(|entry| entry.words.is_none()), "{:?}", record.entries);
}

/// An event whose data is about Ada, `lines` long.
fn large_event(scene: &Scene, lines: usize) -> postrider_core::domain::event::StoredEvent {
    let mut event = scene.acceptance("1").event;
    let items: Vec<String> =
        (0..lines).map(|n| format!(r#"{{"name":"Ada's {n}","sku":"{}"}}"#, n * 7919)).collect();
    event.data = format!(r#"{{"customerEmail":"ada@example.com","items":[{}]}}"#, items.join(","));
    event
}

//! Telling again what happened, and forgetting what is too old.

use std::sync::Arc;

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Reference, ReportKind};
use postrider_core::domain::id::{NotificationId, WebhookId};
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{WebhookChange, WebhookEvent};
use postrider_core::limits::{WEBHOOK_FAN_OUT_MAX, WEBHOOK_FEED_MS_MAX, WEBHOOK_REPLAY_MAX};
use postrider_core::ports::feedback::Feedback;
use postrider_core::ports::webhooks::{CallOutcome, Replay, Replayed};
use tokio::task::JoinSet;

use super::feedback::{report, take};
use super::scene::{Scene, sure};
use super::webhooks::{claim_all, claim_with, deliver_all, end, endpoint, told, webhook, webhook_id};

/// A replay of all that is kept.
#[must_use]
pub fn everything(scene: &Scene, webhook: WebhookId) -> Replay {
    let (since, until) = (Timestamp::EPOCH, scene.now().plus_ms(1));
    Replay { webhook, since, until, after: None, now: scene.now() }
}

/// Replays step by step and tells how many calls there are anew.
pub async fn replay(scene: &Scene, mut replay: Replay) -> usize {
    let mut calls = 0;
    for _ in 0..1_000 {
        match sure(scene.ledger.replay_webhook(replay).await) {
            Replayed::Added { calls: added, next } => {
                calls += added;
                let Some(next) = next else { return calls };
                replay.after = Some(next);
            }
            other => panic!("not replayed: {other:?}"),
        }
    }
    panic!("the replay does not end");
}

/// More changes than one step looks at, of three notifications.
async fn many_changes(scene: &Scene) -> (Vec<NotificationId>, usize) {
    const EACH: usize = 190;
    let mut ids = Vec::new();
    let mut running = JoinSet::new();
    for order in ["1", "2", "3"] {
        let id = scene.post_and_finish(order, Verdict::Sent).await;
        ids.push(id);
        for n in 0..EACH {
            let mut opened = report(ReportKind::Opened, &n.to_string());
            opened.fingerprint = Fingerprint::of_parts(&[order.as_bytes(), &n.to_be_bytes()]);
            let feedback = Feedback {
                references: vec![Reference::Notification(id)],
                report: opened,
                may_condemn: true,
                now: scene.now(),
            };
            let ledger = Arc::clone(&scene.ledger);
            running.spawn(async move { sure(ledger.record_feedback(feedback).await) });
        }
    }
    while let Some(recorded) = running.join_next().await {
        assert!(recorded.is_ok());
    }
    let changes = ids.len() * (EACH + 1);
    assert!(changes > WEBHOOK_REPLAY_MAX.max(WEBHOOK_FAN_OUT_MAX));
    (ids, changes)
}

/// What happened in the range is told anew, in order, under the same message ids; what lies outside is not.
pub async fn a_replay_tells_a_range_again_in_order(scene: &Scene) {
    let id = endpoint(scene, 1, &[]).await;
    let before = scene.post_and_finish("0", Verdict::Sent).await;
    scene.clock.advance_ms(1);
    let since = scene.now();
    let inside = scene.post_and_finish("1", Verdict::Sent).await;
    scene.clock.advance_ms(1);
    take(scene, inside, report(ReportKind::Delivered, "1")).await;
    scene.clock.advance_ms(1);
    let until = scene.now();
    take(scene, inside, report(ReportKind::Complained, "2")).await;
    let first = deliver_all(scene).await;
    assert_eq!(replay(scene, Replay { since, until, ..everything(scene, id) }).await, 2);
    // Asked for once more: what waits is not doubled.
    assert_eq!(replay(scene, Replay { since, until, ..everything(scene, id) }).await, 0);
    let again = deliver_all(scene).await;
    assert_eq!(told(&again, before), []);
    assert_eq!(told(&again, inside), [WebhookEvent::Sent, WebhookEvent::Delivered]);
    for call in again {
        assert!(first.iter().any(|known| known.message_id() == call.message_id()));
    }
    let nobody = Replay { webhook: webhook_id(9), ..everything(scene, id) };
    assert_eq!(sure(scene.ledger.replay_webhook(nobody).await), Replayed::NotFound);
}

/// A replay tells what the endpoint wants now; what it has not been told yet is told once.
pub async fn a_replay_adds_nothing_that_comes_anyway(scene: &Scene) {
    let id = endpoint(scene, 1, &[WebhookEvent::Delivered]).await;
    let notification = scene.post_and_finish("1", Verdict::Sent).await;
    take(scene, notification, report(ReportKind::Delivered, "1")).await;
    assert_eq!(replay(scene, everything(scene, id)).await, 0);
    assert_eq!(told(&deliver_all(scene).await, notification), [WebhookEvent::Delivered]);
    let events = Some([WebhookEvent::Sent].into());
    let change = WebhookChange { events, ..WebhookChange::default() };
    sure(scene.ledger.update_webhook(id, change, scene.now()).await);
    assert_eq!(replay(scene, everything(scene, id)).await, 1);
    assert_eq!(told(&deliver_all(scene).await, notification), [WebhookEvent::Sent]);
}

/// An earlier change that comes back goes before a later one that still waits, or comes back from a try that failed.
pub async fn what_is_replayed_goes_before_what_came_later(scene: &Scene) {
    let id = endpoint(scene, 1, &[]).await;
    let notification = scene.post_and_finish("1", Verdict::Sent).await;
    deliver_all(scene).await;
    take(scene, notification, report(ReportKind::Delivered, "1")).await;
    let in_hand = claim_all(scene).await;
    assert_eq!(replay(scene, everything(scene, id)).await, 1);
    end(scene, &in_hand[0], CallOutcome::Retry { until: scene.now() }).await;
    let first = claim_all(scene).await;
    assert_eq!(told(&first, notification), [WebhookEvent::Sent]);
    end(scene, &first[0], CallOutcome::Delivered).await;
    // Now the later one waits at the front.
    assert_eq!(replay(scene, everything(scene, id)).await, 1);
    let first = claim_all(scene).await;
    assert_eq!(told(&first, notification), [WebhookEvent::Sent]);
    end(scene, &first[0], CallOutcome::Delivered).await;
    assert_eq!(told(&deliver_all(scene).await, notification), [WebhookEvent::Delivered]);
}

/// More than one step can look at is told whole, in order, and announced in between.
pub async fn a_long_feed_is_told_whole(scene: &Scene) {
    let first = endpoint(scene, 1, &[]).await;
    let second = endpoint(scene, 2, &[WebhookEvent::Sent]).await;
    let (ids, changes) = many_changes(scene).await;
    let claimed = claim_with(scene, 0, 1).await;
    assert_eq!((claimed.calls.len(), claimed.next_due_at), (0, Some(scene.now())));
    // A long feed is shared: nobody's step takes more than its part of it.
    assert_eq!(webhook(scene, first).await.pending_calls, (WEBHOOK_FAN_OUT_MAX / 2) as u64);
    let calls = deliver_all(scene).await;
    assert_eq!(calls.iter().filter(|call| call.webhook == first).count(), changes);
    assert_eq!(calls.iter().filter(|call| call.webhook == second).count(), ids.len());
    for id in &ids {
        let own = calls.iter().filter(|call| call.notification.id == *id && call.webhook == first);
        assert!(own.map(|call| call.change).is_sorted());
    }
    assert_eq!(replay(scene, everything(scene, first)).await, changes);
    assert_eq!(webhook(scene, first).await.pending_calls, changes as u64);
    assert_eq!(replay(scene, everything(scene, second)).await, ids.len());
}

/// What is too old goes, whether it waits or nobody has looked at it, and is counted where it was wanted.
pub async fn what_is_too_old_goes_and_is_counted(scene: &Scene) {
    let waiting = endpoint(scene, 1, &[]).await;
    let disabled = endpoint(scene, 2, &[WebhookEvent::Delivered]).await;
    let change = WebhookChange { enabled: Some(false), ..WebhookChange::default() };
    sure(scene.ledger.update_webhook(disabled, change, scene.now()).await);
    let notification = scene.post_and_finish("1", Verdict::Sent).await;
    take(scene, notification, report(ReportKind::Delivered, "1")).await;
    scene.clock.advance_ms(1);
    let far = scene.now().plus_ms(2 * WEBHOOK_FEED_MS_MAX);
    for call in claim_all(scene).await {
        end(scene, &call, CallOutcome::Retry { until: far }).await;
    }
    take(scene, notification, report(ReportKind::Complained, "2")).await;
    scene.clock.advance_ms(WEBHOOK_FEED_MS_MAX);
    // Two changes are too old by a millisecond, the third is not.
    let calls = claim_all(scene).await;
    assert_eq!(told(&calls, notification), [WebhookEvent::Complained]);
    let counts =
        |webhook: &postrider_core::domain::webhook::Webhook| (webhook.lost_calls, webhook.pending_calls);
    assert_eq!(counts(&webhook(scene, waiting).await), (2, 1));
    assert_eq!(counts(&webhook(scene, disabled).await), (1, 0));
    assert_eq!(replay(scene, everything(scene, waiting)).await, 0);
}

//! The calls of endpoints: their order, their tries, and what failing means.

use std::collections::BTreeSet;
use std::sync::Arc;

use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::webhook::{DisabledReason, WebhookChange, WebhookEvent, WebhookState};
use postrider_core::limits::{WEBHOOK_CLAIM_MAX, WEBHOOK_FAILING_MS_MAX, WEBHOOK_OUTAGE_MS_MIN};
use postrider_core::ports::webhooks::{CallFinished, CallOutcome, ClaimCalls, WebhookCall};
use tokio::task::JoinSet;

use super::feedback::{report, take};
use super::scene::{LEASE_MS, Scene, sure};
use super::webhooks::{RECORDED, claim_all, claim_with, deliver_all, end, endpoint, told, webhook};

const HOUR_MS: u64 = 60 * 60 * 1000;

/// Sent and delivered, told to nobody yet.
async fn delivered(scene: &Scene, order: &str) -> NotificationId {
    let id = scene.post_and_finish(order, Verdict::Sent).await;
    scene.clock.advance_ms(1);
    take(scene, id, report(ReportKind::Delivered, order)).await;
    id
}

async fn retry(scene: &Scene, call: &WebhookCall, after_ms: u64) {
    let until = scene.now().plus_ms(after_ms);
    assert_eq!(end(scene, call, CallOutcome::Retry { until }).await, RECORDED);
}

/// The later change waits for the earlier one, through every retry; other notifications do not.
pub async fn changes_of_one_notification_are_told_in_order(scene: &Scene) {
    endpoint(scene, 1, &[]).await;
    let (first, second) = (delivered(scene, "1").await, delivered(scene, "2").await);
    let calls = claim_all(scene).await;
    assert_eq!(
        (told(&calls, first), told(&calls, second)),
        (vec![WebhookEvent::Sent], vec![WebhookEvent::Sent])
    );
    assert!(claim_all(scene).await.is_empty());
    assert_eq!(calls[0].notification.id, first);
    retry(scene, &calls[0], 5_000).await;
    assert_eq!(end(scene, &calls[1], CallOutcome::Delivered).await, RECORDED);
    let next = claim_all(scene).await;
    assert_eq!((told(&next, first), told(&next, second)), (vec![], vec![WebhookEvent::Delivered]));
    scene.clock.advance_ms(5_000);
    let again = claim_all(scene).await;
    assert_eq!((told(&again, first), again[0].attempt), (vec![WebhookEvent::Sent], 2));
    end(scene, &again[0], CallOutcome::GiveUp).await;
    assert_eq!(told(&claim_all(scene).await, first), [WebhookEvent::Delivered]);
}

/// An endpoint that answers nothing holds its own places and nobody else's, even when few can be had at once.
pub async fn a_dead_endpoint_is_in_nobodys_way(scene: &Scene) {
    let dead = endpoint(scene, 1, &[]).await;
    let alive = endpoint(scene, 2, &[]).await;
    for order in 0..5 {
        scene.post_and_finish(&order.to_string(), Verdict::Sent).await;
    }
    let mut heard = 0;
    let mut never_answered = 0;
    for _ in 0..10 {
        let calls = claim_with(scene, 2, 2).await.calls;
        for call in calls {
            if call.webhook == alive {
                assert_eq!(end(scene, &call, CallOutcome::Delivered).await, RECORDED);
                heard += 1;
            } else {
                assert_eq!(call.webhook, dead);
                never_answered += 1;
            }
        }
    }
    assert_eq!((heard, never_answered), (5, 2));
}

/// Where there are fewer places than calls, every endpoint gets one before any gets a second, however long its queue.
pub async fn a_long_queue_leaves_places_to_the_others(scene: &Scene) {
    let long = endpoint(scene, 1, &[]).await;
    for order in 0..5 {
        scene.post_and_finish(&order.to_string(), Verdict::Sent).await;
    }
    scene.clock.advance_ms(1);
    let short = endpoint(scene, 2, &[]).await;
    scene.post_and_finish("last", Verdict::Sent).await;
    let calls = claim_with(scene, 2, 2).await.calls;
    assert_eq!(calls.iter().map(|call| call.webhook).collect::<Vec<_>>(), [long, short]);
    end(scene, &calls[1], CallOutcome::Delivered).await;
    scene.post_and_finish("very last", Verdict::Sent).await;
    let calls = claim_with(scene, 1, 2).await.calls;
    assert_eq!(calls.iter().map(|call| call.webhook).collect::<Vec<_>>(), [short]);
}

/// The bounds on what is on its way hold, for each endpoint and for all.
pub async fn no_more_calls_are_on_their_way_than_may(scene: &Scene) {
    let (first, second) = (endpoint(scene, 1, &[]).await, endpoint(scene, 2, &[]).await);
    for order in 0..4 {
        scene.post_and_finish(&order.to_string(), Verdict::Sent).await;
    }
    let of = |calls: &[WebhookCall], webhook| calls.iter().filter(|call| call.webhook == webhook).count();
    let calls = claim_with(scene, 100, 3).await.calls;
    assert_eq!((of(&calls, first), of(&calls, second)), (3, 3));
    assert!(claim_with(scene, 100, 3).await.calls.is_empty());
    assert!(claim_with(scene, 0, 100).await.calls.is_empty());
    end(scene, &calls[0], CallOutcome::Delivered).await;
    let calls = claim_with(scene, 100, 3).await.calls;
    assert_eq!((of(&calls, first), of(&calls, second)), (1, 0));
    assert_eq!(claim_with(scene, WEBHOOK_CLAIM_MAX + 1, 4).await.calls.len(), 1);
}

/// A claim nobody finished is claimed again once it lapsed; what comes late about the first is stale.
pub async fn a_lapsed_claim_is_claimed_again(scene: &Scene) {
    endpoint(scene, 1, &[]).await;
    let id = delivered(scene, "1").await;
    let claimed = claim_with(scene, 10, 10).await;
    assert_eq!(claimed.next_due_at, Some(scene.now().plus_ms(LEASE_MS)));
    scene.clock.advance_ms(LEASE_MS - 1);
    assert!(claim_all(scene).await.is_empty());
    scene.clock.advance_ms(1);
    let again = claim_all(scene).await;
    assert_eq!((told(&again, id), again[0].attempt), (vec![WebhookEvent::Sent], 2));
    assert_eq!(again[0].message_id(), claimed.calls[0].message_id());
    assert_eq!(end(scene, &claimed.calls[0], CallOutcome::Delivered).await, CallFinished::Stale);
    assert!(claim_all(scene).await.is_empty());
    assert_eq!(end(scene, &again[0], CallOutcome::Delivered).await, RECORDED);
    assert_eq!(end(scene, &again[0], CallOutcome::Delivered).await, CallFinished::Stale);
    assert_eq!(told(&deliver_all(scene).await, id), [WebhookEvent::Delivered]);
}

/// The truth about a claim that lapsed is welcome as long as nobody else has taken it.
pub async fn a_late_success_counts_while_nobody_else_has_it(scene: &Scene) {
    endpoint(scene, 1, &[]).await;
    scene.post_and_finish("1", Verdict::Sent).await;
    let calls = claim_all(scene).await;
    scene.clock.advance_ms(LEASE_MS);
    assert!(claim_with(scene, 0, 0).await.calls.is_empty());
    assert_eq!(end(scene, &calls[0], CallOutcome::Delivered).await, RECORDED);
    assert!(claim_all(scene).await.is_empty());
}

/// A call that failed is due again when it was said, and not before; that is announced.
pub async fn a_retry_waits_for_its_time(scene: &Scene) {
    let id = endpoint(scene, 1, &[]).await;
    scene.post_and_finish("1", Verdict::Sent).await;
    let calls = claim_all(scene).await;
    retry(scene, &calls[0], 5_000).await;
    let claimed = claim_with(scene, 10, 10).await;
    assert_eq!((claimed.calls, claimed.next_due_at), (vec![], Some(scene.now().plus_ms(5_000))));
    let failing = webhook(scene, id).await;
    let now = Some(scene.now());
    assert_eq!((failing.failing_since, failing.last_failure_at, failing.last_success_at), (now, now, None));
    scene.clock.advance_ms(5_000);
    let calls = claim_all(scene).await;
    assert_eq!(calls[0].attempt, 2);
    assert_eq!(end(scene, &calls[0], CallOutcome::Delivered).await, RECORDED);
    let back = webhook(scene, id).await;
    assert_eq!((back.failing_since, back.last_success_at), (None, Some(scene.now())));
    let claimed = claim_with(scene, 10, 10).await;
    assert_eq!((claimed.calls, claimed.next_due_at), (vec![], None));
}

/// A call that is given up is gone and counted.
pub async fn what_was_tried_in_vain_is_counted(scene: &Scene) {
    let id = endpoint(scene, 1, &[]).await;
    scene.post_and_finish("1", Verdict::Sent).await;
    let calls = claim_all(scene).await;
    assert_eq!(webhook(scene, id).await.pending_calls, 1);
    assert_eq!(end(scene, &calls[0], CallOutcome::GiveUp).await, RECORDED);
    assert_eq!(end(scene, &calls[0], CallOutcome::GiveUp).await, CallFinished::Stale);
    let after = webhook(scene, id).await;
    assert_eq!((after.lost_calls, after.pending_calls, after.failing_since), (1, 0, Some(scene.now())));
    assert!(claim_all(scene).await.is_empty());
}

async fn enable(scene: &Scene, call: &WebhookCall, enabled: bool) {
    let change = WebhookChange { enabled: Some(enabled), ..WebhookChange::default() };
    assert!(sure(scene.ledger.update_webhook(call.webhook, change, scene.now()).await).is_some());
}

/// 410 disables at once. What it did not take, and what happens meanwhile, waits until somebody enables it again.
pub async fn an_endpoint_that_is_gone_is_disabled(scene: &Scene) {
    let id = endpoint(scene, 1, &[]).await;
    let first = delivered(scene, "1").await;
    let calls = claim_all(scene).await;
    let gone = CallFinished::Recorded { disabled: Some(DisabledReason::Gone) };
    assert_eq!(end(scene, &calls[0], CallOutcome::DisableGone).await, gone);
    let state = WebhookState::Disabled { at: scene.now(), reason: DisabledReason::Gone };
    assert_eq!(webhook(scene, id).await.state, state);
    let second = delivered(scene, "2").await;
    let claimed = claim_with(scene, 10, 10).await;
    assert_eq!((claimed.calls, claimed.next_due_at), (vec![], None));
    assert_eq!(webhook(scene, id).await.state, state);
    enable(scene, &calls[0], true).await;
    let heard = deliver_all(scene).await;
    for id in [first, second] {
        assert_eq!(told(&heard, id), [WebhookEvent::Sent, WebhookEvent::Delivered]);
    }
}

/// Five days of nothing but failures disable, once, and say so; enabling begins a new count.
pub async fn five_days_of_failing_disable(scene: &Scene) {
    let id = endpoint(scene, 1, &[]).await;
    for order in ["1", "2"] {
        scene.post_and_finish(order, Verdict::Sent).await;
    }
    let calls = claim_all(scene).await;
    retry(scene, &calls[0], WEBHOOK_FAILING_MS_MAX - 1).await;
    retry(scene, &calls[1], WEBHOOK_FAILING_MS_MAX).await;
    scene.clock.advance_ms(WEBHOOK_FAILING_MS_MAX - 1);
    let calls = claim_all(scene).await;
    assert_eq!(calls.len(), 1);
    retry(scene, &calls[0], 1).await;
    assert_eq!(webhook(scene, id).await.state, WebhookState::Enabled);
    scene.clock.advance_ms(1);
    let calls = claim_all(scene).await;
    assert_eq!(calls.len(), 2);
    let outcome = CallOutcome::Retry { until: scene.now().plus_ms(HOUR_MS) };
    let failing = CallFinished::Recorded { disabled: Some(DisabledReason::Failing) };
    assert_eq!(end(scene, &calls[0], outcome).await, failing);
    assert_eq!(end(scene, &calls[1], outcome).await, RECORDED);
    let state = WebhookState::Disabled { at: scene.now(), reason: DisabledReason::Failing };
    assert_eq!(webhook(scene, id).await.state, state);
    scene.clock.advance_ms(HOUR_MS);
    assert!(claim_all(scene).await.is_empty());
    enable(scene, &calls[0], true).await;
    let again = claim_all(scene).await;
    assert_eq!(again.len(), 2);
    retry(scene, &again[0], 1).await;
    assert_eq!(webhook(scene, id).await.state, WebhookState::Enabled);
}

/// One success within the five days is enough.
pub async fn a_success_begins_the_five_days_anew(scene: &Scene) {
    let id = endpoint(scene, 1, &[]).await;
    for order in ["1", "2"] {
        scene.post_and_finish(order, Verdict::Sent).await;
    }
    let calls = claim_all(scene).await;
    retry(scene, &calls[0], 1).await;
    scene.clock.advance_ms(1);
    end(scene, &calls[1], CallOutcome::Delivered).await;
    scene.clock.advance_ms(WEBHOOK_FAILING_MS_MAX);
    let calls = claim_all(scene).await;
    retry(scene, &calls[0], 1).await;
    let failing = webhook(scene, id).await;
    assert_eq!((failing.state, failing.failing_since), (WebhookState::Enabled, Some(scene.now())));
}

/// A receiver that fails for an hour gets everything once it is back, at once, in time order per notification.
pub async fn after_an_outage_everything_comes_in_order(scene: &Scene) {
    const SCHEDULE_MS: [u64; 4] = [5_000, 5 * 60_000, 30 * 60_000, 2 * HOUR_MS];
    endpoint(scene, 1, &[]).await;
    let begin = scene.now();
    let mut ids = Vec::new();
    let mut tries = 0;
    while scene.now().ms_since(begin) < HOUR_MS {
        ids.push(delivered(scene, &ids.len().to_string()).await);
        for call in claim_all(scene).await {
            retry(scene, &call, SCHEDULE_MS[call.attempt as usize - 1]).await;
            tries += 1;
        }
        scene.clock.advance_ms(4 * 60_000);
    }
    assert!(tries > ids.len());
    // The first call that gets through brings the others, whatever the schedule had in store for them.
    delivered(scene, "last").await;
    let heard = deliver_all(scene).await;
    for id in &ids {
        assert_eq!(told(&heard, *id), [WebhookEvent::Sent, WebhookEvent::Delivered]);
    }
    assert_eq!(heard.iter().map(WebhookCall::message_id).collect::<BTreeSet<_>>().len(), heard.len());
}

/// A call that fails among others that do not keeps to its schedule, and an outage hurries it once at most.
pub async fn a_call_that_always_fails_keeps_to_its_schedule(scene: &Scene) {
    endpoint(scene, 1, &[]).await;
    let poison = scene.post_and_finish("poison", Verdict::Sent).await;
    let fail = async || {
        let calls = claim_all(scene).await;
        assert_eq!(told(&calls, poison).len(), calls.len());
        for call in &calls {
            retry(scene, call, HOUR_MS).await;
        }
        calls.len()
    };
    let succeed = async |order: &str| {
        scene.post_and_finish(order, Verdict::Sent).await;
        let calls = claim_all(scene).await;
        assert_eq!((calls.len(), told(&calls, poison).len()), (1, 0));
        assert_eq!(end(scene, &calls[0], CallOutcome::Delivered).await, RECORDED);
    };
    assert_eq!(fail().await, 1);
    scene.clock.advance_ms(WEBHOOK_OUTAGE_MS_MIN - 1);
    succeed("1").await;
    assert_eq!(fail().await, 0);
    scene.clock.advance_ms(HOUR_MS);
    assert_eq!(fail().await, 1);
    scene.clock.advance_ms(WEBHOOK_OUTAGE_MS_MIN);
    succeed("2").await;
    assert_eq!(fail().await, 1);
    scene.clock.advance_ms(WEBHOOK_OUTAGE_MS_MIN);
    succeed("3").await;
    assert_eq!(fail().await, 0);
    scene.clock.advance_ms(HOUR_MS);
    assert_eq!(fail().await, 1);
}

/// Many claim at once; each call goes to one of them.
pub async fn claimed_calls_never_overlap(scene: &Scene) {
    endpoint(scene, 1, &[]).await;
    endpoint(scene, 2, &[]).await;
    for order in 0..30 {
        scene.post_and_finish(&order.to_string(), Verdict::Sent).await;
    }
    let now = scene.now();
    let request = ClaimCalls { now, lease_until: now.plus_ms(LEASE_MS), limit: 7, per_endpoint: 100 };
    let mut running = JoinSet::new();
    for _ in 0..24 {
        let ledger = Arc::clone(&scene.ledger);
        running.spawn(async move { sure(ledger.claim_calls(request).await).calls });
    }
    let mut seen = Vec::new();
    while let Some(Ok(calls)) = running.join_next().await {
        seen.extend(calls.into_iter().map(|call| (call.webhook, call.change)));
    }
    // Who meets another one at the same call may leave it, and the next takes it.
    for _ in 0..seen.len() {
        let left = sure(scene.ledger.claim_calls(request).await).calls;
        if left.is_empty() {
            break;
        }
        seen.extend(left.into_iter().map(|call| (call.webhook, call.change)));
    }
    assert_eq!(seen.len(), 60);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), 60);
}

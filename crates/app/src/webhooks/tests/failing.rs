//! Receivers that fail, hang or are gone.

use std::collections::{BTreeMap, BTreeSet};

use postrider_core::domain::webhook::{DisabledReason, WebhookChange, WebhookState};
use postrider_core::limits::WEBHOOK_FAILING_MS_MAX;
use postrider_testkit::postfix::reserved_addr;
use postrider_webhook::schedule::DELAYS_MS;

use super::receiver::{Play, Received};
use super::{Stage, World};

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const SENT: &str = "notification.sent";
const DELIVERED: &str = "notification.delivered";

/// What was told of each notification, in order.
fn told(calls: &[Received]) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for call in calls {
        told.entry(call.notification()).or_default().push(call.event());
    }
    told
}

fn names(calls: &[Received]) -> BTreeSet<String> {
    calls.iter().map(|call| call.webhook_id.clone()).collect()
}

#[tokio::test]
async fn a_receiver_that_fails_for_an_hour_gets_everything_in_order_once_it_is_back() {
    const ORDERS: usize = 20;
    let world = World::new(Stage::default()).await;
    world.receiver.play("failing", Play::Answer(503));
    let failing = world.endpoint(1, "failing").await;
    world.endpoint(2, "well").await;
    for order in 0..ORDERS {
        world.delivered(&order.to_string()).await;
    }
    // The other endpoint hears everything meanwhile.
    let well = world.receiver.until_answered("well", 200, 2 * ORDERS).await;
    assert!(told(&well).values().all(|events| *events == [SENT, DELIVERED]), "{:#?}", told(&well));
    // An hour of trying as published: at once, after 5 s, 5 min and 30 min, each a tenth later at most.
    let mut tries = ORDERS;
    world.until_ended(2 * ORDERS + tries).await;
    for pass_ms in [6 * SECOND_MS, 6 * MINUTE_MS, 33 * MINUTE_MS] {
        world.pass(pass_ms);
        tries += ORDERS;
        world.until_ended(2 * ORDERS + tries).await;
    }
    world.pass(HOUR_MS - 39 * MINUTE_MS - 6 * SECOND_MS);
    assert_eq!(world.receiver.answered("failing", 503).len(), tries);
    // It is back, and the next thing it is told shows it.
    world.receiver.play("failing", Play::Answer(200));
    let news = world.sent("news").await.to_string();
    let taken = world.receiver.until_answered("failing", 200, 2 * ORDERS + 1).await;
    let mut told = told(&taken);
    assert_eq!(told.remove(&news), Some(vec![SENT.to_owned()]));
    assert_eq!(told.len(), ORDERS);
    assert!(told.values().all(|events| *events == [SENT, DELIVERED]), "{told:#?}");
    assert_eq!(names(&taken).len(), taken.len());
    assert!(names(&well).is_subset(&names(&taken)), "both endpoints know a message by the same id");
    let webhook = world.until(failing, |webhook| webhook.pending_calls == 0).await;
    assert_eq!((webhook.lost_calls, webhook.failing_since), (0, None));
}

#[tokio::test]
async fn without_news_a_call_is_made_again_when_its_time_comes_and_tells_the_same() {
    let world = World::new(Stage::default()).await;
    world.receiver.play("hook", Play::Answer(500));
    let hook = world.endpoint(1, "hook").await;
    world.delivered("1").await;
    world.receiver.until_answered("hook", 500, 1).await;
    world.until(hook, |webhook| webhook.failing_since.is_some()).await;
    world.receiver.play("hook", Play::Answer(204));
    world.pass(6 * SECOND_MS);
    let taken = world.receiver.until_answered("hook", 204, 2).await;
    let calls = world.receiver.calls("hook");
    assert_eq!((&calls[0].webhook_id, &calls[0].body), (&taken[0].webhook_id, &taken[0].body));
    assert_eq!(taken.iter().map(Received::event).collect::<Vec<_>>(), [SENT, DELIVERED]);
    let first = &taken[0].body;
    assert_eq!((&first["data"]["status"], &first["data"]["entry"]["type"]), (&"sent".into(), &"sent".into()));
    assert_eq!((&first["data"]["orderId"], &first["data"]["to"]), (&"1".into(), &"ada@example.com".into()));
    assert_eq!(first["data"]["correlationId"], "trace-1");
    assert_eq!(taken[1].body["data"]["status"], "delivered");
    world.until(hook, |webhook| webhook.pending_calls == 0).await;
    assert_eq!(world.webhooks.metrics.webhook_calls.get(), 3);
    assert_eq!(world.webhooks.metrics.webhook_failures.get(), 1);
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let world = World::new(Stage::default()).await;
    world.receiver.play("hook", Play::Busy(3_600));
    world.endpoint(1, "hook").await;
    let busy = world.sent("1").await.to_string();
    world.until_ended(1).await;
    world.receiver.play("hook", Play::Answer(200));
    // The published wait is over; what else is called shows that the worker has looked, twice.
    world.pass(6 * SECOND_MS);
    for (order, ended) in [("2", 2), ("3", 3)] {
        world.sent(order).await;
        world.until_ended(ended).await;
    }
    assert_eq!(
        world.receiver.answered("hook", 200).iter().filter(|call| call.notification() == busy).count(),
        0
    );
    world.pass(66 * MINUTE_MS);
    world.until_ended(4).await;
    assert_eq!(world.receiver.calls("hook").last().map(Received::notification), Some(busy));
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_gets_what_it_missed_once_enabled() {
    let world = World::new(Stage::default()).await;
    world.receiver.play("gone", Play::Answer(410));
    let gone = world.endpoint(1, "gone").await;
    world.sent("1").await;
    let webhook = world.until(gone, |webhook| !webhook.is_enabled()).await;
    assert!(matches!(webhook.state, WebhookState::Disabled { reason: DisabledReason::Gone, .. }));
    assert_eq!(world.webhooks.metrics.webhooks_disabled.get(), 1);
    world.receiver.play("gone", Play::Answer(200));
    world.endpoint(2, "other").await;
    world.sent("2").await;
    world.receiver.until_answered("other", 200, 1).await;
    assert_eq!(world.receiver.calls("gone").len(), 1);
    let change = WebhookChange { enabled: Some(true), ..WebhookChange::default() };
    world.scene.ledger.update_webhook(gone, change, world.scene.now()).await.unwrap();
    world.webhooks.wake.notify_one();
    let taken = world.receiver.until_answered("gone", 200, 2).await;
    assert_eq!(told(&taken).len(), 2);
}

#[tokio::test]
async fn endpoints_that_hang_or_refuse_are_in_nobodys_way() {
    const DEAD: u128 = 8;
    const ORDERS: usize = 30;
    // One place more than there are dead endpoints: had each of them two, none would be left.
    let world = World::new(Stage { concurrency: DEAD as usize + 1, ..Stage::default() }).await;
    world.receiver.play("hanging", Play::Hold);
    for n in 0..DEAD {
        world.endpoint(n, "hanging").await;
    }
    for order in 0..3 {
        world.sent(&order.to_string()).await;
    }
    world.receiver.until_called("hanging", DEAD as usize).await;
    let refusing = format!("http://{}/", reserved_addr().unwrap());
    let refusing = world.endpoint_at(100, &refusing).await;
    world.endpoint(101, "well").await;
    for order in 0..ORDERS {
        world.sent(&format!("more {order}")).await;
    }
    world.receiver.until_answered("well", 200, ORDERS).await;
    assert_eq!(world.receiver.calls("hanging").len(), DEAD as usize, "none of them has ended");
    let refused = world.until(refusing, |webhook| webhook.failing_since.is_some()).await;
    assert_eq!(refused.lost_calls, 0);
}

#[tokio::test]
async fn a_call_is_given_up_after_the_last_try_and_counted() {
    let world = World::new(Stage::default()).await;
    world.receiver.play("hook", Play::Answer(500));
    let hook = world.endpoint(1, "hook").await;
    world.sent("1").await;
    for (tries, delay_ms) in (1..).zip(DELAYS_MS) {
        world.until_ended(tries).await;
        world.pass(delay_ms + delay_ms / 10);
    }
    world.until_ended(10).await;
    let webhook = world.webhook(hook).await;
    assert_eq!((webhook.lost_calls, webhook.pending_calls, webhook.is_enabled()), (1, 0, true));
    assert_eq!(world.webhooks.metrics.webhook_calls_lost.get(), 1);
}

#[tokio::test]
async fn an_endpoint_that_fails_for_five_days_is_disabled() {
    let world = World::new(Stage::default()).await;
    world.receiver.play("hook", Play::Answer(500));
    let hook = world.endpoint(1, "hook").await;
    world.sent("1").await;
    world.until_ended(1).await;
    world.pass(WEBHOOK_FAILING_MS_MAX - 1);
    world.until_ended(2).await;
    assert!(world.webhook(hook).await.is_enabled());
    world.pass(HOUR_MS);
    let webhook = world.until(hook, |webhook| !webhook.is_enabled()).await;
    assert!(matches!(webhook.state, WebhookState::Disabled { reason: DisabledReason::Failing, .. }));
    world.until_ended(3).await;
    assert_eq!(world.webhooks.metrics.webhooks_disabled.get(), 1);
}

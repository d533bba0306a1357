//! Finding notifications again.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::notification::BusinessKey;
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::ports::ledger::ListQuery;

use super::scene::{CONFIRMATION, Scene, address, dead, failed, sure};

/// Age alone decides the order.
pub async fn the_newest_comes_first(scene: &Scene) {
    let mut posted = Vec::new();
    for order in 0..5 {
        posted.push(scene.post(&order.to_string()).await);
        scene.clock.advance_ms(1);
    }
    posted.reverse();
    assert_eq!(scene.list(ListQuery::default()).await, posted);
}

/// Everything about one order, and nothing about another.
pub async fn by_order(scene: &Scene) {
    let confirmation = scene.post("1").await;
    scene.post("2").await;
    scene.clock.advance_ms(1);
    let mut shipped = scene.acceptance("1");
    shipped.notifications = vec![scene.plan("order_shipped", "1")];
    let shipped = scene.accept(shipped).await.notifications[0].id;
    let mut without_order = scene.acceptance("no order");
    without_order.notifications[0].1.order_id = None;
    scene.accept(without_order).await;
    let about = |order: &str| ListQuery { order_id: Some(order.to_owned()), ..ListQuery::default() };
    assert_eq!(scene.list(about("1")).await, [shipped, confirmation]);
    assert!(scene.list(about("3")).await.is_empty());
    assert!(scene.list(about("")).await.is_empty());
}

/// An order leads to its notifications whatever their types are deduplicated by, and a key that looks like an order's
/// leads to nobody else's.
pub async fn by_order_whatever_makes_the_key(scene: &Scene) {
    let keyed = |order: &str, about: Option<&str>, key: &str| {
        let mut acceptance = scene.acceptance(&format!("{order} {key}"));
        let plan = &mut acceptance.notifications[0].1;
        plan.order_id = about.map(str::to_owned);
        plan.business_key = BusinessKey::new(CONFIRMATION, key);
        acceptance
    };
    let by_order = scene.accept(keyed("a", Some("1"), "1")).await.notifications[0].id;
    scene.clock.advance_ms(1);
    let by_invoice = scene.accept(keyed("b", Some("1"), "invoice 7")).await.notifications[0].id;
    scene.clock.advance_ms(1);
    // Keyed by the text of order 2, once about nothing and then, under another type, about order 1.
    scene.accept(keyed("c", None, "2")).await;
    scene.clock.advance_ms(1);
    let mut crossed = keyed("d", Some("1"), "2");
    crossed.notifications[0].1.notification_type = "order_shipped".to_owned();
    crossed.notifications[0].1.business_key = BusinessKey::new("order_shipped", "2");
    let crossed = scene.accept(crossed).await.notifications[0].id;
    let about = |order: &str| ListQuery { order_id: Some(order.to_owned()), ..ListQuery::default() };
    assert_eq!(scene.list(about("1")).await, [crossed, by_invoice, by_order]);
    assert!(scene.list(about("2")).await.is_empty());
    for after in [crossed, by_invoice] {
        let page = ListQuery { after: Some(after), limit: 1, ..about("1") };
        let found = sure(scene.ledger.list(page).await);
        assert_eq!(found.notifications.len(), 1);
        assert!(found.notifications[0].id < after);
    }
}

/// One mailbox, two spellings.
pub async fn by_recipient_however_it_is_spelt(scene: &Scene) {
    let mut expected = Vec::new();
    for (order, to) in [("1", "Ada@Example.com"), ("2", "ada@example.com"), ("3", "bob@example.com")] {
        let mut acceptance = scene.acceptance(order);
        acceptance.notifications[0].1.to = address(to);
        expected.insert(0, scene.accept(acceptance).await.notifications[0].id);
        scene.clock.advance_ms(1);
    }
    let query = ListQuery { to: Some(address("ADA@example.COM")), ..ListQuery::default() };
    assert_eq!(scene.list(query).await, expected[1..]);
}

/// By the notification type's exact name.
pub async fn by_type(scene: &Scene) {
    scene.post("1").await;
    let mut other = scene.acceptance("1");
    other.notifications = vec![scene.plan("order_shipped", "1")];
    let shipped = scene.accept(other).await.notifications[0].id;
    let named = |name: &str| ListQuery { notification_type: Some(name.to_owned()), ..ListQuery::default() };
    assert_eq!(scene.list(named("order_shipped")).await, [shipped]);
    assert!(scene.list(named("order")).await.is_empty());
}

/// In one status, in several, in one that nothing has.
pub async fn by_status(scene: &Scene) {
    let [sent, refused, exhausted, queued] = assorted(scene).await;
    let with = |statuses: &[Status]| ListQuery { statuses: statuses.to_vec(), ..ListQuery::default() };
    assert_eq!(scene.list(with(&[Status::Sent])).await, [sent]);
    assert_eq!(scene.list(with(&[Status::Queued])).await, [queued]);
    assert_eq!(scene.list(with(&[Status::Dead])).await, [exhausted]);
    assert_eq!(scene.list(with(&Status::DEAD_LETTERS)).await, [exhausted, refused]);
    assert_eq!(scene.list(with(&[Status::Dead, Status::Sent])).await, [exhausted, sent]);
    assert!(scene.list(with(&[Status::Bounced])).await.is_empty());
}

/// By the stable name of what went wrong.
pub async fn by_cause(scene: &Scene) {
    let [_, refused, _, _] = assorted(scene).await;
    let query = ListQuery { cause: Some(Cause::known("smtp_550_5.1.1")), ..ListQuery::default() };
    assert_eq!(scene.list(query.clone()).await, [refused]);
    let dead = ListQuery { statuses: vec![Status::Dead], ..query };
    assert!(scene.list(dead).await.is_empty());
}

/// From an instant on, and up to but not including another.
pub async fn by_time_with_the_end_excluded(scene: &Scene) {
    let mut posted = Vec::new();
    let start = scene.now();
    for order in 0..4 {
        posted.insert(0, scene.post(&order.to_string()).await);
        scene.clock.advance_ms(10);
    }
    let query =
        ListQuery { since: Some(start.plus_ms(10)), until: Some(start.plus_ms(30)), ..ListQuery::default() };
    assert_eq!(scene.list(query.clone()).await, posted[1..3]);
    assert_eq!(scene.list(ListQuery { until: None, ..query.clone() }).await, posted[..3]);
    assert_eq!(scene.list(ListQuery { since: None, ..query }).await, posted[1..]);
}

/// Filters narrow each other.
pub async fn by_everything_at_once(scene: &Scene) {
    let [sent, _, _, _] = assorted(scene).await;
    let found = scene.notification(sent).await;
    let query = ListQuery {
        order_id: found.order_id.clone(),
        to: Some(found.to.clone()),
        notification_type: Some(found.notification_type.clone()),
        statuses: vec![Status::Sent],
        cause: None,
        since: Some(found.created_at),
        until: Some(found.created_at.plus_ms(1)),
        after: None,
        limit: 1,
    };
    assert_eq!(sure(scene.ledger.list(query.clone()).await).notifications, [found]);
    for narrowed in [
        ListQuery { order_id: Some("other".to_owned()), ..query.clone() },
        ListQuery { to: Some(address("bob@example.com")), ..query.clone() },
        ListQuery { notification_type: Some("other".to_owned()), ..query.clone() },
        ListQuery { statuses: vec![Status::Queued], ..query.clone() },
        ListQuery { cause: Some(Cause::known("smtp_550")), ..query.clone() },
        ListQuery { since: query.until, until: None, ..query.clone() },
        ListQuery { after: Some(sent), ..query.clone() },
    ] {
        assert!(scene.list(narrowed.clone()).await.is_empty(), "{narrowed:?}");
    }
}

/// An id that nobody gave out names nothing.
pub async fn an_unknown_one_is_not_found(scene: &Scene) {
    scene.post("1").await;
    let (stranger, _) = scene.plan("any", "any");
    assert_eq!(sure(scene.ledger.find(stranger).await), None);
    assert_eq!(sure(scene.ledger.content(stranger).await), None);
}

/// One each: sent, failed, dead and queued, in this order, a millisecond apart.
async fn assorted(scene: &Scene) -> [NotificationId; 4] {
    let sent = scene.post_and_finish("sent", Verdict::Sent).await;
    scene.clock.advance_ms(1);
    let refused = scene.post_and_finish("failed", failed("smtp_550_5.1.1")).await;
    scene.clock.advance_ms(1);
    let exhausted = scene.post_and_finish("dead", dead("connect_refused")).await;
    scene.clock.advance_ms(1);
    [sent, refused, exhausted, scene.post("queued").await]
}

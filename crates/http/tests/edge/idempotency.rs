use postrider_core::limits::IDEMPOTENCY_KEPT_MS;
use postrider_testkit::faulty_ledger::Fault::{Break, Pass, Refuse};
use serde_json::json;

use crate::world::{KEY, World, event, order};

#[tokio::test]
async fn a_batch_with_a_passing_failure_is_carried_out_again_under_its_key() {
    let world = World::new();
    let batch = json!([event("1")]);
    // Looking the key up passes, the event is refused.
    world.plan([Pass, Refuse]);
    let first = world.post("/v1/events/batch", &[KEY], &batch).await;
    assert_eq!((first.status, first.json()["data"][0]["status"].as_u64()), (202, Some(503)));
    let again = world.post("/v1/events/batch", &[KEY], &batch).await;
    assert_eq!((again.json()["data"][0]["status"].as_u64(), again.is_replayed()), (Some(202), false));
    let third = world.post("/v1/events/batch", &[KEY], &batch).await;
    assert_eq!((third.bytes, third.headers.contains_key("idempotent-replayed")), (again.bytes, true));
    assert_eq!(world.count().await, 1);
}

#[tokio::test]
async fn what_was_done_is_answered_even_if_the_answer_cannot_be_remembered() {
    for fault in [Refuse, Break] {
        let world = World::new();
        let batch = json!([event("1"), event("2")]);
        world.plan([Pass, Pass, Pass, fault]);
        let first = world.post("/v1/events/batch", &[KEY], &batch).await;
        assert_eq!(first.status, 202);
        assert_eq!(first.json()["data"][1]["notifications"][0]["duplicate"], false);
        // Asked again, the events are found by their business keys.
        let again = world.post("/v1/events/batch", &[KEY], &batch).await;
        assert_eq!((again.status, again.is_replayed()), (202, false));
        assert_eq!(again.json()["data"][1]["notifications"][0]["duplicate"], true);
        assert_eq!(world.count().await, 2);
    }
}

#[tokio::test]
async fn a_ledger_that_cannot_be_trusted_is_not_said_to_have_stored_nothing() {
    let world = World::new();
    world.plan([Break]);
    let broken = world.post("/v1/events", &[], &event("1")).await.expect(503, "ledger_unavailable");
    let detail = broken.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("may have been stored") && !detail.contains("Nothing was stored"), "{detail}");
    world.plan([Refuse]);
    let refused = world.post("/v1/events", &[], &event("1")).await.expect(503, "ledger_unavailable");
    assert!(refused.json()["detail"].as_str().unwrap().contains("Nothing was stored"));
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn a_preview_is_replayed_under_its_key() {
    let world = World::new();
    let path = "/v1/types/order_confirmation/preview";
    let first = world.post(path, &[KEY], &json!({ "data": order("1") })).await;
    assert_eq!((first.status, first.is_replayed()), (200, false));
    let again = world.post(path, &[KEY], &json!({ "data": order("1") })).await;
    assert!(again.is_replayed());
    assert_eq!(again.bytes, first.bytes);
    let other = world.post(path, &[KEY], &json!({ "data": order("2") })).await;
    other.expect(422, "idempotency_key_reused");
    let event = world.post("/v1/events", &[KEY], &event("1")).await;
    event.expect(422, "idempotency_key_reused");
    assert_eq!(world.count().await, 0);
}

#[tokio::test]
async fn a_key_is_free_again_when_its_time_is_over() {
    let world = World::new();
    world.post("/v1/events", &[KEY], &event("1")).await;
    world.clock.advance_ms(IDEMPOTENCY_KEPT_MS - 1);
    world.post("/v1/events", &[KEY], &event("2")).await.expect(422, "idempotency_key_reused");
    world.clock.advance_ms(1);
    assert_eq!(world.post("/v1/events", &[KEY], &event("2")).await.status, 202);
    assert_eq!(world.count().await, 2);
}

#[tokio::test]
async fn the_headers_of_a_cloud_event_are_part_of_its_request_in_any_order() {
    let world = World::new();
    let attributes = [
        ("ce-specversion", "1.0"),
        ("ce-id", "e-1"),
        ("ce-source", "/shop"),
        ("ce-type", "order.confirmed"),
        KEY,
    ];
    let first = world.post("/v1/events", &attributes, &order("1")).await;
    assert_eq!(first.status, 202);
    let mut turned = attributes;
    turned.reverse();
    assert!(world.post("/v1/events", &turned, &order("1")).await.is_replayed());
    turned[1].1 = "order.shipped";
    let other = world.post("/v1/events", &turned, &order("1")).await;
    assert!(!other.is_replayed() && other.status == 422);
}

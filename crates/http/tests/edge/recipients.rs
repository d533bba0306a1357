//! Forgetting a person.

use std::sync::Arc;

use postrider_core::domain::id::NotificationId;
use postrider_core::ports::clock::Clock as _;
use postrider_core::ports::ledger::{ClaimDue, Ledger as _};
use postrider_core::use_cases::erase_recipient::CapturedMessages;
use postrider_testkit::faulty_ledger::Fault::{Pass, Refuse};
use serde_json::{Value, json};

use crate::world::{Answer, KEY, World, event};

const ADA: &str = "/v1/recipients/ADA%40example.com";

async fn forget(world: &World) -> Answer {
    world.ask("DELETE", ADA, &[], "").await
}

/// Posts an order and tells its notification's id.
async fn post(world: &World, order: &str) -> String {
    let posted = world.post("/v1/events", &[], &event(order)).await.json();
    posted["notifications"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_forgotten_person_is_shown_nowhere_and_their_order_is_still_known() {
    let world = World::new();
    let id = post(&world, "1").await;
    let erased = forget(&world).await;
    let expected = json!({
        "done": true, "notifications": 1, "canceled": 1, "canceledForOthers": [], "events": 1, "captured": 0,
        "suppressed": 0, "inFlight": [], "logInUse": false
    });
    assert_eq!((erased.status, erased.json()), (200, expected));
    let shown = world.get(&format!("/v1/notifications/{id}")).await.json();
    assert_eq!(
        (&shown["to"], &shown["erased"], &shown["status"]),
        (&Value::Null, &json!(true), &json!("canceled"))
    );
    assert_eq!(shown["timeline"].as_array().unwrap().last().unwrap()["type"], "erased");
    world.get(&format!("/v1/notifications/{id}/message")).await.expect(410, "erased");
    for verb in ["retry", "cancel", "hold"] {
        world.post(&format!("/v1/notifications/{id}/{verb}"), &[], &json!({})).await.expect(409, "erased");
    }
    let listed = async |query: &str| {
        let page = world.get(&format!("/v1/notifications?{query}")).await.json();
        page["data"].as_array().unwrap().len()
    };
    assert_eq!((listed("to=ada%40example.com").await, listed("orderId=1").await), (0, 1));
    let again = world.post("/v1/events", &[], &event("1")).await.json();
    assert_eq!(
        (&again["notifications"][0]["duplicate"], &again["notifications"][0]["to"]),
        (&json!(true), &Value::Null)
    );
    let nothing = forget(&world).await;
    assert_eq!((nothing.status, &nothing.json()["notifications"]), (200, &json!(0)));
}

#[tokio::test]
async fn a_remembered_answer_shows_the_recipient_until_the_person_is_forgotten() {
    let world = World::new();
    let batch = json!([event("1"), event("2")]);
    let first = world.post("/v1/events/batch", &[KEY], &batch).await;
    let one = ("idempotency-key", "k-2");
    let single = world.post("/v1/events", &[one], &event("3")).await;
    assert_eq!(single.json()["notifications"][0]["to"], "ada@example.com");
    let again = world.post("/v1/events/batch", &[KEY], &batch).await;
    assert_eq!((again.is_replayed(), again.bytes), (true, first.bytes));
    let again = world.post("/v1/events", &[one], &event("3")).await;
    assert_eq!((again.is_replayed(), &again.bytes), (true, &single.bytes));
    forget(&world).await;
    let after = world.post("/v1/events", &[one], &event("3")).await;
    assert!(after.is_replayed());
    assert_eq!(after.json()["notifications"][0]["to"], Value::Null);
    assert_eq!(after.json()["notifications"][0]["id"], single.json()["notifications"][0]["id"]);
    let after = world.post("/v1/events/batch", &[KEY], &batch).await;
    assert!(!String::from_utf8(after.bytes).unwrap().contains("ada@"));
}

#[tokio::test]
async fn what_is_being_sent_is_named_and_asked_for_again() {
    let world = World::new();
    let id = post(&world, "1").await;
    let now = world.clock.now();
    let claim = ClaimDue { now, lease_until: now.plus_ms(60_000), limit: 1 };
    assert_eq!(world.ledger.claim_due(claim).await.unwrap().claims.len(), 1);
    let waiting = forget(&world).await;
    assert_eq!((waiting.status, waiting.header("retry-after")), (202, Some("10")));
    assert_eq!((&waiting.json()["done"], &waiting.json()["inFlight"]), (&json!(false), &json!([id])));
    assert_eq!(world.get(&format!("/v1/notifications/{id}")).await.json()["to"], "ada@example.com");
    world.clock.advance_ms(60_000);
    assert_eq!(forget(&world).await.json()["canceled"], 1);
}

#[tokio::test]
async fn an_interrupted_request_says_that_repeating_goes_on() {
    let world = World::new();
    post(&world, "1").await;
    world.plan([Pass, Pass, Refuse]);
    let interrupted = forget(&world).await.expect(503, "ledger_unavailable");
    assert!(interrupted.json()["detail"].as_str().unwrap().contains("it goes on"));
    assert_eq!(forget(&world).await.json()["notifications"], 1);
    world.ask("DELETE", "/v1/recipients/nobody", &[], "").await.expect(422, "invalid_address");
}

/// An outbox on a disk that cannot be written.
struct ReadOnly;

#[async_trait::async_trait]
impl CapturedMessages for ReadOnly {
    async fn remove(&self, _id: NotificationId, _attempts: u32) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_removed_keeps_its_notification_from_being_erased() {
    let mut world = World::new();
    world.change(|api| api.captured = Some(Arc::new(ReadOnly)));
    let id = post(&world, "1").await;
    let refused = forget(&world).await.expect(503, "outbox_unavailable");
    assert!(!String::from_utf8(refused.bytes).unwrap().contains("ada"));
    let shown = world.get(&format!("/v1/notifications/{id}")).await.json();
    assert_eq!((&shown["status"], &shown["to"]), (&json!("canceled"), &json!("ada@example.com")));
    world.change(|api| api.captured = None);
    assert_eq!(forget(&world).await.json()["notifications"], 1);
}

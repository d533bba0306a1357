//! Messages that will never be taken as they are.

use postrider_aws::emf::Metric;
use postrider_core::domain::status::Status;
use serde_json::{Value, json};

use crate::log::Kept;
use crate::orders::{batch, enveloped, message, order};
use crate::world::{World, again};

fn with(order_id: &str, member: &str, value: Value) -> Value {
    let mut order = order(order_id);
    order[member] = value;
    order
}

#[tokio::test(start_paused = true)]
async fn poison_fails_alone_and_the_log_says_why_in_words_and_without_addresses() {
    let world = World::new();
    world.dispatch(batch([message("m-0", &order("taken").to_string())])).await;
    let (log, _guard) = Kept::start();
    let unknown = json!({ "type": "order.confirmd", "data": order("5") });
    let broken = with("4", "items", json!([{ "name": "x", "quantity": 0, "unitPrice": "1.00" }]));
    let (answer, measured) = world
        .dispatch(batch([
            message("m-1", &enveloped(&order("good"))),
            message("m-2", "{\"customerEmail\":\"ada@example.com\""),
            message("m-3", &with("3", "customerEmail", json!("ada@@example.com")).to_string()),
            message("m-4", &broken.to_string()),
            message("m-5", &enveloped(&unknown)),
            message("m-6", &with("taken", "total", json!("1.00")).to_string()),
        ]))
        .await;
    assert_eq!(again(&answer), ["m-2", "m-3", "m-4", "m-5", "m-6"]);
    assert_eq!(world.status("good").await, Status::Sent);
    assert_eq!(world.sent(), 2, "the good one and the one before");
    assert_eq!(measured.counted(Metric::DeadLetters), 5);

    assert!(!log.text().contains('@'), "{}", log.text());
    let lines = log.lines();
    let about = |id: &str| {
        let line = lines.iter().find(|line| line["message_id"] == id);
        line.unwrap_or_else(|| panic!("nothing about {id} in {}", log.text())).clone()
    };
    for (id, order, code) in [
        ("m-2", Value::Null, "invalid_json"),
        ("m-3", json!("3"), "invalid_event"),
        ("m-4", json!("4"), "invalid_event"),
        ("m-5", json!("5"), "unknown_event_type"),
        ("m-6", json!("taken"), "business_key_conflict"),
    ] {
        let line = about(id);
        assert_eq!((&line["order_id"], &line["code"]), (&order, &json!(code)), "{line}");
        assert_eq!((&line["level"], &line["receive_count"]), (&json!("ERROR"), &json!(1)));
    }
    assert_eq!(about("m-3")["fields"], "/customerEmail");
    assert_eq!(about("m-4")["fields"], "/items/0/quantity");
    assert_eq!(about("m-5")["fields"], "/type");
    assert_eq!(
        about("m-5")["cause"],
        "/type is not an event type that any notification type answers; did you mean order.confirmed?"
    );
    assert!(about("m-6")["notification_id"].as_str().unwrap().starts_with("ntf_"));
}

#[tokio::test(start_paused = true)]
async fn poison_counts_as_a_dead_letter_once_however_often_it_comes() {
    let world = World::new();
    let mut counted = 0;
    for receive_count in 1..=3 {
        let attributes = json!({ "ApproximateReceiveCount": receive_count.to_string() });
        let poison = json!({ "messageId": "m-1", "body": "nothing", "attributes": attributes });
        let (answer, measured) = world.dispatch(batch([poison])).await;
        assert_eq!(again(&answer), ["m-1"]);
        counted += measured.counted(Metric::DeadLetters);
    }
    assert_eq!(counted, 1);
}

#[tokio::test(start_paused = true)]
async fn a_corrected_event_is_sent_once_when_it_is_redriven() {
    let world = World::new();
    let wrong = with("1", "total", json!("a lot"));
    let (answer, _) = world.dispatch(batch([message("m-1", &wrong.to_string())])).await;
    assert_eq!(again(&answer), ["m-1"]);
    for _ in 0..2 {
        let (answer, _) = world.dispatch(batch([message("m-1", &order("1").to_string())])).await;
        assert!(again(&answer).is_empty());
    }
    assert_eq!(world.sent(), 1);
}

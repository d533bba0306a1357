use postrider_core::limits::{BATCH_ERRORS_BYTES_MAX, FIELD_ERRORS_MAX};
use serde_json::{Value, json};

use crate::world::{World, event, pointers};

#[tokio::test]
async fn values_no_event_may_carry_spoil_only_their_own_item() {
    let world = World::new();
    let mut nul = event("nul");
    nul["data"]["customerName"] = json!("Ada\u{0}");
    let huge = event("huge").to_string().replacen("\"129.00\"", "1e400", 1);
    let batch = format!("[{},{nul},{huge},{}]", event("a"), event("b"));
    let answer = world.ask("POST", "/v1/events/batch", &[], batch).await;
    assert_eq!(answer.status, 202);
    let data = answer.json()["data"].clone();
    let statuses: Vec<_> =
        data.as_array().unwrap().iter().map(|item| item["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [202, 422, 422, 202]);
    assert_eq!(pointers(&data[1]), ["/data/customerName"]);
    assert_eq!(pointers(&data[2]), ["/data/items/0/unitPrice"]);
    assert_eq!(world.count().await, 2);
}

#[tokio::test]
async fn what_is_not_json_spoils_the_whole_batch() {
    let world = World::new();
    for item in ["{\"a\":1,\"a\":2}", "{", &"[".repeat(100)] {
        let batch = format!("[{},{item}]", event("a"));
        world.ask("POST", "/v1/events/batch", &[], batch).await.expect(400, "invalid_json");
    }
    assert_eq!(world.count().await, 0);
}

#[tokio::test]
async fn an_item_of_nothing_but_mistakes_names_a_bounded_number_of_them() {
    let world = World::new();
    let batch = format!("[{{\"orderId\":[{}1]}}]", "1e99,".repeat(40_000));
    let answer = world.ask("POST", "/v1/events/batch", &[], batch).await.json();
    assert_eq!(answer["data"][0]["status"], 422);
    assert_eq!(pointers(&answer["data"][0]).len(), FIELD_ERRORS_MAX);
    let body = format!("{{\"orderId\":[{}1]}}", "1e99,".repeat(40_000));
    let answer = world.ask("POST", "/v1/events", &[], body).await.expect(422, "invalid_event");
    assert_eq!(answer.pointers().len(), FIELD_ERRORS_MAX);
}

#[tokio::test]
async fn a_batch_of_nothing_but_mistakes_gets_an_answer_of_bounded_size() {
    let world = World::new();
    // Long names, so that each item's errors are long too.
    let item = format!("{{\"{}\":[{}1]}}", "n".repeat(8_000), "1e99,".repeat(100));
    let batch = format!("[{}]", vec![item; 500].join(","));
    let answer = world.ask("POST", "/v1/events/batch", &[], batch).await;
    assert_eq!(answer.status, 202);
    assert!(answer.bytes.len() < 4 * BATCH_ERRORS_BYTES_MAX, "{} bytes", answer.bytes.len());
    let answer: Value = answer.json();
    let data = answer["data"].as_array().unwrap();
    assert_eq!(data.len(), 500);
    assert!(data.iter().all(|item| item["status"] == 422 && !pointers(item).is_empty()));
}

//! Orders, and the queue messages that bring them.

use postrider_aws::ingest::QueueBatch;
use serde_json::{Value, json};

pub fn order(order_id: &str) -> Value {
    json!({
        "orderId": order_id, "customerEmail": "ada@example.com", "customerName": "Ada Lovelace",
        "items": [{ "name": "Analytical Engine", "quantity": 1, "unitPrice": "129.00" }], "total": "129.00"
    })
}

/// A message whose id is `id`.
pub fn message(id: &str, body: &str) -> Value {
    json!({ "messageId": id, "body": body, "attributes": { "ApproximateReceiveCount": "1" } })
}

/// As SNS delivers it unless delivery is raw.
pub fn enveloped(published: &Value) -> String {
    json!({
        "Type": "Notification", "MessageId": "22b80b92", "TopicArn": "arn:aws:sns:eu-central-1:111122223333:orders",
        "Message": published.to_string(), "Timestamp": "2026-11-23T10:00:00.000Z"
    })
    .to_string()
}

pub fn batch(messages: impl IntoIterator<Item = Value>) -> QueueBatch {
    let messages: Vec<Value> = messages.into_iter().collect();
    serde_json::from_str(&json!({ "Records": messages }).to_string()).unwrap()
}

/// One message an order, `m-<order>`, enveloped and raw by turns.
pub fn orders<'a>(ids: impl IntoIterator<Item = &'a str>) -> QueueBatch {
    batch(ids.into_iter().enumerate().map(|(place, id)| {
        let body = if place % 2 == 0 { enveloped(&order(id)) } else { order(id).to_string() };
        message(&format!("m-{id}"), &body)
    }))
}

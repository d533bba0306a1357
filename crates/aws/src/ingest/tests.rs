use serde_json::{Value, json};

use super::*;

fn order() -> Value {
    json!({ "orderId": "1042", "customerEmail": "ada@example.com", "total": "129.00" })
}

fn message(body: impl Into<String>) -> QueueMessage {
    QueueMessage { message_id: "m-1".to_owned(), body: Some(body.into()), ..QueueMessage::default() }
}

fn enveloped(published: &str, attributes: &Value) -> QueueMessage {
    let envelope = json!({
        "Type": "Notification", "MessageId": "22b80b92", "TopicArn": "arn:aws:sns:eu-central-1:111122223333:orders",
        "Message": published, "Timestamp": "2026-11-23T10:00:00.000Z", "SignatureVersion": "1",
        "Signature": "x", "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/x.pem",
        "MessageAttributes": attributes
    });
    message(envelope.to_string())
}

fn event(message: &QueueMessage) -> Event {
    order_event(message).unwrap().read.unwrap()
}

fn of_lambda(event: &Value) -> QueueBatch {
    serde_json::from_str(&event.to_string()).unwrap()
}

#[test]
fn a_bare_order_is_read_raw_and_enveloped_and_is_confirmed_unless_an_attribute_says_otherwise() {
    let text = order().to_string();
    let attribute = json!({ "eventType": { "Type": "String", "Value": "order.shipped" } });
    let raw_with_attribute = of_lambda(&json!({ "Records": [{
        "messageId": "m-1", "receiptHandle": "r", "body": text, "attributes": {},
        "messageAttributes": { "eventType": {
            "stringValue": "order.shipped", "stringListValues": [], "binaryListValues": [], "dataType": "String"
        } }, "md5OfBody": "x", "eventSource": "aws:sqs"
    }] }))
    .messages
    .remove(0);
    for (message, event_type) in [
        (message(text.clone()), "order.confirmed"),
        (enveloped(&text, &json!({})), "order.confirmed"),
        (raw_with_attribute, "order.shipped"),
        (enveloped(&text, &attribute), "order.shipped"),
    ] {
        let event = event(&message);
        assert_eq!((event.event_type.as_str(), &event.data), (event_type, &order()));
    }
}

#[test]
fn events_of_our_own_and_of_cloud_events_name_their_type_themselves() {
    let native = json!({ "type": "order.canceled", "data": order(), "id": "e-1", "correlationId": "c-1" });
    let cloud = json!({ "specversion": "1.0", "id": "e-1", "source": "urn:shop", "type": "order.canceled", "data": order() });
    let other = json!({ "eventType": { "Type": "String", "Value": "order.shipped" } });
    for given in [native, cloud] {
        for message in [message(given.to_string()), enveloped(&given.to_string(), &other)] {
            assert_eq!(event(&message).event_type, "order.canceled");
        }
    }
}

#[test]
fn what_holds_no_event_says_why_and_quotes_nothing() {
    let subscription =
        json!({ "Type": "SubscriptionConfirmation", "TopicArn": "t", "Message": "m", "Token": "x" });
    let doubled = r#"{"ada@example.com":1,"ada@example.com":2}"#;
    for (message, code) in [
        (QueueMessage::default(), "empty_message"),
        (message(" \n"), "empty_message"),
        (message("{\"orderId\": ada@example.com}"), "invalid_json"),
        (message(doubled), "invalid_json"),
        (enveloped("{\"customerEmail\":\"ada@example.com\"", &json!({})), "invalid_json"),
        (message(subscription.to_string()), "no_notification"),
        (message(format!("[{}]", " ".repeat(REQUEST_BYTES_MAX))), "body_too_large"),
        (message("x".repeat(QUEUE_MESSAGE_BYTES_MAX + 1)), "body_too_large"),
    ] {
        let error = order_event(&message).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!error.to_string().contains('@'), "{error}");
    }
    let error = order_event(&message("{\n  \"orderId\": }")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the message is not JSON: line 2 column 14; publish an order or an event as JSON"
    );
}

#[test]
fn the_largest_event_fits_also_with_every_quotation_mark_escaped() {
    let data = format!("{{\"orderId\":\"1\",\"x\":\"{}\"}}", "\\\"".repeat(REQUEST_BYTES_MAX / 2 - 20));
    assert!(data.len() <= REQUEST_BYTES_MAX && data.len() > REQUEST_BYTES_MAX - 50);
    assert!(order_event(&enveloped(&data, &json!({}))).unwrap().read.is_ok());
}

#[test]
fn an_order_is_named_where_it_can_be_and_never_by_an_address() {
    let order_of = |body: Value| order_event(&message(body.to_string())).unwrap().order_id;
    assert_eq!(order_of(json!({ "orderId": "A-10/42#1" })).as_deref(), Some("A-10/42#1"));
    assert_eq!(
        order_of(json!({ "type": "order.confirmed", "data": { "orderId": "7" }, "sendat": 1 })).as_deref(),
        Some("7")
    );
    assert_eq!(order_of(json!({ "orderId": "ada@example.com" })), None);
    assert_eq!(order_of(json!({ "orderId": "1\u{1b}[2J" })), None);
    assert_eq!(order_of(json!({ "orderId": "1".repeat(65) })), None);
    assert_eq!(order_of(json!({ "order": 1 })), None);
}

#[test]
fn an_event_without_a_correlation_id_carries_the_trace_it_was_published_under() {
    let mut traced = message(order().to_string());
    traced.attributes.insert(
        "AWSTraceHeader".to_owned(),
        "Root=1-5759e988-bd862e3f;Parent=53995c3f42cd8ad8;Sampled=1".to_owned(),
    );
    assert_eq!(event(&traced).correlation_id.as_deref(), Some("1-5759e988-bd862e3f"));
    traced.body =
        Some(json!({ "type": "order.confirmed", "data": order(), "correlationId": "c-1" }).to_string());
    assert_eq!(event(&traced).correlation_id.as_deref(), Some("c-1"));
    traced.body = Some(order().to_string());
    traced.attributes.insert("AWSTraceHeader".to_owned(), "Sampled=0".to_owned());
    assert_eq!(event(&traced).correlation_id, None);
}

#[test]
fn the_answer_names_messages_as_lambda_expects() {
    let mut answer = BatchAnswer::default();
    assert_eq!(serde_json::to_string(&answer).unwrap(), r#"{"batchItemFailures":[]}"#);
    answer.again("m-1".to_owned());
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#
    );
}

#[test]
fn a_batch_tells_how_often_each_message_came() {
    let batch = of_lambda(&json!({ "Records": [
        { "messageId": "m-1", "body": "{}", "attributes": { "ApproximateReceiveCount": "3", "SenderId": "x" } },
        { "messageId": "m-2", "body": "{}" }
    ] }));
    let counts: Vec<u64> = batch.messages.iter().map(QueueMessage::receive_count).collect();
    assert_eq!(counts, [3, 1]);
}

use std::collections::BTreeSet;

use serde_json::json;

use crate::server::{TestServer, event};

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_the_cursor_find_every_notification_once() {
    let server = TestServer::start().await;
    let batch: Vec<_> = (0..25)
        .map(|n| {
            let mut event = event(&format!("o-{n}"));
            event["data"]["customerEmail"] =
                json!(if n % 5 == 0 { "Grace@Example.com" } else { "ada@example.com" });
            event
        })
        .collect();
    server.post("/v1/events/batch", &json!(batch)).await;
    let (mut seen, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = server.get(&format!("/v1/notifications?limit=10{after}")).await.json();
        for item in page["data"].as_array().unwrap() {
            assert!(seen.insert(item["orderId"].as_str().unwrap().to_owned()), "listed twice");
        }
        let Some(next) = page["next"].as_str() else {
            assert_eq!(page["hasMore"], false);
            break;
        };
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 25);
    let to_grace = server.get("/v1/notifications?to=grace@example.com&limit=100").await.json();
    assert_eq!(to_grace["data"].as_array().unwrap().len(), 5);
    server.order_in_status("o-3", "sent").await;
    let found = server.get("/v1/notifications?orderId=o-3&type=order_confirmation&status=sent").await.json();
    assert_eq!(found["data"][0]["orderId"], "o-3");
    let none = server.get("/v1/notifications?orderId=o-3&since=2099-01-01T00:00:00Z").await.json();
    assert_eq!((none["data"].as_array().unwrap().len(), &none["hasMore"]), (0, &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_is_shown_byte_for_byte_as_it_was_captured() {
    let server = TestServer::start().await;
    server.post("/v1/events", &event("m")).await;
    let shown = server.order_in_status("m", "sent").await;
    let path = format!("/v1/notifications/{}/message", shown["id"].as_str().unwrap());
    let answer = server.get(&path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("message/rfc822")));
    assert_eq!(answer.bytes, server.outbox().pop().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_never_sent_is_not_shown() {
    let server = TestServer::start_with(&[
        ("mailer.kind", "smtp"),
        ("mailer.smtp.tls", "none"),
        ("mailer.smtp.port", "1"),
    ])
    .await;
    let id = server.post("/v1/events", &event("m")).await.json()["notifications"][0]["id"].clone();
    let path = format!("/v1/notifications/{}/message", id.as_str().unwrap());
    server.get(&path).await.expect(404, "message_not_sent");
}

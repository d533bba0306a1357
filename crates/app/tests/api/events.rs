use serde_json::json;

use crate::server::{TestServer, event, order};

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_event_is_answered_as_the_contract_says_and_sent() {
    let server = TestServer::start().await;
    let answer = server.post("/v1/events", &event("1042")).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let body = answer.json();
    let notification = &body["notifications"][0];
    assert!(body["eventId"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(notification["type"], "order_confirmation");
    assert_eq!(notification["to"], "ada@example.com");
    assert_eq!(notification["status"], TestServer::ACCEPTED);
    assert_eq!(notification["duplicate"], false);
    let shown = server.order_in_status("1042", "sent").await;
    let kinds: Vec<_> =
        shown["timeline"].as_array().unwrap().iter().map(|entry| entry["type"].clone()).collect();
    assert_eq!(kinds, ["accepted", "claimed", "sent"]);
    assert_eq!(server.outbox().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_again_is_a_duplicate_and_sends_nothing() {
    let server = TestServer::start().await;
    let first = server.post("/v1/events", &event("7")).await.json();
    server.order_in_status("7", "sent").await;
    let again = server.post("/v1/events", &event("7")).await;
    assert_eq!(again.status, 202);
    let again = again.json();
    assert_eq!(again["eventId"], first["eventId"]);
    assert_eq!(again["notifications"][0]["id"], first["notifications"][0]["id"]);
    assert_eq!(again["notifications"][0]["duplicate"], true);
    assert_eq!(again["notifications"][0]["status"], "sent");
    assert_eq!(server.outbox().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_data_spelt_differently_is_still_the_same() {
    let server = TestServer::start().await;
    let plain = br#"{"orderId":"5","customerEmail":"ada@example.com","customerName":"Ada","items":[{"name":"x","quantity":1,"unitPrice":5}],"total":5.00}"#;
    let other = br#"{ "total": 5, "items": [{"unitPrice": 5.0, "quantity": 1, "name": "\u0078"}],
        "customerName": "Ada", "customerEmail": "ada@example.com", "orderId": "5" }"#;
    assert_eq!(server.post_with("/v1/events", &[], plain).await.status, 202);
    let again = server.post_with("/v1/events", &[], other).await;
    assert_eq!(again.json()["notifications"][0]["duplicate"], true, "{}", again.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_order_with_other_data_is_a_conflict_and_the_first_stays() {
    let server = TestServer::start().await;
    server.post("/v1/events", &event("8")).await;
    let mut other = event("8");
    other["data"]["total"] = json!("999.00");
    let refused = server.post("/v1/events", &other).await.expect(409, "business_key_conflict");
    assert!(refused.json()["detail"].as_str().unwrap().contains("ntf_"));
    server.order_in_status("8", "sent").await;
    assert_eq!(server.outbox().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_order_is_accepted_with_and_without_a_type() {
    let server = TestServer::start().await;
    assert_eq!(server.post("/v1/events", &order("a")).await.status, 202);
    assert_eq!(server.post("/v1/events?type=order.confirmed", &order("b")).await.status, 202);
    let unknown =
        server.post("/v1/events?type=order.confirmd", &order("c")).await.expect(422, "unknown_event_type");
    assert!(unknown.text().contains("order.confirmed"), "the nearest type is named: {}", unknown.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_for_later_waits_for_its_time() {
    let server = TestServer::start().await;
    let mut later = event("later");
    later["sendAt"] = json!("2099-01-01T00:00:00Z");
    let refused = server.post("/v1/events", &later).await.expect(422, "invalid_event");
    assert_eq!(refused.pointers(), ["/sendAt"]);
    let soon = postrider_core::domain::time::Timestamp::from_millis(now_ms() + 86_400_000);
    later["sendAt"] = json!(soon.to_string());
    assert_eq!(server.post("/v1/events", &later).await.status, 202);
    // What is accepted after it goes out before it.
    server.post("/v1/events", &event("now")).await;
    server.order_in_status("now", "sent").await;
    let waiting = server.order_in_status("later", "queued").await;
    assert_eq!(waiting["nextAttemptAt"], later["sendAt"]);
    assert_eq!(server.outbox().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_event_survives_a_restart() {
    let mut server = TestServer::start_with(&[
        ("mailer.kind", "smtp"),
        ("mailer.smtp.tls", "none"),
        ("mailer.smtp.port", "1"),
    ])
    .await;
    server.post("/v1/events", &event("kept")).await;
    server.restart().await;
    let list = server.get("/v1/notifications?orderId=kept").await.json();
    assert_eq!(list["data"][0]["orderId"], "kept");
    let again = server.post("/v1/events", &event("kept")).await.json();
    assert_eq!(again["notifications"][0]["duplicate"], true);
}

fn now_ms() -> i64 {
    use postrider_core::ports::clock::Clock as _;
    postrider_environment::system::SystemClock.now().as_millis()
}

use serde_json::json;

use crate::server::{TestServer, event};

/// A server whose mail server is never there and whose retries are far apart.
async fn stuck() -> (TestServer, String) {
    let settings = [("mailer.kind", "smtp"), ("mailer.smtp.tls", "none"), ("mailer.smtp.port", "1")];
    let server = TestServer::start_with(&settings).await;
    server.post("/v1/events", &event("1")).await;
    let shown = server.order_in_status("1", "deferred").await;
    assert_eq!(shown["cause"], "connect_refused");
    let id = shown["id"].as_str().unwrap().to_owned();
    (server, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_notification_can_be_canceled_once() {
    let (server, id) = Box::pin(stuck()).await;
    let canceled = server.post(&format!("/v1/notifications/{id}/cancel"), &json!({})).await;
    assert_eq!((canceled.status, &canceled.json()["status"]), (200, &json!("canceled")));
    let again = server
        .post(&format!("/v1/notifications/{id}/cancel"), &json!({}))
        .await
        .expect(409, "status_forbids");
    assert!(again.text().contains("canceled"));
    server.post(&format!("/v1/notifications/{id}/retry"), &json!({})).await.expect(409, "status_forbids");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_tried_at_once_and_shown_on_the_timeline() {
    let (server, id) = Box::pin(stuck()).await;
    let retried = server.post(&format!("/v1/notifications/{id}/retry"), &json!({})).await;
    assert_eq!((retried.status, &retried.json()["status"]), (200, &json!("queued")));
    let shown = server
        .order_when("1", |shown| {
            shown["timeline"].as_array().unwrap().iter().any(|entry| entry["attempt"] == 2)
        })
        .await;
    assert!(shown["timeline"].as_array().unwrap().iter().any(|entry| entry["type"] == "retried"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_can_be_neither_retried_nor_canceled() {
    let server = TestServer::start().await;
    server.post("/v1/events", &event("1")).await;
    let id = server.order_in_status("1", "sent").await["id"].as_str().unwrap().to_owned();
    for verb in ["retry", "cancel"] {
        let refused = server.post(&format!("/v1/notifications/{id}/{verb}"), &json!({})).await;
        assert!(refused.expect(409, "status_forbids").text().contains("is sent"));
    }
    assert_eq!(server.outbox().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_is_not_there_cannot_be_touched() {
    let server = TestServer::start().await;
    let path = "/v1/notifications/ntf_00000000000000000000000000/retry";
    server.post(path, &json!({})).await.expect(404, "notification_not_found");
    let wrong = json!({ "ids": ["x"], "limit": 0 });
    let refused = server.post("/v1/dead-letters/redrive", &wrong).await.expect(422, "invalid_redrive");
    assert_eq!(refused.pointers(), ["/ids/0", "/limit"]);
    server.post("/v1/dead-letters/redrive", &json!({ "ids": [] })).await.expect(422, "invalid_redrive");
    server.post("/v1/dead-letters/redrive", &json!({ "all": true })).await.expect(422, "invalid_redrive");
}

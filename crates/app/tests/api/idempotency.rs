use serde_json::json;

use crate::server::{TestServer, event};

const KEY: (&str, &str) = ("idempotency-key", "k-1");

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_gets_the_first_answer_again_even_after_a_restart() {
    let mut server = TestServer::start().await;
    let first = server.post_with("/v1/events", &[KEY], event("1").to_string().as_bytes()).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (202, None));
    server.order_in_status("1", "sent").await;
    server.restart().await;
    let again = server.post_with("/v1/events", &[KEY], event("1").to_string().as_bytes()).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (202, Some("true")));
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(server.outbox().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_under_the_same_key_is_refused_and_does_nothing() {
    let server = TestServer::start().await;
    server.post_with("/v1/events", &[KEY], event("1").to_string().as_bytes()).await;
    let other = server.post_with("/v1/events", &[KEY], event("2").to_string().as_bytes()).await;
    other.expect(422, "idempotency_key_reused");
    let elsewhere =
        server.post_with("/v1/events/batch", &[KEY], json!([event("3")]).to_string().as_bytes()).await;
    elsewhere.expect(422, "idempotency_key_reused");
    assert_eq!(server.get("/v1/notifications").await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_leaves_its_key_free() {
    let server = TestServer::start().await;
    let mut wrong = event("1");
    wrong["data"]["items"] = json!([]);
    server.post_with("/v1/events", &[KEY], wrong.to_string().as_bytes()).await.expect(422, "invalid_event");
    let right = server.post_with("/v1/events", &[KEY], event("1").to_string().as_bytes()).await;
    assert_eq!(right.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_and_interventions_are_replayed_too() {
    let server = TestServer::start().await;
    let batch = json!([event("1"), event("2")]).to_string();
    let first = server.post_with("/v1/events/batch", &[KEY], batch.as_bytes()).await;
    let again = server.post_with("/v1/events/batch", &[KEY], batch.as_bytes()).await;
    assert_eq!((again.bytes, again.head.contains("idempotent-replayed: true")), (first.bytes, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_wrong_length_is_refused() {
    let server = TestServer::start().await;
    for key in ["", &"k".repeat(256)] {
        let headers = [("idempotency-key", key)];
        let answer = server.post_with("/v1/events", &headers, event("1").to_string().as_bytes()).await;
        answer.expect(400, "invalid_idempotency_key");
    }
    let longest = "k".repeat(255);
    let headers = [("idempotency-key", longest.as_str())];
    assert_eq!(server.post_with("/v1/events", &headers, event("1").to_string().as_bytes()).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_many_times_at_once_sends_one_message() {
    let server = TestServer::start().await;
    let body = event("storm").to_string();
    let requests = (0..50).map(|n| {
        let key = format!("storm-{}", n % 5);
        let (server, body) = (&server, body.as_bytes());
        async move { server.post_with("/v1/events", &[("idempotency-key", key.as_str())], body).await }
    });
    let answers = futures_util::future::join_all(requests).await;
    let mut ids = std::collections::HashSet::new();
    for answer in &answers {
        match answer.status {
            202 => {
                ids.insert(answer.json()["notifications"][0]["id"].as_str().unwrap().to_owned());
            }
            409 => assert_eq!(answer.json()["code"], "idempotency_key_in_use"),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert_eq!(ids.len(), 1);
    server.order_in_status("storm", "sent").await;
    assert_eq!(server.outbox().len(), 1);
}

use serde_json::json;

use crate::server::{TestServer, order};

fn cloud_event(order_id: &str) -> serde_json::Value {
    json!({ "specversion": "1.0", "id": format!("e-{order_id}"), "source": "/shop", "type": "order.confirmed",
            "correlationid": "c-9", "data": order(order_id) })
}

#[tokio::test(flavor = "multi_thread")]
async fn structured_mode_keeps_the_events_own_id_and_correlation() {
    let server = TestServer::start().await;
    let headers = [("content-type", "application/cloudevents+json; charset=utf-8")];
    let answer = server.post_with("/v1/events", &headers, cloud_event("s").to_string().as_bytes()).await;
    assert_eq!((answer.status, answer.json()["eventId"].as_str()), (202, Some("e-s")));
    assert_eq!(server.order_in_status("s", "sent").await["correlationId"], "c-9");
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_mode_reads_the_headers() {
    let server = TestServer::start().await;
    let headers =
        [("ce-specversion", "1.0"), ("ce-id", "e-b"), ("ce-source", "/shop"), ("ce-type", "order.confirmed")];
    let answer = server.post_with("/v1/events", &headers, order("b").to_string().as_bytes()).await;
    assert_eq!((answer.status, answer.json()["eventId"].as_str()), (202, Some("e-b")));
    let missing = server.post_with("/v1/events", &headers[..2], order("c").to_string().as_bytes()).await;
    assert_eq!(missing.expect(422, "invalid_event").pointers(), ["/ce-source", "/ce-type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_cloud_events_is_answered_item_by_item_on_either_path() {
    let server = TestServer::start().await;
    let headers = [("content-type", "application/cloudevents-batch+json")];
    for path in ["/v1/events", "/v1/events/batch"] {
        let batch = json!([cloud_event(path), { "specversion": "1.0" }]).to_string();
        let answer = server.post_with(path, &headers, batch.as_bytes()).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!(answer.json()["data"][0]["status"], 202);
        assert_eq!(answer.json()["data"][1]["code"], "invalid_event");
    }
}

use axum::body::Body;
use serde_json::json;

use crate::world::{World, event, order};

#[tokio::test]
async fn every_refusal_is_a_problem() {
    let world = World::new();
    for path in [
        "/v1/notifications/%ff",
        "/v1/notifications/%ff/message",
        "/notifications/%ff",
        "/notifications/%ff/html",
    ] {
        world.get(path).await.expect(400, "invalid_path");
    }
    for path in ["/v1/notifications/%ff/retry", "/v1/notifications/%ff/cancel", "/v1/types/%ff/preview"] {
        world.ask("POST", path, &[], Body::empty()).await.expect(400, "invalid_path");
    }
    world.get("/?limit=1&order=a&order=b").await.expect(400, "invalid_parameter");
    for (method, path) in [("DELETE", "/"), ("PUT", "/v1/events"), ("POST", "/healthz"), ("POST", "/metrics")]
    {
        world.ask(method, path, &[], Body::empty()).await.expect(405, "method_not_allowed");
    }
    world.get("/%ff").await.expect(404, "no_such_path");
}

#[tokio::test]
async fn wrong_data_is_named_beside_a_wrong_envelope() {
    let world = World::new();
    let mut wrong = event("1");
    wrong["sendAt"] = json!("tomorrow");
    wrong["locale"] = json!(7);
    wrong["data"]["total"] = json!(-1);
    let answer = world.post("/v1/events", &[], &wrong).await.expect(422, "invalid_event");
    assert_eq!(answer.pointers(), ["/data/total", "/locale", "/sendAt"]);
    // Too far away is found with the clock, not by reading.
    wrong["sendAt"] = json!("2099-01-01T00:00:00Z");
    let answer = world.post("/v1/events", &[], &wrong).await.expect(422, "invalid_event");
    assert_eq!(answer.pointers(), ["/data/total", "/locale", "/sendAt"]);
    wrong["type"] = json!("order.confirmd");
    let answer = world.post("/v1/events", &[], &wrong).await.expect(422, "unknown_event_type");
    assert_eq!(answer.pointers(), ["/locale", "/sendAt", "/type"]);
}

#[tokio::test]
async fn errors_stand_where_the_sender_of_a_cloud_event_wrote_the_mistake() {
    let world = World::new();
    let structured = json!({"specversion": "1.0", "id": "e", "source": "/s", "type": "order.confirmd",
        "sendat": "2099-01-01T00:00:00Z", "data": order("1")});
    let headers = [("content-type", "application/cloudevents+json")];
    let answer = world.post("/v1/events", &headers, &structured).await.expect(422, "unknown_event_type");
    assert_eq!(answer.pointers(), ["/sendat", "/type"]);
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", "e"),
        ("ce-source", "/s"),
        ("ce-type", "order.confirmd"),
        ("ce-sendat", "2099-01-01T00:00:00Z"),
    ];
    let answer = world.post("/v1/events", &binary, &order("1")).await.expect(422, "unknown_event_type");
    assert_eq!(answer.pointers(), ["/ce-sendat", "/ce-type"]);
    let answer = world.post("/v1/events?type=order.confirmd", &[], &order("1")).await;
    assert_eq!(answer.expect(422, "unknown_event_type").pointers(), ["/type"]);
}

#[tokio::test]
async fn headers_of_a_cloud_event_are_percent_decoded() {
    let world = World::new();
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "caf%C3%A9%20%221%22"),
        ("ce-source", "\"/shop\""),
        ("ce-type", "order%2Econfirmed"),
    ];
    let answer = world.post("/v1/events", &headers, &order("1")).await;
    assert_eq!((answer.status, answer.json()["eventId"].as_str()), (202, Some("café \"1\"")));
}

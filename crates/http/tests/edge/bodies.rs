use axum::body::Body;
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use postrider_core::limits::{BATCH_BYTES_MAX, HTTP_BODIES_BYTES_MAX, HTTP_BODIES_WAIT_MS_MAX};
use tokio::sync::oneshot;

use crate::world::{World, event};

/// A body of unknown length that ends when a test says so.
fn held() -> (oneshot::Sender<()>, Body) {
    let (end, ended) = oneshot::channel::<()>();
    let frames = futures_util::stream::once(async move {
        let _ = ended.await;
        Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"[]")))
    });
    (end, Body::new(StreamBody::new(frames)))
}

#[tokio::test]
async fn bodies_in_hand_are_bounded_together_and_room_comes_back() {
    let world = World::new();
    let mut ends = Vec::new();
    let mut large = Vec::new();
    for _ in 0..HTTP_BODIES_BYTES_MAX / BATCH_BYTES_MAX {
        let (end, body) = held();
        ends.push(end);
        large.push(world.ask("POST", "/v1/events/batch", &[], body));
    }
    let large = futures_util::future::join_all(large);
    let late = async {
        let started = std::time::Instant::now();
        let refused = world.post("/v1/events", &[], &event("late")).await.expect(503, "too_many_bodies");
        assert!(refused.header("retry-after").is_some());
        assert!(started.elapsed().as_millis() >= u128::from(HTTP_BODIES_WAIT_MS_MAX));
        // What needs no body is answered all the same, and whoever waits gets the room that comes back.
        assert_eq!(world.get("/healthz").await.status, 200);
        assert_eq!(world.count().await, 0);
        let patient = event("patient");
        let (patient, ()) = tokio::join!(world.post("/v1/events", &[], &patient), async { ends.clear() });
        assert_eq!(patient.status, 202);
    };
    let (answers, ()) = tokio::join!(large, late);
    for answer in answers {
        answer.expect(422, "invalid_batch");
    }
    assert_eq!(world.post("/v1/events", &[], &event("after")).await.status, 202);
}

#[tokio::test]
async fn an_announced_length_beyond_the_limit_is_refused_before_anything_is_read() {
    let world = World::new();
    let body = Body::from(vec![b' '; BATCH_BYTES_MAX + 1]);
    world.ask("POST", "/v1/events/batch", &[], body).await.expect(413, "body_too_large");
}

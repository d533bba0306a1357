use axum::body::Body;

use crate::world::{World, event};

#[tokio::test]
async fn only_requests_for_a_host_of_ours_are_answered() {
    let world = World::new();
    for host in ["localhost:8025", "127.0.0.1", "[::1]:8025", "mail.shop.example"] {
        assert_eq!(
            world.ask("GET", "/v1/types", &[("host", host)], Body::empty()).await.status,
            200,
            "{host}"
        );
    }
    let rebound = [("host", "evil.example:8025")];
    for path in ["/v1/types", "/", "/openapi.json", "/no/such/path"] {
        world.ask("GET", path, &rebound, Body::empty()).await.expect(403, "forbidden_host");
    }
    world.post("/v1/events", &rebound, &event("1")).await.expect(403, "forbidden_host");
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_ne!(world.ask("GET", path, &rebound, Body::empty()).await.status, 403, "{path}");
    }
    assert_eq!(world.count().await, 0);
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let world = World::new();
    let id = world.post("/v1/events", &[], &event("1")).await.json()["notifications"][0]["id"].clone();
    let cancel = format!("/v1/notifications/{}/cancel", id.as_str().unwrap());
    for strange in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        let headers = [("host", "localhost:8025"), strange];
        world.ask("POST", &cancel, &headers, Body::empty()).await.expect(403, "forbidden_origin");
        world.post("/v1/events", &headers, &event("2")).await.expect(403, "forbidden_origin");
    }
    assert_eq!(world.count().await, 1);
    let own =
        [("host", "localhost:8025"), ("origin", "http://localhost:8025"), ("sec-fetch-site", "same-origin")];
    assert_eq!(world.ask("POST", &cancel, &own, Body::empty()).await.json()["status"], "canceled");
}

//! Keys of a running server: over the wire, across restarts, and on other addresses.

use serde_json::{Value, json};

use crate::server::{TestServer, event};

fn bearer(made: &Value) -> String {
    format!("Bearer {}", made["key"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_outlive_a_restart_and_so_does_a_revocation() {
    let mut server = TestServer::start().await;
    let (ada, bob) = {
        let first = server.post("/v1/keys", &json!({ "name": "ada" })).await.json();
        let with_first = bearer(&first);
        let headers = [("authorization", with_first.as_str())];
        let second = server.post_with("/v1/keys", &headers, b"{\"scopes\":[\"send\"]}").await.json();
        (first, second)
    };
    let (as_ada, as_bob) = (bearer(&ada), bearer(&bob));
    let post = async |server: &TestServer, key: &str, order: &str| {
        server.post_with("/v1/events", &[("authorization", key)], event(order).to_string().as_bytes()).await
    };
    assert_eq!(post(&server, &as_bob, "1").await.status, 202);
    server.restart().await;
    server.get("/v1/types").await.expect(401, "unauthorized");
    assert_eq!(post(&server, &as_bob, "2").await.status, 202);
    post(&server, "Bearer pr_x", "3").await.expect(401, "unauthorized");
    let manage = [("authorization", as_bob.as_str())];
    server.post_with("/v1/types/reload", &manage, b"").await.expect(403, "forbidden");
    assert_eq!(post(&server, &as_ada, "3").await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_settings_is_kept() {
    let server = TestServer::start_with(&[("server.rate_limit_per_second", "1000000")]).await;
    let answer = server.get("/v1/types").await;
    assert!(answer.head.to_ascii_lowercase().contains("ratelimit-limit: 1000000"), "{}", answer.head);
}

//! Webhooks, as whoever manages them sees them.

use postrider_testkit::postfix::reserved_addr;
use serde_json::{Value, json};

use super::server::{Answer, TestServer, event};

const KEY: (&str, &str) = ("idempotency-key", "k-1");
const URL: &str = "https://shop.example/hooks?token=t";

async fn create(server: &TestServer) -> Value {
    let answer = server.post("/v1/webhooks", &json!({ "url": URL })).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn path(webhook: &Value, rest: &str) -> String {
    format!("/v1/webhooks/{}{rest}", webhook["id"].as_str().unwrap())
}

fn secret(webhook: &Value) -> &str {
    let secret = webhook["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    secret
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_shown_when_it_is_made_and_never_again() {
    let mut server = TestServer::start().await;
    let body = json!({
        "url": URL, "events": ["notification.bounced", "notification.sent", "notification.bounced"],
        "description": "the shop's desk"
    });
    let created = server.post("/v1/webhooks", &body).await.json();
    let secret = secret(&created).to_owned();
    server.restart().await;
    let shown = server.get(&path(&created, "")).await;
    let listed = server.get("/v1/webhooks").await;
    assert!(!shown.text().contains(&secret) && !listed.text().contains(&secret));
    let shown = shown.json();
    assert_eq!(listed.json(), json!({ "data": [shown.clone()] }));
    let id = created["id"].as_str().unwrap();
    assert!(id.starts_with("whk_"));
    let expected = json!({
        "id": id, "url": URL, "events": ["notification.sent", "notification.bounced"],
        "description": "the shop's desk", "status": "enabled", "disabledReason": null, "disabledAt": null,
        "failingSince": null, "lastSuccessAt": null, "lastFailureAt": null, "pendingCalls": 0, "lostCalls": 0,
        "secrets": [{ "expiresAt": null }], "createdAt": created["createdAt"]
    });
    assert_eq!(shown, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_webhook_is_named() {
    let server = TestServer::start().await;
    let wrong = json!({
        "url": 7, "events": ["notification.sent", "sent", 3], "description": "x".repeat(501), "event": []
    });
    let answer = server.post("/v1/webhooks", &wrong).await.expect(422, "invalid_webhook");
    assert_eq!(answer.pointers(), ["/description", "/event", "/events/1", "/events/2", "/url"]);
    let answer =
        server.post("/v1/webhooks", &json!({ "events": "all" })).await.expect(422, "invalid_webhook");
    assert_eq!(answer.pointers(), ["/events", "/url"]);
    let answer = server.post_with("/v1/webhooks", &[], b"").await.expect(422, "invalid_webhook");
    assert_eq!(answer.pointers(), ["/url"]);
    server.post("/v1/webhooks", &json!([])).await.expect(422, "invalid_webhook");
    server.post_with("/v1/webhooks", &[], b"{").await.expect(400, "invalid_json");
    let as_text = [("content-type", "text/plain")];
    server.post_with("/v1/webhooks", &as_text, b"{}").await.expect(415, "unsupported_media_type");
    let created = create(&server).await;
    let wrong = json!({ "url": "https://", "status": "on", "secret": "mine" });
    let answer = server.patch(&path(&created, ""), &wrong).await.expect(422, "invalid_webhook");
    assert_eq!(answer.pointers(), ["/secret", "/status", "/url"]);
    for wrong in [json!(-1), json!(2_592_001), json!(1.5), json!("1")] {
        let wrong = json!({ "oldValidSecs": wrong });
        let answer = server.post(&path(&created, "/rotate-secret"), &wrong).await;
        assert_eq!(answer.expect(422, "invalid_webhook").pointers(), ["/oldValidSecs"]);
    }
    let wrong = json!({ "until": "2026-01-01", "after": "x" });
    let answer = server.post(&path(&created, "/replay"), &wrong).await.expect(422, "invalid_webhook");
    assert_eq!(answer.pointers(), ["/after", "/since", "/until"]);
    let backwards = json!({ "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z" });
    let answer = server.post(&path(&created, "/replay"), &backwards).await.expect(422, "invalid_webhook");
    assert_eq!(answer.pointers(), ["/until"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_may_go_to_the_public_internet_only_and_in_private() {
    let server = TestServer::start().await;
    for url in [
        "http://shop.example/",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "https://169.254.169.254/latest/meta-data",
        "https://user:password@shop.example/",
        "ftp://shop.example/",
        "shop.example",
        "",
    ] {
        let answer = server.post("/v1/webhooks", &json!({ "url": url })).await;
        assert_eq!(answer.expect(422, "invalid_webhook").pointers(), ["/url"], "{url}");
    }
    assert_eq!(server.get("/v1/webhooks").await.json(), json!({ "data": [] }));
    let for_development = TestServer::start_with(&[("webhooks.allow_private", "true")]).await;
    let answer = for_development.post("/v1/webhooks", &json!({ "url": "http://127.0.0.1:1/" })).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let metadata = json!({ "url": "http://169.254.169.254/" });
    for_development.post("/v1/webhooks", &metadata).await.expect(422, "invalid_webhook");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_changed_disabled_enabled_and_deleted() {
    let server = TestServer::start().await;
    let created = create(&server).await;
    let change =
        json!({ "url": "https://other.example/", "events": ["notification.dead"], "description": "d" });
    let changed = server.patch(&path(&created, ""), &change).await.json();
    assert_eq!((&changed["url"], &changed["events"]), (&change["url"], &change["events"]));
    let disabled = server.patch(&path(&created, ""), &json!({ "status": "disabled" })).await.json();
    assert_eq!((&disabled["status"], &disabled["disabledReason"]), (&json!("disabled"), &json!("manual")));
    assert!(disabled["disabledAt"].is_string());
    assert_eq!(disabled["events"], change["events"], "what is left out stays");
    let enabled =
        server.patch(&path(&created, ""), &json!({ "status": "enabled", "events": [] })).await.json();
    assert_eq!((&enabled["status"], &enabled["disabledReason"]), (&json!("enabled"), &Value::Null));
    assert_eq!((&enabled["disabledAt"], &enabled["events"]), (&Value::Null, &json!([])));
    assert_eq!(server.delete(&path(&created, "")).await.status, 204);
    let since = json!({ "since": "2026-01-01T00:00:00Z" });
    for gone in [path(&created, ""), "/v1/webhooks/whk_1".to_owned()] {
        let missing = |answer: Answer| answer.expect(404, "webhook_not_found");
        missing(server.get(&gone).await);
        missing(server.patch(&gone, &change).await);
        missing(server.delete(&gone).await);
        missing(server.post(&format!("{gone}/rotate-secret"), &json!({})).await);
        missing(server.post(&format!("{gone}/replay"), &since).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rotation_two_secrets_sign_for_a_while() {
    let server = TestServer::start().await;
    let created = create(&server).await;
    let rotated = server.post_with(&path(&created, "/rotate-secret"), &[], b"").await;
    assert_eq!(rotated.status, 200, "{}", rotated.text());
    let rotated = rotated.json();
    assert_ne!(secret(&rotated), secret(&created));
    assert_eq!(rotated["secrets"][0], json!({ "expiresAt": null }));
    assert!(rotated["secrets"][1]["expiresAt"].is_string(), "{rotated:#}");
    let at_once = server.post(&path(&created, "/rotate-secret"), &json!({ "oldValidSecs": 0 })).await.json();
    assert_eq!(at_once["secrets"], json!([{ "expiresAt": null }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn under_its_key_a_creation_is_done_once_and_its_secret_not_remembered() {
    let mut server = TestServer::start().await;
    let body = json!({ "url": URL }).to_string();
    let first = server.post_with("/v1/webhooks", &[KEY], body.as_bytes()).await;
    let again = server.post_with("/v1/webhooks", &[KEY], body.as_bytes()).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(again.text(), first.text());
    let other = json!({ "url": "https://other.example/" }).to_string();
    server.post_with("/v1/webhooks", &[KEY], other.as_bytes()).await.expect(422, "idempotency_key_reused");
    assert_eq!(server.get("/v1/webhooks").await.json()["data"].as_array().unwrap().len(), 1);
    let created = first.json();
    let rotation = [("idempotency-key", "k-2")];
    let rotate = path(&created, "/rotate-secret");
    let rotated = server.post_with(&rotate, &rotation, b"{}").await;
    let rotated_again = server.post_with(&rotate, &rotation, b"{}").await;
    assert_eq!(rotated.text(), rotated_again.text());
    // Not the secret it was answered with: that one is not kept beside the endpoint.
    let later = server.post_with("/v1/webhooks", &[KEY], body.as_bytes()).await.json();
    assert_eq!(secret(&later), secret(&rotated.json()));
    server.delete(&path(&created, "")).await;
    let later = server.post_with("/v1/webhooks", &[KEY], body.as_bytes()).await.json();
    assert_eq!((&later["id"], &later["secret"]), (&created["id"], &Value::Null));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_bound_on_webhooks() {
    let server = TestServer::start().await;
    for _ in 0..50 {
        create(&server).await;
    }
    server.post("/v1/webhooks", &json!({ "url": URL })).await.expect(409, "too_many_webhooks");
    assert_eq!(server.get("/v1/webhooks").await.json()["data"].as_array().unwrap().len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_has_not_taken_waits_and_survives_a_restart() {
    let mut server = TestServer::start_with(&[("webhooks.allow_private", "true")]).await;
    let url = format!("http://{}/secret-path", reserved_addr().unwrap());
    let created = server.post("/v1/webhooks", &json!({ "url": url })).await.json();
    server.post("/v1/events", &event("1")).await;
    let failing = server.webhook_when(&created, |webhook| webhook["failingSince"].is_string()).await;
    assert_eq!((&failing["pendingCalls"], &failing["lastSuccessAt"]), (&json!(1), &Value::Null));
    // What waits anyway is not told again.
    let replay = json!({ "since": created["createdAt"] });
    let replayed = server.post(&path(&created, "/replay"), &replay).await.json();
    assert_eq!(replayed, json!({ "replayed": 0, "hasMore": false, "next": null, "isFull": false }));
    server.restart().await;
    let shown = server.get(&path(&created, "")).await.json();
    assert_eq!((&shown["pendingCalls"], &shown["failingSince"]), (&json!(1), &failing["failingSince"]));
}

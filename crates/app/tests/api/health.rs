use postrider_testkit::postfix::reserved_addr;
use serde_json::json;

use crate::server::{TestServer, event};

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_is_alive_and_ready() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/healthz").await.status, 200);
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, ready.json()["ready"].as_bool()), (200, Some(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened_and_name_no_recipient() {
    let server = TestServer::start().await;
    server.post("/v1/events", &event("1")).await;
    server.post("/v1/events", &event("1")).await;
    server.order_in_status("1", "sent").await;
    let metrics = server.get("/metrics").await.text();
    for line in
        ["postrider_emails_sent_total 1", "postrider_duplicates_total 1", "postrider_events_accepted_total 1"]
    {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
    assert!(metrics.trim_end().ends_with("# EOF"));
    assert!(!metrics.contains("ada"));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_calls_of_webhooks_that_failed() {
    let server = TestServer::start_with(&[("webhooks.allow_private", "true")]).await;
    let url = format!("http://{}/", reserved_addr().unwrap());
    let created = server.post("/v1/webhooks", &json!({ "url": url })).await.json();
    server.post("/v1/events", &event("1")).await;
    server.webhook_when(&created, |webhook| webhook["failingSince"].is_string()).await;
    let metrics = server.get("/metrics").await.text();
    assert!(metrics.contains("postrider_webhook_failures_total 1"), "{metrics}");
    assert!(metrics.contains("postrider_webhooks_disabled_total 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_of_the_api_names_every_path() {
    let server = TestServer::start().await;
    let description = server.get("/openapi.json").await.json();
    for path in [
        "/v1/events",
        "/v1/events/batch",
        "/v1/notifications/{id}/message",
        "/v1/dead-letters/redrive",
        "/readyz",
    ] {
        assert!(description["paths"][path].is_object(), "{path} is missing");
    }
}

#[test]
fn the_committed_description_configuration_reference_and_costs_are_those_of_this_code() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let committed = |name: &str| std::fs::read_to_string(docs.join(name)).unwrap();
    let regenerate = "run `just generate` and commit what it changes";
    assert_eq!(committed("openapi.json").trim_end(), postrider_http::openapi::description(), "{regenerate}");
    let reference = postrider_environment::config::keys::reference();
    assert_eq!(committed("configuration.md").trim_end(), reference.trim_end(), "{regenerate}");
    let costs = postrider_aws::cost::page().unwrap();
    assert_eq!(committed("cost.md").trim_end(), costs.trim_end(), "{regenerate}");
}

//! Types that are exchanged while the server runs.

use postrider_mail::types::write_shipped;
use serde_json::json;
use tempfile::TempDir;

use crate::server::{TestServer, order};

#[tokio::test(flavor = "multi_thread")]
async fn reloaded_types_make_the_next_message_and_show_the_last() {
    let types = TempDir::new().unwrap();
    write_shipped(types.path()).unwrap();
    let server = TestServer::start_with(&[("types.directory", types.path().to_str().unwrap())]).await;
    let send = async |order_id: &str| {
        server.post("/v1/events", &json!({ "type": "order.confirmed", "data": order(order_id) })).await;
        let shown = server.order_in_status(order_id, "sent").await;
        format!("/v1/notifications/{}/message", shown["id"].as_str().unwrap())
    };
    let first = send("1").await;
    let before = server.get(&first).await.bytes;
    let words = types.path().join("order_confirmation/locales/en.toml");
    let english = std::fs::read_to_string(&words).unwrap();
    let subject = english.lines().find(|line| line.starts_with("subject")).unwrap();
    std::fs::write(&words, english.replace(subject, "subject = \"Reloaded {{ orderId }}\"")).unwrap();
    let reloaded = server.post_with("/v1/types/reload", &[], b"").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    let second = server.get(&send("2").await).await.text();
    assert!(second.contains("\r\nSubject: Reloaded 2\r\n"), "{second}");
    assert_eq!(server.get(&first).await.bytes, before, "what was sent is shown as it was");
    std::fs::write(&words, "subject = 7\n").unwrap();
    let refused = server.post_with("/v1/types/reload", &[], b"").await.expect(422, "types_broken");
    assert!(refused.text().contains("order_confirmation/locales/en.toml"), "{}", refused.text());
    let third = server.get(&send("3").await).await.text();
    assert!(third.contains("\r\nSubject: Reloaded 3\r\n"), "the types in force stay");
}

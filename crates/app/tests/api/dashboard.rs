use serde_json::json;

use crate::server::{TestServer, event};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_renders_under_a_policy_that_lets_nothing_run() {
    let server = TestServer::start().await;
    assert!(server.get("/").await.text().contains("No event has been accepted yet"));
    let mut hostile = event("<i>1042</i>");
    hostile["data"]["customerName"] = json!("<script>alert(1)</script>");
    let id = server.post("/v1/events", &hostile).await.json()["notifications"][0]["id"].clone();
    let id = id.as_str().unwrap();
    server.order_in_status("%3Ci%3E1042%3C/i%3E", "sent").await;
    for path in ["/", "/?order=%3Ci%3E1042%3C/i%3E", "/?status=sent", &format!("/notifications/{id}")] {
        let page = server.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
        assert!(page.text().contains("&lt;i&gt;1042&lt;&#x2f;i&gt;"), "{path}: {}", page.text());
        assert!(!page.text().contains("<i>1042") && !page.text().contains("<script"), "{path}");
    }
    let html = server.get(&format!("/notifications/{id}/html")).await;
    assert!(html.header("content-security-policy").unwrap().starts_with("sandbox;"));
    assert!(!html.text().contains("<script>alert"));
    assert_eq!(server.get("/notifications/ntf_none").await.status, 404);
}

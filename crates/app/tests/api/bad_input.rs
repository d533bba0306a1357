use serde_json::{Value, json};

use crate::server::{TestServer, event, order};

/// Posts an order with one change; every wrong field must be named.
async fn refused(server: &TestServer, change: impl Fn(&mut Value), pointers: &[&str]) {
    let mut wrong = event("bad");
    change(&mut wrong["data"]);
    let answer = server.post("/v1/events", &wrong).await.expect(422, "invalid_event");
    assert_eq!(answer.pointers(), pointers, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_is_400() {
    let server = TestServer::start().await;
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let not_json: [&[u8]; 8] = [
        b"",
        b"order 1042",
        b"{\"orderId\":",
        b"{} {}",
        b"{\"a\":1,\"a\":2}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":\"\xff\"}",
        deep.as_bytes(),
    ];
    for body in not_json {
        server.post_with("/v1/events", &[], body).await.expect(400, "invalid_json");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_413_and_what_is_no_json_type_is_415() {
    let server = TestServer::start().await;
    let large = vec![b'x'; 257 * 1024];
    server.post_with("/v1/events", &[], &large).await.expect(413, "body_too_large");
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
    {
        let headers = [("content-type", media_type)];
        let answer = server.post_with("/v1/events", &headers, order("1").to_string().as_bytes()).await;
        answer.expect(415, "unsupported_media_type");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_missing_field_is_named() {
    let server = TestServer::start().await;
    let required = ["/customerEmail", "/customerName", "/items", "/orderId", "/total"];
    let answer = server.post("/v1/events", &json!({})).await.expect(422, "invalid_event");
    assert_eq!(answer.pointers(), required);
    let answer = server.post("/v1/events", &json!({"type": "order.confirmed", "data": {}})).await;
    let below_data: Vec<_> = required.iter().map(|pointer| format!("/data{pointer}")).collect();
    assert_eq!(answer.expect(422, "invalid_event").pointers(), below_data);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named() {
    let server = TestServer::start().await;
    let wrong = |data: &mut Value| {
        data["orderId"] = json!(1042);
        data["customerEmail"] = json!("a@x.example,b@y.example");
        data["items"] = json!([{ "name": "x", "quantity": 0, "unitPrice": "free" }, { "quantity": 1.5 }]);
        data["total"] = json!("-129.00");
        data["currency"] = json!("dollars");
    };
    let pointers = [
        "/data/currency",
        "/data/customerEmail",
        "/data/items/0/quantity",
        "/data/items/0/unitPrice",
        "/data/items/1/name",
        "/data/items/1/quantity",
        "/data/items/1/unitPrice",
        "/data/orderId",
        "/data/total",
    ];
    refused(&server, wrong, &pointers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_values_are_refused_at_their_pointer() {
    let server = TestServer::start().await;
    refused(&server, |data| data["customerEmail"] = json!("a@x,b@y"), &["/data/customerEmail"]).await;
    refused(
        &server,
        |data| data["customerEmail"] = json!("a@example.com\r\nBcc: b@example.com"),
        &["/data/customerEmail"],
    )
    .await;
    refused(
        &server,
        |data| data["customerName"] = json!("Ada\r\nBcc: eve@example.com"),
        &["/data/customerName"],
    )
    .await;
    refused(&server, |data| data["orderId"] = json!("1\r\nX-Evil: 1"), &["/data/orderId"]).await;
    refused(&server, |data| data["customerName"] = json!("Ada\u{0}"), &["/data/customerName"]).await;
    refused(&server, |data| data["items"][0]["unitPrice"] = json!("-1"), &["/data/items/0/unitPrice"]).await;
    refused(&server, |data| data["items"] = json!([]), &["/data/items"]).await;
    let huge_number = event("x").to_string().replace("\"129.00\"", "1e400");
    let answer =
        server.post_with("/v1/events", &[], huge_number.as_bytes()).await.expect(422, "invalid_event");
    assert_eq!(answer.pointers(), ["/data/items/0/unitPrice", "/data/total"]);
    assert!(server.outbox().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_and_template_syntax_in_data_stay_text() {
    let server = TestServer::start().await;
    let mut hostile = event("hostile");
    hostile["data"]["items"][0]["name"] = json!("<script>alert(1)</script> {{ 7*7 }} {% raw %}");
    hostile["data"]["customerName"] = json!("=?utf-8?q?x?= <b>\"Ada\"</b>, eve@example.com");
    assert_eq!(server.post("/v1/events", &hostile).await.status, 202);
    server.order_in_status("hostile", "sent").await;
    let message = server.outbox().pop().unwrap();
    let parsed = mail_parser::MessageParser::default().parse(&message).unwrap();
    let html = parsed.body_html(0).unwrap();
    assert!(!html.contains("<script>"));
    assert!(html.contains("&lt;script&gt;"));
    assert!(html.contains("{{ 7*7 }}") && !html.contains("49"));
    assert!(parsed.body_text(0).unwrap().contains("{{ 7*7 }}"));
    let to: Vec<_> =
        parsed.to().unwrap().iter().map(|mailbox| mailbox.address().unwrap().to_owned()).collect();
    assert_eq!(to, ["ada@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_member_of_the_envelope_is_refused() {
    let server = TestServer::start().await;
    let mut wrong = event("1");
    wrong["sendat"] = json!("2026-12-24T10:00:00Z");
    assert_eq!(server.post("/v1/events", &wrong).await.expect(422, "invalid_event").pointers(), ["/sendat"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_are_problems_too() {
    let server = TestServer::start().await;
    server.get("/v2/events").await.expect(404, "no_such_path");
    server.get("/v1/events").await.expect(405, "method_not_allowed");
    server.get("/v1/notifications/ntf_nothing").await.expect(404, "notification_not_found");
    server.get("/v1/notifications?status=lost").await.expect(400, "invalid_parameter");
    server.get("/v1/notifications?ordreId=1").await.expect(400, "invalid_parameter");
    server.get("/v1/notifications?limit=101").await.expect(400, "invalid_parameter");
}

//! What comes back by mail and is posted.

use postrider_core::domain::suppression::Secret;
use postrider_mail::verp::Verp;
use serde_json::{Value, json};

use super::server::{Answer, TestServer, event};

const BOUNCE_DOMAIN: &str = "bounces.shop.example";
const PATH: &str = "/v1/feedback/messages";

async fn post_mail(server: &TestServer, mail: &str) -> Answer {
    server.post_with(PATH, &[("content-type", "message/rfc822")], mail.as_bytes()).await
}

/// Posts an order and returns the notification's id once it is sent.
async fn sent(server: &TestServer, order_id: &str) -> String {
    server.post("/v1/events", &event(order_id)).await;
    server.order_in_status(order_id, "sent").await["id"].as_str().unwrap().to_owned()
}

/// What a mail server writes when there is no such user, to whatever return path the message had.
async fn bounce(server: &TestServer, id: &str, return_path: &str) -> String {
    let message = server.get(&format!("/v1/notifications/{id}/message")).await.text();
    let header = message.split("\r\n\r\n").next().unwrap().to_owned();
    format!(
        "From: MAILER-DAEMON@mx.example.com\r\nTo: {return_path}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n\
         Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n\
         Final-Recipient: rfc822; ada@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n\
         {header}\r\n\r\n--b--\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_that_is_posted_finds_its_order_and_counts_once() {
    let server = TestServer::start().await;
    let id = sent(&server, "1").await;
    let mail = bounce(&server, &id, "orders@shop.example").await;
    let answer = post_mail(&server, &mail).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let first = json!({ "notificationId": id, "report": "bounced", "result": "recorded", "status": "bounced",
                        "suppressed": "hard_bounce" });
    assert_eq!(answer.json(), json!({ "kind": "delivery_status", "reports": [first] }));
    let again = post_mail(&server, &mail).await.json();
    let repeated = json!({ "notificationId": id, "report": "bounced", "result": "repeated", "status": null,
                           "suppressed": null });
    assert_eq!(again["reports"], json!([repeated]));
    let shown = server.order_in_status("1", "bounced").await;
    let bounces = shown["timeline"].as_array().unwrap().iter().filter(|entry| entry["type"] == "bounced");
    assert_eq!(bounces.count(), 1, "{shown:#}");
    let accepted = server.post("/v1/events", &event("2")).await.json();
    assert_eq!(accepted["notifications"][0]["status"], "suppressed");
}

fn return_path(server: &TestServer, id: &str) -> String {
    let text = std::fs::read_to_string(server.data_dir().join("secret.key")).unwrap();
    let bytes: Vec<_> =
        (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect();
    let secret = Secret::new(bytes.try_into().unwrap());
    Verp::new(vec![secret], BOUNCE_DOMAIN).unwrap().address(id.parse().unwrap()).as_str().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_return_path_knows_better_than_what_the_mail_returns() {
    let server = TestServer::start_with(&[("sender.bounce_domain", BOUNCE_DOMAIN)]).await;
    let (first, second) = (sent(&server, "1").await, sent(&server, "2").await);
    let about = |answer: &Value| answer["reports"][0]["notificationId"].as_str().unwrap().to_owned();
    let made_up = return_path(&server, &first).replace('-', "-0");
    let mail = bounce(&server, &second, &made_up).await;
    let answer = post_mail(&server, &mail).await.json();
    assert_eq!(about(&answer), second, "{made_up}");
    let mail = bounce(&server, &second, &return_path(&server, &first)).await;
    let answer = post_mail(&server, &mail).await.json();
    assert_eq!(about(&answer), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_about_nothing_of_ours_changes_nothing() {
    let server = TestServer::start().await;
    let answer = post_mail(&server, "From: ada@example.com\r\nSubject: Hello\r\n\r\nHow are you?\r\n").await;
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!((&answer["kind"], &answer["reports"][0]["result"]), (&json!("other"), &json!("orphan")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_mail_or_too_large_is_refused() {
    let server = TestServer::start().await;
    server.post(PATH, &json!({})).await.expect(415, "unsupported_media_type");
    let large = "x".repeat(10 * 1024 * 1024 + 1);
    post_mail(&server, &large).await.expect(413, "body_too_large");
    let mail = format!("Subject: 1\r\n\r\n{}", "x".repeat(10 * 1024 * 1024 - 14));
    assert_eq!(post_mail(&server, &mail).await.status, 200);
}

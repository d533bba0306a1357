//! The suppression list, as its users see it.

use postrider_testkit::postfix::reserved_addr;
use serde_json::json;

use super::server::{TestServer, event};
use postrider_testkit::smtp_server::{Action, Phase, Script, SmtpServer};

#[tokio::test(flavor = "multi_thread")]
async fn a_suppressed_address_gets_no_mail_until_it_is_taken_off() {
    let server = TestServer::start().await;
    let put = server.put("/v1/suppressions/ADA@Example.com", &json!({})).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let entry = put.json();
    assert_eq!((&entry["reason"], &entry["source"]), (&json!("manual"), &json!("api")));
    let accepted = server.post("/v1/events", &event("1")).await.json();
    assert_eq!(accepted["notifications"][0]["status"], "suppressed", "{accepted:#}");
    let shown = server.order_in_status("1", "suppressed").await;
    assert_eq!(shown["cause"], "suppressed_manual");
    assert_eq!(server.get("/v1/suppressions/ada@example.com").await.json()["address"], "ADA@example.com");
    assert_eq!(server.delete("/v1/suppressions/ada@EXAMPLE.COM").await.status, 204);
    server.delete("/v1/suppressions/ada@example.com").await.expect(404, "suppression_not_found");
    server.get("/v1/suppressions/ada@example.com").await.expect(404, "suppression_not_found");
    let id = shown["id"].as_str().unwrap();
    assert_eq!(server.post(&format!("/v1/notifications/{id}/retry"), &json!({})).await.status, 200);
    server.order_in_status("1", "sent").await;
    assert!(server.get("/metrics").await.text().contains("postrider_suppressed_total 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_suppressed_while_mail_waits_gets_none() {
    let nobody_listens = reserved_addr().unwrap().port().to_string();
    let settings =
        [("mailer.kind", "smtp"), ("mailer.smtp.tls", "none"), ("mailer.smtp.port", &nobody_listens)];
    let server = TestServer::start_with(&settings).await;
    server.post("/v1/events", &event("1")).await;
    let id = server.order_in_status("1", "deferred").await["id"].as_str().unwrap().to_owned();
    server.put("/v1/suppressions/ada@example.com", &json!({ "reason": "complaint", "source": "desk" })).await;
    server.post(&format!("/v1/notifications/{id}/retry"), &json!({})).await;
    let shown = server.order_in_status("1", "suppressed").await;
    assert_eq!(shown["cause"], "suppressed_complaint");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_entry_is_named() {
    let server = TestServer::start().await;
    let wrong = json!({ "reason": "dislike", "since": "yesterday", "expiresAt": 7 });
    server.put("/v1/suppressions/ada@example.com", &wrong).await.expect(422, "invalid_suppression");
    let wrong = json!({ "reason": "dislike", "since": "yesterday", "source": "a\u{0}b" });
    server.put("/v1/suppressions/ada@example.com", &wrong).await.expect(422, "invalid_event");
    let wrong = json!({ "reason": "dislike", "since": "yesterday" });
    let answer = server.put("/v1/suppressions/nobody", &wrong).await.expect(422, "invalid_suppression");
    assert_eq!(answer.pointers(), ["/address", "/reason", "/since"]);
    server.get("/v1/suppressions/nobody").await.expect(422, "invalid_address");
    server.get("/v1/suppressions?reason=x").await.expect(400, "invalid_parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_goes_out_as_csv_and_comes_back() {
    let server = TestServer::start().await;
    let csv = "address,reason,since,expires_at\n=cmd@example.com,complaint,2026-01-01T00:00:00Z,\nnobody,manual,,\n\
               a@example.com,hard_bounce,,2099-01-01T00:00:00Z\n";
    let headers = [("content-type", "text/csv")];
    let answer = server.post_with("/v1/suppressions", &headers, csv.as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!((&answer["imported"], &answer["failed"][0]["line"]), (&json!(2), &json!(3)));
    let listed = server.get("/v1/suppressions?limit=1").await.json();
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["hasMore"]), (1, &json!(true)));
    let next = listed["next"].as_str().unwrap();
    let rest = server.get(&format!("/v1/suppressions?limit=10&after={next}")).await.json();
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["hasMore"]), (1, &json!(false)));
    let exported = server.get("/v1/suppressions?format=csv").await;
    assert!(exported.header("content-type").unwrap().starts_with("text/csv"));
    assert!(
        exported.text().lines().all(|line| !line.starts_with(['=', '+', '-', '@'])),
        "{}",
        exported.text()
    );
    let other = TestServer::start().await;
    let again = other.post_with("/v1/suppressions", &headers, exported.text().as_bytes()).await.json();
    assert_eq!((&again["imported"], &again["failed"]), (&json!(2), &json!([])));
    let entry = other.get("/v1/suppressions/%3Dcmd@example.com").await.json();
    assert_eq!(
        (&entry["reason"], &entry["since"]),
        (&json!("complaint"), &json!("2026-01-01T00:00:00.000Z"))
    );
    assert_eq!(entry["source"], "import");
    server.post("/v1/suppressions", &json!([])).await.expect(415, "unsupported_media_type");
    server.post_with("/v1/suppressions", &headers, b"email\nx\n").await.expect(422, "invalid_csv");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_survives_a_restart_and_another_secret_is_refused() {
    let mut server = TestServer::start().await;
    server.put("/v1/suppressions/ada@example.com", &json!({})).await;
    server.restart().await;
    let accepted = server.post("/v1/events", &event("1")).await.json();
    assert_eq!(accepted["notifications"][0]["status"], "suppressed");
    server.stop().await;
    std::fs::write(server.data_dir().join("secret.key"), "ab".repeat(32)).unwrap();
    let refused = server.try_start().await.unwrap_err();
    assert!(refused.to_string().contains("another secret"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_knows_no_such_user_suppresses_the_address_and_one_that_dislikes_us_does_not() {
    for (words, is_suppressed) in [
        ("550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown", true),
        ("550 5.7.1 blocked using Spamhaus", false),
        ("552 5.2.2 mailbox full", false),
        ("550 rejected", false),
    ] {
        let smtp = SmtpServer::start(Script::new().on(Phase::Rcpt, Action::reply(words))).await;
        let port = smtp.port().to_string();
        let settings =
            [("mailer.kind", "smtp"), ("mailer.smtp.tls", "none"), ("mailer.smtp.port", port.as_str())];
        let server = TestServer::start_with(&settings).await;
        server.post("/v1/events", &event("1")).await;
        let id = server.order_when("1", |shown| shown["attempts"] != 0).await["id"].clone();
        let found = server.get("/v1/suppressions/ada@example.com").await;
        assert_eq!(found.status == 200, is_suppressed, "{words} of {id}: {}", found.text());
        if is_suppressed {
            assert_eq!(
                (&found.json()["reason"], &found.json()["source"]),
                (&json!("hard_bounce"), &json!("smtp"))
            );
        }
    }
}

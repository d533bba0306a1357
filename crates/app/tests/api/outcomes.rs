//! What becomes of a message by a mail server's behaviour, seen through the API, in either home.

use postrider_testkit::smtp_server::{Action, Phase, Script, SmtpServer};
use serde_json::{Value, json};

use crate::server::{TestServer, event};

pub async fn server_with(script: Script, more: &[(&str, &str)]) -> (SmtpServer, TestServer) {
    let smtp = SmtpServer::start(script).await;
    let port = smtp.port().to_string();
    let mut settings = vec![
        ("mailer.kind", "smtp"),
        ("mailer.smtp.tls", "none"),
        ("mailer.smtp.port", port.as_str()),
        ("mailer.smtp.timeout_secs", "1"),
        ("retry.base_delay_ms", "1"),
        ("retry.max_delay_ms", "1"),
    ];
    settings.extend_from_slice(more);
    let server = TestServer::start_with(&settings).await;
    (smtp, server)
}

pub fn of_type<'a>(shown: &'a Value, kind: &str) -> Vec<&'a Value> {
    shown["timeline"].as_array().unwrap().iter().filter(|entry| entry["type"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_arrives_with_its_envelope_and_the_servers_words_on_the_timeline() {
    let (smtp, server) = server_with(Script::new().offer(&["PIPELINING"]), &[]).await;
    server.post("/v1/events", &event("1")).await;
    let shown = server.order_in_status("1", "sent").await;
    assert!(of_type(&shown, "sent")[0]["response"].as_str().unwrap().starts_with("250"));
    let taken = smtp.taken();
    assert_eq!((taken.len(), taken[0].recipients.as_slice()), (1, ["ada@example.com".to_owned()].as_slice()));
    let id = shown["id"].as_str().unwrap();
    assert!(String::from_utf8_lossy(&taken[0].message).contains(&format!("Message-ID: <{id}@")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_refusal_is_repeated_until_it_passes() {
    let busy = Action::reply("451 4.3.0 try later");
    let script =
        Script::new().on_message(0, 0, Phase::Rcpt, busy.clone()).on_message(0, 1, Phase::Rcpt, busy);
    let (smtp, server) = server_with(script, &[]).await;
    server.post("/v1/events", &event("1")).await;
    let shown = server.order_in_status("1", "sent").await;
    assert_eq!((of_type(&shown, "deferred").len(), shown["attempts"].as_u64()), (2, Some(3)));
    assert!(of_type(&shown, "deferred")[0]["response"].as_str().unwrap().contains("try later"));
    assert_eq!(smtp.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_refusal_is_not_repeated_and_names_its_cause() {
    let script = Script::new().on(Phase::Rcpt, Action::reply("550 5.1.1 no such user"));
    let (smtp, server) = server_with(script, &[]).await;
    server.post("/v1/events", &event("1")).await;
    let shown = server.order_in_status("1", "failed").await;
    assert_eq!(shown["cause"], "smtp_550_5.1.1");
    assert!(of_type(&shown, "failed")[0]["response"].as_str().unwrap().contains("no such user"));
    assert!(smtp.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn exhausted_attempts_end_dead_and_a_redrive_sends_once() {
    // The first connection refuses for good; later ones take everything.
    let script = Script::new().on_connection(0, Phase::Rcpt, Action::reply("450 4.2.0 mailbox busy"));
    let (smtp, server) =
        server_with(script, &[("retry.max_attempts", "3"), ("mailer.smtp.connections", "1")]).await;
    server.post("/v1/events", &event("1")).await;
    let shown = server.order_in_status("1", "dead").await;
    assert_eq!(shown["attempts"], 3);
    let cause = shown["cause"].as_str().unwrap().to_owned();
    let groups = server.get("/v1/dead-letters?groupBy=cause").await.json();
    assert_eq!((&groups["data"][0]["cause"], &groups["data"][0]["count"]), (&json!(cause), &json!(1)));

    let dry =
        server.post("/v1/dead-letters/redrive", &json!({ "cause": cause, "dryRun": true })).await.json();
    assert_eq!((&dry["matched"], &dry["redriven"]), (&json!(1), &json!(0)));
    assert_eq!(server.get("/v1/dead-letters").await.json()["data"][0]["id"], shown["id"]);

    let other = server.post("/v1/dead-letters/redrive", &json!({ "cause": "something_else" })).await.json();
    assert_eq!(other["redriven"], 0);
    let done = server.post("/v1/dead-letters/redrive", &json!({ "cause": cause })).await.json();
    assert_eq!(done["ids"], json!([shown["id"]]));
    // Still the same connection, which still refuses: dead again, with a fresh budget spent.
    let again = server.order_when("1", |shown| of_type(shown, "dead").len() == 2).await;
    assert_eq!(again["attempts"], 3);
    assert!(smtp.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_can_be_held_for_a_person() {
    let script = Script::new().on_connection(0, Phase::FinalDot, Action::TakeThenClose);
    let settings = [("mailer.unknown_wait_secs", "0"), ("mailer.on_unknown", "hold")];
    let (smtp, server) = server_with(script, &settings).await;
    server.post("/v1/events", &event("1")).await;
    let held = server.order_in_status("1", "held").await;
    assert_eq!(smtp.taken().len(), 1);
    assert_eq!(server.get("/v1/dead-letters").await.json()["data"][0]["id"], held["id"]);
    let path = format!("/v1/notifications/{}/cancel", held["id"].as_str().unwrap());
    assert_eq!(server.post(&path, &json!({})).await.json()["status"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_waits_its_time() {
    let script = Script::new().on_connection(0, Phase::FinalDot, Action::TakeThenClose);
    let (smtp, server) = server_with(script, &[("mailer.unknown_wait_secs", "3600")]).await;
    server.post("/v1/events", &event("1")).await;
    server.order_in_status("1", "unknown").await;
    server.post("/v1/events", &event("2")).await;
    server.order_in_status("2", "sent").await;
    assert_eq!(smtp.taken().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_credentials_pause_the_route_and_kill_nothing() {
    let script =
        Script::new().offer(&["AUTH PLAIN"]).on_connection(0, Phase::Auth, Action::reply("535 5.7.8 no"));
    let settings =
        [("mailer.smtp.username", "shop"), ("mailer.smtp.password", "secret"), ("retry.max_attempts", "1")];
    let (_smtp, server) = server_with(script, &settings).await;
    server.post("/v1/events", &event("1")).await;
    let shown = server.order_in_status("1", "sent").await;
    assert_eq!(of_type(&shown, "deferred").len(), 1);
    assert_eq!(shown["attempts"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_refused_by_policy_is_dead_in_the_end() {
    let script = Script::new().on(Phase::Rcpt, Action::reply("550 5.7.1 not to this one"));
    let (smtp, server) = server_with(script, &[("retry.max_attempts", "2")]).await;
    server.post("/v1/events", &event("1")).await;
    let shown = server.order_in_status("1", "dead").await;
    assert_eq!((&shown["attempts"], &shown["cause"]), (&json!(2), &json!("smtp_550_5.7.1")));
    assert!(of_type(&shown, "hastened").is_empty(), "{shown:#}");
    assert!(smtp.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_in_steps_goes_on_after_the_dead_letters_it_has_met() {
    // Whatever is queued again is refused again at once.
    let script = Script::new().on(Phase::Rcpt, Action::reply("550 5.6.0 no such content"));
    let (_smtp, server) = server_with(script, &[]).await;
    let mut ids = Vec::new();
    for order in ["1", "2"] {
        server.post("/v1/events", &event(order)).await;
        ids.push(server.order_in_status(order, "failed").await["id"].clone());
    }
    let first = server.post("/v1/dead-letters/redrive", &json!({ "limit": 1 })).await.json();
    assert_eq!((&first["ids"], &first["hasMore"], &first["next"]), (&json!([ids[1]]), &json!(true), &ids[1]));
    server.order_when("2", |shown| of_type(shown, "failed").len() == 2).await;
    let rest = json!({ "limit": 1, "after": first["next"] });
    let second = server.post("/v1/dead-letters/redrive", &rest).await.json();
    assert_eq!((&second["ids"], &second["hasMore"]), (&json!([ids[0]]), &json!(false)));
    assert!(second["next"].is_null());
    for wrong in [json!({ "after": "x" }), json!({ "after": ids[0], "ids": [ids[1]] })] {
        let refused = server.post("/v1/dead-letters/redrive", &wrong).await.expect(422, "invalid_redrive");
        assert_eq!(refused.pointers(), ["/after"]);
    }
}

//! What `serve` makes of a mail server's behaviour: its own counters, and what a stop leaves behind.

use postrider_testkit::smtp_server::{Action, Phase, Script};
use serde_json::json;

use crate::outcomes::{of_type, server_with};
use crate::server::event;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_after_the_final_dot_is_unknown_and_resent_after_the_wait() {
    let script = Script::new().on_connection(0, Phase::FinalDot, Action::TakeThenClose);
    let (smtp, server) = server_with(script, &[("mailer.unknown_wait_secs", "0")]).await;
    server.post("/v1/events", &event("1")).await;
    let shown = server.order_in_status("1", "sent").await;
    let kinds: Vec<_> =
        shown["timeline"].as_array().unwrap().iter().map(|entry| entry["type"].clone()).collect();
    assert_eq!(kinds, ["accepted", "claimed", "unknown", "resent", "claimed", "sent"]);
    let taken = smtp.taken();
    assert_eq!(taken.len(), 2);
    let message_id = |n: usize| {
        let text = String::from_utf8_lossy(&taken[n].message).into_owned();
        text.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned()
    };
    assert_eq!(message_id(0), message_id(1));
    assert!(server.get("/metrics").await.text().contains("postrider_unknown_total 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_back_what_has_not_begun_and_leaves_nothing_unknown() {
    // One connection at a time, and its first message is never answered before the stop.
    let script = Script::new().on_connection(0, Phase::Greeting, Action::Stall);
    let settings = [("mailer.smtp.connections", "1"), ("mailer.smtp.timeout_secs", "2")];
    let (smtp, mut server) = server_with(script, &settings).await;
    let batch: Vec<_> = (0..20).map(|n| event(&format!("o-{n}"))).collect();
    server.post("/v1/events/batch", &json!(batch)).await;
    server.order_in_status("o-0", "sending").await;
    server.restart().await;
    for n in 0..20 {
        let shown = server.order_in_status(&format!("o-{n}"), "sent").await;
        assert!(of_type(&shown, "unknown").is_empty(), "{shown:#}");
    }
    assert_eq!(smtp.taken().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_back_what_waits_for_an_answer_however_long_the_server_may_take() {
    let stalls = |script: Script, connection| script.on_connection(connection, Phase::Rcpt, Action::Stall);
    let script = stalls(stalls(Script::new(), 0), 1);
    // Far longer than the time to stop.
    let settings = [("mailer.smtp.connections", "2"), ("mailer.smtp.timeout_secs", "300")];
    let (smtp, mut server) = server_with(script, &settings).await;
    let batch: Vec<_> = (0..5).map(|n| event(&format!("o-{n}"))).collect();
    server.post("/v1/events/batch", &json!(batch)).await;
    smtp.wait_for_command("RCPT", 2).await;
    server.restart().await;
    for n in 0..5 {
        let shown = server.order_in_status(&format!("o-{n}"), "sent").await;
        assert!(of_type(&shown, "unknown").is_empty(), "{shown:#}");
        assert_eq!(shown["attempts"], 1);
    }
    assert_eq!(smtp.taken().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_and_never_says_so_is_not_sent_copies_without_end() {
    let script = Script::new().on(Phase::FinalDot, Action::TakeThenClose);
    let settings = [("mailer.unknown_wait_secs", "0"), ("retry.max_attempts", "2")];
    let (smtp, server) = server_with(script, &settings).await;
    server.post("/v1/events", &event("1")).await;
    let shown = server.order_in_status("1", "held").await;
    assert_eq!((of_type(&shown, "resent").len(), of_type(&shown, "held").len()), (1, 1), "{shown:#}");
    assert_eq!(smtp.taken().len(), 2);
    assert!(server.get("/metrics").await.text().contains("postrider_dead_letters_total 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_says_goodbye_to_the_mail_server() {
    let (smtp, mut server) = server_with(Script::new(), &[]).await;
    server.post("/v1/events", &event("1")).await;
    server.order_in_status("1", "sent").await;
    assert!(!smtp.commands().iter().any(|command| command == "QUIT"));
    server.stop().await;
    smtp.wait_for_command("QUIT", 1).await;
}

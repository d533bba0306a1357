//! Connections that carry many messages.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::domain::outcome::AttemptOutcome;
use postrider_core::limits::{SMTP_IDLE_MS_MAX, SMTP_MESSAGES_PER_CONNECTION_MAX};
use postrider_core::ports::mailer::Mailer as _;
use postrider_mail::mailers::smtp::{SmtpConfig, SmtpMailer};
use postrider_testkit::smtp_server::{Action, Phase, Script, SmtpServer};
use tokio::time;

use crate::common::{
    SHORT_TIMEOUT_MS, USUAL, accepted, config, failure, hello, later, never, start, unknown, verdict,
};

#[tokio::test]
async fn one_connection_carries_many_messages_without_rset() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    for _ in 0..20 {
        accepted(mailer.send(&hello(), never()).await);
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(server.taken().len(), 20);
    assert!(!server.commands().contains(&"RSET".to_owned()));
}

#[tokio::test]
async fn there_are_never_more_connections_than_configured() {
    let server = SmtpServer::start(Script::new().offer(USUAL)).await;
    let config = SmtpConfig { connections: 4, ..config(&server) };
    let mailer = Arc::new(SmtpMailer::new(config).unwrap());
    let mut sends = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let mailer = Arc::clone(&mailer);
        sends.spawn(async move { accepted(mailer.send(&hello(), never()).await) });
    }
    assert_eq!(sends.join_all().await.len(), 50);
    assert_eq!(server.taken().len(), 50);
    assert!(server.connections() <= 4, "{}", server.connections());
}

#[tokio::test]
async fn the_connection_used_last_is_used_first() {
    let server = SmtpServer::start(Script::new().offer(USUAL)).await;
    let mailer = SmtpMailer::new(SmtpConfig { connections: 2, ..config(&server) }).unwrap();
    let (first, second) = (hello(), hello());
    tokio::join!(mailer.send(&first, never()), mailer.send(&second, never()));
    for _ in 0..5 {
        accepted(mailer.send(&hello(), never()).await);
    }
    let used: Vec<usize> = server.taken()[2..].iter().map(|taken| taken.connection).collect();
    assert_eq!(server.connections(), 2);
    assert!(used.iter().all(|connection| *connection == used[0]), "{used:?}");
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_without_a_failure() {
    for goodbye in [Action::Close, Action::reply_then_close("421 4.4.2 Idle for too long")] {
        let (server, mailer) = start(Script::new().offer(USUAL).on_connection(0, Phase::Idle, goodbye)).await;
        accepted(mailer.send(&hello(), never()).await);
        server.wait_for_ended(1).await;
        accepted(mailer.send(&hello(), never()).await);
        assert_eq!(server.connections(), 2);
        assert_eq!(server.taken().len(), 2);
    }
}

#[tokio::test]
async fn a_connection_that_turns_out_to_be_closed_at_mail_is_replaced_without_a_failure() {
    for goodbye in [Action::Close, Action::reply_then_close("421 4.4.2 Idle for too long")] {
        for offers in [USUAL, &[]] {
            let script = Script::new().offer(offers).on_message(0, 1, Phase::Mail, goodbye.clone());
            let (server, mailer) = start(script).await;
            accepted(mailer.send(&hello(), never()).await);
            accepted(mailer.send(&hello(), never()).await);
            assert_eq!(server.connections(), 2);
            assert_eq!(server.taken().len(), 2);
        }
    }
}

#[tokio::test]
async fn an_idle_connection_that_went_silent_is_replaced_without_a_failure() {
    let server =
        SmtpServer::start(Script::new().offer(USUAL).on_message(0, 1, Phase::Mail, Action::Stall)).await;
    let mailer = SmtpMailer::new(SmtpConfig { timeout_ms: SHORT_TIMEOUT_MS, ..config(&server) }).unwrap();
    accepted(mailer.send(&hello(), never()).await);
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_server_that_closes_every_connection_at_mail_is_not_tried_for_ever() {
    let script = Script::new().offer(USUAL).on_message(0, 1, Phase::Mail, Action::Close).on_connection(
        1,
        Phase::Mail,
        Action::Close,
    );
    let (server, mailer) = start(script).await;
    accepted(mailer.send(&hello(), never()).await);
    let failed = failure(mailer.send(&hello(), never()).await);
    assert_eq!(failed.cause.as_str(), "disconnected_at_mail");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn once_mail_was_answered_the_connection_is_not_replaced() {
    let script = Script::new().offer(USUAL).on_message(0, 1, Phase::Rcpt, Action::Close);
    let (server, mailer) = start(script).await;
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), later("disconnected_at_rcpt"));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_message_whose_final_dot_was_written_is_never_sent_again_by_itself() {
    let script = Script::new().offer(USUAL).on_message(0, 1, Phase::FinalDot, Action::Close);
    let (server, mailer) = start(script).await;
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), unknown("disconnected_after_data"));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_not_taken_for_the_next_messages() {
    let late = Action::UsualAfter(Duration::from_millis(SHORT_TIMEOUT_MS * 5 / 2));
    let server = SmtpServer::start(Script::new().offer(USUAL).on_message(0, 0, Phase::FinalDot, late)).await;
    let config = SmtpConfig { timeout_ms: SHORT_TIMEOUT_MS, ..config(&server) };
    let mailer = SmtpMailer::new(config).unwrap();
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), unknown("timeout_after_data"));
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(server.taken()[1].connection, 1);
}

#[tokio::test]
async fn a_cancelled_send_takes_its_connection_with_it() {
    for phase in [Phase::Mail, Phase::Data, Phase::FinalDot] {
        let script = Script::new().offer(USUAL).on_message(0, 1, phase, Action::Stall);
        let (server, mailer) = start(script).await;
        accepted(mailer.send(&hello(), never()).await);
        let message = hello();
        tokio::select! {
            outcome = mailer.send(&message, never()) => panic!("nothing should have come of it: {outcome:?}"),
            () = server.wait_for_command("MAIL", 2) => {}
        }
        accepted(mailer.send(&hello(), never()).await);
        let connections: Vec<usize> = server.taken().iter().map(|taken| taken.connection).collect();
        assert_eq!(connections.last(), Some(&1), "cancelled at {phase:?}");
    }
}

#[tokio::test]
async fn a_send_that_gets_no_connection_in_time_is_released() {
    let server = SmtpServer::start(Script::new().offer(USUAL).on(Phase::FinalDot, Action::Stall)).await;
    let mailer = SmtpMailer::new(SmtpConfig { timeout_ms: SHORT_TIMEOUT_MS, ..config(&server) }).unwrap();
    let (first, second) = (hello(), hello());
    let (stalled, waiting) = tokio::join!(mailer.send(&first, never()), mailer.send(&second, never()));
    assert_eq!(verdict(&failure(stalled)), unknown("timeout_after_data"));
    assert_eq!(waiting, AttemptOutcome::Released);
}

#[tokio::test]
async fn a_connection_is_replaced_after_so_many_messages() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    for _ in 0..SMTP_MESSAGES_PER_CONNECTION_MAX {
        accepted(mailer.send(&hello(), never()).await);
    }
    assert_eq!(server.connections(), 1);
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(server.connections(), 2);
    server.wait_for_command("QUIT", 1).await;
}

#[tokio::test]
async fn a_connection_that_lay_idle_too_long_is_not_used_again() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    accepted(mailer.send(&hello(), never()).await);
    time::pause();
    time::advance(Duration::from_millis(SMTP_IDLE_MS_MAX)).await;
    time::resume();
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(server.connections(), 2);
    server.wait_for_command("QUIT", 1).await;
}

#[tokio::test]
async fn closing_says_goodbye_and_releases_what_comes_later() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    accepted(mailer.send(&hello(), never()).await);
    mailer.close().await;
    server.wait_for_command("QUIT", 1).await;
    mailer.close().await;
    assert_eq!(mailer.send(&hello(), never()).await, AttemptOutcome::Released);
}

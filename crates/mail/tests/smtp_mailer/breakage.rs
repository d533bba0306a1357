//! Connections that break and servers that do not answer.

use std::time::Duration;

use postrider_core::domain::outcome::{FailureClass, FaultScope};
use postrider_core::ports::mailer::{Mailer as _, OutgoingMessage};
use postrider_mail::mailers::smtp::{SmtpConfig, SmtpMailer, TlsMode};
use postrider_testkit::smtp_server::{Action, Authority, Phase, Script, SmtpServer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::authentication::ada;
use crate::common::{
    SHORT_TIMEOUT_MS, USUAL, accepted, config, fail, failure, hello, later, message, never, permanent,
    route_down, start, unknown, verdict,
};

const PHASES: [(Phase, &str); 7] = [
    (Phase::Greeting, "at_greeting"),
    (Phase::Ehlo, "at_ehlo"),
    (Phase::Auth, "at_auth"),
    (Phase::Mail, "at_mail"),
    (Phase::Rcpt, "at_rcpt"),
    (Phase::Data, "at_data"),
    (Phase::FinalDot, "after_data"),
];

/// More than the socket buffers of both sides hold, so that its end cannot have been sent before it is read.
fn huge() -> OutgoingMessage {
    message(&b"0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\r\n".repeat(320_000))
}

fn expected(what: &str, phase: Phase, when: &str) -> (FailureClass, FaultScope, bool, String) {
    let cause = format!("{what}_{when}");
    let (class, scope, spends, _) = match phase {
        Phase::FinalDot => unknown(""),
        Phase::Rcpt | Phase::Data => later(""),
        _ => route_down(""),
    };
    (class, scope, spends, cause)
}

/// Sends to a server that does `action` in each phase, all phases at once.
async fn check_every_phase(action: &Action, what: &'static str) {
    let mut sends = tokio::task::JoinSet::new();
    for (phase, when) in PHASES {
        for offers in [&["PIPELINING", "AUTH PLAIN"][..], &["AUTH PLAIN"]] {
            let script = Script::new().offer(offers).on(phase, action.clone());
            sends.spawn(async move {
                let server = SmtpServer::start(script).await;
                let config =
                    SmtpConfig { timeout_ms: SHORT_TIMEOUT_MS, credentials: Some(ada()), ..config(&server) };
                let mailer = SmtpMailer::new(config).unwrap();
                let failure = failure(mailer.send(&hello(), never()).await);
                let (class, scope, spends, cause) = verdict(&failure);
                assert_eq!((class, scope, spends, cause.to_owned()), expected(what, phase, when));
                assert!(server.taken().is_empty());
            });
        }
    }
    assert_eq!(sends.join_all().await.len(), 2 * PHASES.len());
}

#[tokio::test]
async fn a_cut_is_unknown_from_the_final_dot_on_and_only_then() {
    check_every_phase(&Action::Close, "disconnected").await;
}

#[tokio::test]
async fn a_tarpit_is_given_up_after_the_time_for_one_command() {
    check_every_phase(&Action::Stall, "timeout").await;
}

#[tokio::test]
async fn a_cut_before_the_message_was_written_to_its_end_is_not_unknown() {
    let (server, mailer) = start(Script::new().on(Phase::Body, Action::Close)).await;
    assert_eq!(verdict(&failure(mailer.send(&huge(), never()).await)), later("disconnected_during_data"));
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn a_server_that_stops_reading_in_the_middle_of_a_message_has_not_taken_it() {
    let server = SmtpServer::start(Script::new().on(Phase::Body, Action::Freeze)).await;
    let config = SmtpConfig { timeout_ms: SHORT_TIMEOUT_MS, ..config(&server) };
    let mailer = SmtpMailer::new(config).unwrap();
    assert_eq!(verdict(&failure(mailer.send(&huge(), never()).await)), later("timeout_during_data"));
}

#[tokio::test]
async fn a_message_that_was_taken_before_the_cut_is_unknown_and_not_sent_again() {
    let (server, mailer) = start(Script::new().offer(USUAL).on(Phase::FinalDot, Action::TakeThenClose)).await;
    let lost = failure(mailer.send(&hello(), never()).await);
    assert_eq!(verdict(&lost), unknown("disconnected_after_data"));
    assert_eq!(server.taken().len(), 1);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_reply_without_end_is_cut_off() {
    let script = |phase| Script::new().offer(USUAL).on(phase, Action::Endless);
    assert_eq!(verdict(&fail(script(Phase::Ehlo)).await), route_down("reply_too_long_at_ehlo"));
    assert_eq!(verdict(&fail(script(Phase::Rcpt)).await), later("reply_too_long_at_rcpt"));
    assert_eq!(verdict(&fail(script(Phase::FinalDot)).await), unknown("reply_too_long_after_data"));
}

#[tokio::test]
async fn a_line_without_end_is_cut_off() {
    let script = Script::new().on(Phase::Ehlo, Action::Raw(vec![b'2'; 100_000]));
    assert_eq!(verdict(&fail(script).await), route_down("reply_too_long_at_ehlo"));
}

#[tokio::test]
async fn a_reply_that_drips_does_not_extend_the_time_for_the_command() {
    for (phase, expected) in [
        (Phase::Greeting, route_down("timeout_at_greeting")),
        (Phase::FinalDot, unknown("timeout_after_data")),
    ] {
        let server = SmtpServer::start(Script::new().offer(USUAL).on(phase, Action::Drip)).await;
        let config = SmtpConfig { timeout_ms: SHORT_TIMEOUT_MS, ..config(&server) };
        let mailer = SmtpMailer::new(config).unwrap();
        // At its pace the server would need 40 seconds to exceed the bound on a reply's length.
        assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), expected);
    }
}

#[tokio::test]
async fn a_server_of_another_protocol_is_not_understood() {
    let script = Script::new().on(Phase::Greeting, Action::Raw(b"HTTP/1.1 400 Bad Request\r\n".to_vec()));
    assert_eq!(verdict(&fail(script).await), route_down("unintelligible_reply_at_greeting"));
    let script = Script::new().on(Phase::FinalDot, Action::Raw(b"queued as 17\r\n".to_vec()));
    assert_eq!(verdict(&fail(script).await), unknown("unintelligible_reply_after_data"));
}

#[tokio::test]
async fn an_acceptance_that_came_before_the_message_is_not_believed() {
    let early = Action::UsualAnd(vec!["250 2.0.0 Queued".to_owned()]);
    let (server, mailer) = start(Script::new().offer(USUAL).on_message(0, 0, Phase::Data, early)).await;
    assert_eq!(
        verdict(&failure(mailer.send(&hello(), never()).await)),
        later("unintelligible_reply_at_data")
    );
    assert!(server.taken().is_empty());
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_middle_is_heard_out() {
    let refusal = Action::reply_then_close("552 5.3.4 Message too big");
    let (_server, mailer) = start(Script::new().on(Phase::Body, refusal)).await;
    let refused = failure(mailer.send(&huge(), never()).await);
    assert_eq!(verdict(&refused), permanent("smtp_552_5.3.4"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again_later() {
    let (server, _mailer) = start(Script::new()).await;
    let mut config = config(&server);
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    config.port = free.local_addr().unwrap().port();
    drop(free);
    let mailer = SmtpMailer::new(config).unwrap();
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), route_down("connect_refused"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_tried_again_later() {
    let (server, _mailer) = start(Script::new()).await;
    let mut config = config(&server);
    // An empty label makes every resolver give up before it asks anybody.
    config.host = "mail..example".to_owned();
    config.allow_plaintext = true;
    let mailer = SmtpMailer::new(config).unwrap();
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), route_down("dns_failed"));
}

#[tokio::test]
async fn a_server_too_busy_to_accept_connections_is_tried_again_later() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    // Nobody accepts: once the queue is full, the system leaves further connections without an answer.
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        queue.push(stream.unwrap());
        assert!(queue.len() < 100, "the queue of connections has no end");
    }
    let (server, _mailer) = start(Script::new()).await;
    let config = SmtpConfig { port: address.port(), timeout_ms: SHORT_TIMEOUT_MS, ..config(&server) };
    let mailer = SmtpMailer::new(config).unwrap();
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), route_down("connect_timeout"));
}

#[tokio::test]
async fn a_send_ends_before_its_deadline_although_every_answer_is_just_in_time() {
    const SLOW_TIMEOUT_MS: u64 = 400;
    let authority = Authority::new();
    let slow = || Action::UsualAfter(Duration::from_millis(SLOW_TIMEOUT_MS * 8 / 10));
    let script = Script::new()
        .offer(&["STARTTLS", "AUTH PLAIN"])
        .starttls(authority.issue(&["127.0.0.1"]))
        .on(Phase::Greeting, slow())
        .on(Phase::Ehlo, slow())
        .on(Phase::StartTls, slow())
        .on(Phase::Auth, slow())
        .on(Phase::Mail, slow())
        .on(Phase::Rcpt, slow())
        .on(Phase::Data, slow());
    let server = SmtpServer::start(script).await;
    let config = SmtpConfig {
        tls: TlsMode::StartTls,
        timeout_ms: SLOW_TIMEOUT_MS,
        credentials: Some(ada()),
        extra_roots: vec![authority.root()],
        ..config(&server)
    };
    let mailer = SmtpMailer::new(config).unwrap();
    let deadline = Duration::from_millis(mailer.deadline_ms());
    let outcome = timeout(deadline, mailer.send(&hello(), never())).await.unwrap();
    // The eighth answer, to DATA, would come after more than six times the time for one command.
    let failure = failure(outcome);
    assert_eq!(failure.class, FailureClass::Retryable);
    assert!(failure.cause.as_str().starts_with("timeout_at_"), "{}", failure.cause);
}

//! A mailer pointed at a scripted server, and what its outcomes are made of.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::{AttemptOutcome, Failure, FailureClass, FaultScope};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::mailer::{Envelope, Mailer as _, OutgoingMessage, Stop};
use postrider_mail::mailers::smtp::{SmtpConfig, SmtpMailer, TlsMode};
use postrider_testkit::smtp_server::{Script, SmtpServer};

/// What any modern server offers.
pub const USUAL: &[&str] = &["PIPELINING", "SIZE 10485760", "8BITMIME", "SMTPUTF8"];

/// Ample for a loopback exchange on a busy machine; tests that wait for a time-out set a shorter one.
pub const TIMEOUT_MS: u64 = 20_000;

/// For tests that wait for a time-out: what a busy machine may need for a loopback exchange, and no more.
pub const SHORT_TIMEOUT_MS: u64 = 1_000;

/// How to reach `server` in the clear.
pub fn config(server: &SmtpServer) -> SmtpConfig {
    SmtpConfig {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        tls: TlsMode::None,
        allow_plaintext: false,
        credentials: None,
        connections: 1,
        timeout_ms: TIMEOUT_MS,
        ehlo_name: "shop.example".to_owned(),
        extra_roots: Vec::new(),
    }
}

/// A server that follows `script`, and a mailer with one connection to it.
pub async fn start(script: Script) -> (SmtpServer, SmtpMailer) {
    let server = SmtpServer::start(script).await;
    let mailer = SmtpMailer::new(config(&server)).unwrap();
    (server, mailer)
}

/// A process that does not stop. The future has no size, so nothing is leaked.
pub fn never() -> Stop<'static> {
    Box::leak(Box::new(std::future::pending()))
}

/// A message to Ada with these bytes.
pub fn message(bytes: &[u8]) -> OutgoingMessage {
    OutgoingMessage {
        notification_id: NotificationId::new(Timestamp::from_millis(1_795_428_000_000), 7),
        attempt: 1,
        envelope: Envelope {
            return_path: EmailAddress::parse("bounces@shop.example").unwrap(),
            recipient: EmailAddress::parse("ada@example.com").unwrap(),
        },
        message: bytes.to_vec(),
    }
}

/// An ordinary short message.
pub fn hello() -> OutgoingMessage {
    message(b"Subject: Hello\r\n\r\nHello, Ada.\r\n")
}

/// Sends an ordinary message to a server that follows `script` and returns the failure.
pub async fn fail(script: Script) -> Failure {
    let (_server, mailer) = start(script).await;
    failure(mailer.send(&hello(), never()).await)
}

/// The words of an acceptance.
pub fn accepted(outcome: AttemptOutcome) -> String {
    match outcome {
        AttemptOutcome::Accepted { words } => words.as_str().to_owned(),
        other => panic!("expected an acceptance, got {other:?}"),
    }
}

/// The failure of an attempt.
pub fn failure(outcome: AttemptOutcome) -> Failure {
    match outcome {
        AttemptOutcome::NotAccepted(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

/// Everything about a failure but its words.
pub fn verdict(failure: &Failure) -> (FailureClass, FaultScope, bool, &str) {
    (failure.class, failure.scope, failure.spends_attempt, failure.cause.as_str())
}

/// Refused for good.
pub fn permanent(cause: &str) -> (FailureClass, FaultScope, bool, &str) {
    (FailureClass::Permanent, FaultScope::Message, true, cause)
}

/// This message, later.
pub fn later(cause: &str) -> (FailureClass, FaultScope, bool, &str) {
    (FailureClass::Retryable, FaultScope::Message, true, cause)
}

/// Any message, later, at the cost of an attempt.
pub fn route_down(cause: &str) -> (FailureClass, FaultScope, bool, &str) {
    (FailureClass::Retryable, FaultScope::Route, true, cause)
}

/// Any message, later, at no cost.
pub fn route_paused(cause: &str) -> (FailureClass, FaultScope, bool, &str) {
    (FailureClass::Retryable, FaultScope::Route, false, cause)
}

/// It may have been taken.
pub fn unknown(cause: &str) -> (FailureClass, FaultScope, bool, &str) {
    (FailureClass::Unknown, FaultScope::Message, true, cause)
}

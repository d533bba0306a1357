//! STARTTLS and implicit TLS: private, or nothing at all.

use postrider_core::ports::mailer::Mailer as _;
use postrider_mail::mailers::smtp::{SmtpConfig, SmtpMailer, TlsMode};
use postrider_testkit::smtp_server::{Action, Authority, Phase, Script, SmtpServer};
use rustls_pki_types::CertificateDer;

use crate::authentication::ada;
use crate::common::{accepted, config, failure, hello, message, never, route_paused, verdict};

/// A mailer with credentials to lose.
fn private(server: &SmtpServer, tls: TlsMode, root: CertificateDer<'static>) -> SmtpConfig {
    SmtpConfig { tls, credentials: Some(ada()), extra_roots: vec![root], ..config(server) }
}

/// Sends to a server that follows `script`, and checks that it failed with `cause`, spent no attempt and told nobody
/// anything but its own name.
async fn check_nothing_leaks(script: Script, tls: TlsMode, authority: &Authority, cause: &str) {
    let server = SmtpServer::start(script).await;
    let mailer = SmtpMailer::new(private(&server, tls, authority.root())).unwrap();
    let failed = failure(mailer.send(&hello(), never()).await);
    assert_eq!(verdict(&failed), route_paused(cause));
    let commands = server.commands();
    assert!(commands.iter().all(|line| line == "EHLO shop.example" || line == "STARTTLS"), "{commands:?}");
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn starttls_carries_credentials_and_messages() {
    let authority = Authority::new();
    let script = Script::new()
        .offer(&["STARTTLS", "AUTH PLAIN"])
        .offer_under_tls(&["AUTH PLAIN", "PIPELINING"])
        .starttls(authority.issue(&["127.0.0.1"]))
        .credentials("ada", "päss word");
    let server = SmtpServer::start(script).await;
    let mailer = SmtpMailer::new(private(&server, TlsMode::StartTls, authority.root())).unwrap();
    for _ in 0..3 {
        accepted(mailer.send(&hello(), never()).await);
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(server.taken().len(), 3);
    let commands = server.commands();
    assert_eq!(commands[..3], ["EHLO shop.example", "STARTTLS", "EHLO shop.example"]);
}

#[tokio::test]
async fn implicit_tls_carries_large_messages_too() {
    let authority = Authority::new();
    let script =
        Script::new().offer(&["PIPELINING", "AUTH PLAIN"]).implicit_tls(authority.issue(&["127.0.0.1"]));
    let server = SmtpServer::start(script).await;
    let mailer = SmtpMailer::new(private(&server, TlsMode::Implicit, authority.root())).unwrap();
    let large = b"0123456789 0123456789 0123456789\r\n".repeat(50_000);
    accepted(mailer.send(&message(&large), never()).await);
    assert!(server.taken()[0].message == large);
}

#[tokio::test]
async fn a_certificate_for_a_host_name_is_checked_by_that_name() {
    let authority = Authority::new();
    let script = Script::new().offer(&["AUTH PLAIN"]).implicit_tls(authority.issue(&["localhost"]));
    let server = SmtpServer::start(script).await;
    let config =
        SmtpConfig { host: "localhost".to_owned(), ..private(&server, TlsMode::Implicit, authority.root()) };
    accepted(SmtpMailer::new(config).unwrap().send(&hello(), never()).await);
}

#[tokio::test]
async fn without_the_offer_of_starttls_nothing_is_sent() {
    let authority = Authority::new();
    let script = Script::new().offer(&["AUTH PLAIN", "PIPELINING"]);
    check_nothing_leaks(script, TlsMode::StartTls, &authority, "tls_not_offered").await;
}

#[tokio::test]
async fn a_refused_starttls_sends_nothing() {
    let authority = Authority::new();
    let script = Script::new()
        .offer(&["STARTTLS", "AUTH PLAIN"])
        .starttls(authority.issue(&["127.0.0.1"]))
        .on(Phase::StartTls, Action::reply("454 4.7.0 TLS not available"));
    check_nothing_leaks(script, TlsMode::StartTls, &authority, "smtp_454_4.7.0").await;
}

#[tokio::test]
async fn plain_text_after_the_consent_to_starttls_sends_nothing() {
    let authority = Authority::new();
    let injected = vec!["250-scripted.example".to_owned(), "250 AUTH PLAIN".to_owned()];
    let script = Script::new()
        .offer(&["STARTTLS"])
        .starttls(authority.issue(&["127.0.0.1"]))
        .on(Phase::StartTls, Action::UsualAnd(injected));
    check_nothing_leaks(script, TlsMode::StartTls, &authority, "tls_plaintext_injected").await;
}

#[tokio::test]
async fn what_was_offered_in_the_clear_is_forgotten_under_tls() {
    let authority = Authority::new();
    let script = Script::new()
        .offer(&["STARTTLS", "AUTH PLAIN", "PIPELINING", "SIZE 1"])
        .offer_under_tls(&["AUTH LOGIN"])
        .starttls(authority.issue(&["127.0.0.1"]));
    let server = SmtpServer::start(script).await;
    let mailer = SmtpMailer::new(private(&server, TlsMode::StartTls, authority.root())).unwrap();
    accepted(mailer.send(&hello(), never()).await);
    assert!(server.commands().contains(&"AUTH LOGIN".to_owned()));
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_sends_nothing() {
    let (trusted, other) = (Authority::new(), Authority::new());
    let starttls = Script::new().offer(&["STARTTLS"]).starttls(other.issue(&["127.0.0.1"]));
    check_nothing_leaks(starttls, TlsMode::StartTls, &trusted, "tls_certificate_untrusted").await;
    let implicit = Script::new().implicit_tls(other.issue(&["127.0.0.1"]));
    check_nothing_leaks(implicit, TlsMode::Implicit, &trusted, "tls_certificate_untrusted").await;
}

#[tokio::test]
async fn a_certificate_for_another_name_sends_nothing() {
    let authority = Authority::new();
    let starttls = Script::new().offer(&["STARTTLS"]).starttls(authority.issue(&["mail.example"]));
    check_nothing_leaks(starttls, TlsMode::StartTls, &authority, "tls_name_mismatch").await;
    let implicit = Script::new().implicit_tls(authority.issue(&["mail.example"]));
    check_nothing_leaks(implicit, TlsMode::Implicit, &authority, "tls_name_mismatch").await;
}

#[tokio::test]
async fn an_expired_certificate_sends_nothing() {
    let authority = Authority::new();
    let script = Script::new().implicit_tls(authority.issue_expired(&["127.0.0.1"]));
    check_nothing_leaks(script, TlsMode::Implicit, &authority, "tls_certificate_expired").await;
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_fails_the_handshake() {
    let authority = Authority::new();
    check_nothing_leaks(Script::new(), TlsMode::Implicit, &authority, "tls_handshake_failed").await;
}

#[tokio::test]
async fn a_cut_after_the_final_dot_is_unknown_under_tls_as_well() {
    let authority = Authority::new();
    let script = Script::new()
        .offer(&["AUTH PLAIN"])
        .implicit_tls(authority.issue(&["127.0.0.1"]))
        .on(Phase::FinalDot, Action::TakeThenClose);
    let server = SmtpServer::start(script).await;
    let mailer = SmtpMailer::new(private(&server, TlsMode::Implicit, authority.root())).unwrap();
    let lost = failure(mailer.send(&hello(), never()).await);
    assert_eq!(verdict(&lost), crate::common::unknown("disconnected_after_data"));
}

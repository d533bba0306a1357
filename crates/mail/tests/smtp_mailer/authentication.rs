//! AUTH.

use postrider_core::ports::mailer::Mailer as _;
use postrider_mail::mailers::smtp::{Credentials, SmtpMailer};
use postrider_testkit::smtp_server::{Action, Phase, Script, SmtpServer};

use crate::common::{accepted, config, failure, hello, never, route_down, route_paused, verdict};

/// A user that a scripted server may know.
pub fn ada() -> Credentials {
    Credentials { username: "ada".to_owned(), password: "päss word".to_owned() }
}

async fn start(script: Script) -> (SmtpServer, SmtpMailer) {
    let server = SmtpServer::start(script.credentials("ada", "päss word")).await;
    let mut config = config(&server);
    config.credentials = Some(ada());
    let mailer = SmtpMailer::new(config).unwrap();
    (server, mailer)
}

#[tokio::test]
async fn plain_is_used_where_it_is_offered() {
    let (server, mailer) = start(Script::new().offer(&["AUTH LOGIN PLAIN XOAUTH2"])).await;
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(server.commands()[1], "AUTH PLAIN AGFkYQBww6RzcyB3b3Jk");
}

#[tokio::test]
async fn login_is_used_where_plain_is_not_offered() {
    let (server, mailer) = start(Script::new().offer(&["AUTH=LOGIN"])).await;
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(server.commands()[1..4], ["AUTH LOGIN", "YWRh", "cMOkc3Mgd29yZA=="]);
}

#[tokio::test]
async fn authentication_happens_once_for_all_messages_of_a_connection() {
    let (server, mailer) = start(Script::new().offer(&["AUTH PLAIN"])).await;
    for _ in 0..3 {
        accepted(mailer.send(&hello(), never()).await);
    }
    assert_eq!(server.commands().iter().filter(|line| line.starts_with("AUTH")).count(), 1);
}

#[tokio::test]
async fn wrong_credentials_pause_the_route_and_spend_no_attempt() {
    for offer in ["AUTH PLAIN", "AUTH LOGIN"] {
        let server = SmtpServer::start(Script::new().offer(&[offer]).credentials("ada", "other")).await;
        let mut config = config(&server);
        config.credentials = Some(ada());
        let mailer = SmtpMailer::new(config).unwrap();
        let refused = failure(mailer.send(&hello(), never()).await);
        assert_eq!(verdict(&refused), route_paused("smtp_535_5.7.8"));
        assert!(!server.commands().iter().any(|line| line.starts_with("MAIL")));
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_checked_just_now_pause_the_route() {
    let refusal = Action::reply("454 4.7.0 Temporary authentication failure");
    let (_server, mailer) = start(Script::new().offer(&["AUTH PLAIN"]).on(Phase::Auth, refusal)).await;
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), route_paused("smtp_454_4.7.0"));
}

#[tokio::test]
async fn a_server_that_offers_no_known_mechanism_pauses_the_route() {
    let (server, mailer) = start(Script::new().offer(&["AUTH CRAM-MD5"])).await;
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), route_paused("auth_not_offered"));
    assert_eq!(server.commands(), ["EHLO shop.example"]);
}

#[tokio::test]
async fn a_connection_lost_during_authentication_is_no_verdict_on_the_credentials() {
    let (_server, mailer) = start(Script::new().offer(&["AUTH LOGIN"]).on(Phase::Auth, Action::Close)).await;
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), route_down("disconnected_at_auth"));
}

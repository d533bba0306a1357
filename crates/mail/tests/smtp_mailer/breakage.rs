//! Connections that break and servers that do not answer.

use postrider_core::domain::outcome::{FailureClass, FaultScope};
use postrider_core::ports::mailer::{Mailer as _, OutgoingMessage};
use postrider_mail::mailers::smtp::SmtpMailer;
use postrider_testkit::smtp_server::{Action, Phase, Script, SmtpServer};
use tokio::net::TcpListener;

use crate::common::{
    USUAL, accepted, config, fail, failure, hello, later, message, permanent, route_down, route_paused,
    start, unknown, verdict,
};

/// Long enough for a loopback exchange on a busy machine, short enough to wait for.
const SHORT_TIMEOUT_MS: u64 = 400;

const PHASES: [(Phase, &str); 8] = [
    (Phase::Greeting, "at_greeting"),
    (Phase::Ehlo, "at_ehlo"),
    (Phase::Mail, "at_mail"),
    (Phase::Rcpt, "at_rcpt"),
    (Phase::Data, "at_data"),
    (Phase::Body, "during_data"),
    (Phase::FinalDot, "after_data"),
    (Phase::Auth, "at_auth"),
];

/// More than the socket buffers of both sides hold, so that its end cannot have been sent before it is read.
fn huge() -> OutgoingMessage {
    message(&b"0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\r\n".repeat(320_000))
}

fn expected(what: &str, phase: Phase, when: &str) -> (FailureClass, FaultScope, bool, String) {
    let cause = format!("{what}_{when}");
    let (class, scope, spends, _) = match phase {
        Phase::FinalDot => unknown(""),
        Phase::Rcpt | Phase::Data | Phase::Body => later(""),
        _ => route_down(""),
    };
    (class, scope, spends, cause)
}

/// Sends to a server that does `action` in each phase, all phases at once.
async fn check_every_phase(action: Action, what: &'static str) {
    let mut sends = tokio::task::JoinSet::new();
    for (phase, when) in PHASES {
        for offers in [&["PIPELINING", "AUTH PLAIN"][..], &["AUTH PLAIN"]] {
            let action = match (phase, &action) {
                // Only a server that stops reading can stall the writing of a message.
                (Phase::Body, Action::Stall) => Action::Freeze,
                _ => action.clone(),
            };
            sends.spawn(async move {
                let server = SmtpServer::start(Script::new().offer(offers).on(phase, action)).await;
                let mut config = config(&server);
                config.timeout_ms = SHORT_TIMEOUT_MS;
                config.credentials = Some(crate::authentication::ada());
                let mailer = SmtpMailer::new(config).unwrap();
                let message = if phase == Phase::Body { huge() } else { hello() };
                let failure = failure(mailer.send(&message).await);
                let (class, scope, spends, cause) = verdict(&failure);
                assert_eq!((class, scope, spends, cause.to_owned()), expected(what, phase, when));
                assert!(server.taken().is_empty());
            });
        }
    }
    for result in sends.join_all().await {
        let () = result;
    }
}

#[tokio::test]
async fn a_cut_is_unknown_from_the_final_dot_on_and_only_then() {
    check_every_phase(Action::Close, "disconnected").await;
}

#[tokio::test]
async fn a_tarpit_is_given_up_after_the_time_for_one_command() {
    check_every_phase(Action::Stall, "timeout").await;
}

#[tokio::test]
async fn a_message_that_was_taken_before_the_cut_is_unknown_and_not_sent_again() {
    let (server, mailer) = start(Script::new().offer(USUAL).on(Phase::FinalDot, Action::TakeThenClose)).await;
    let lost = failure(mailer.send(&hello()).await);
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
        let mut config = config(&server);
        config.timeout_ms = SHORT_TIMEOUT_MS;
        let mailer = SmtpMailer::new(config).unwrap();
        // At its pace the server would need 40 seconds to exceed the bound on a reply's length.
        assert_eq!(verdict(&failure(mailer.send(&hello()).await)), expected);
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
    assert_eq!(verdict(&failure(mailer.send(&hello()).await)), later("unintelligible_reply_at_data"));
    assert!(server.taken().is_empty());
    accepted(mailer.send(&hello()).await);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_middle_is_heard_out() {
    let refusal = Action::reply_then_close("552 5.3.4 Message too big");
    let (_server, mailer) = start(Script::new().on(Phase::Body, refusal)).await;
    let refused = failure(mailer.send(&huge()).await);
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
    assert_eq!(verdict(&failure(mailer.send(&hello()).await)), route_down("connect_refused"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_tried_again_later() {
    let (server, _mailer) = start(Script::new()).await;
    let mut config = config(&server);
    // An empty label makes every resolver give up before it asks anybody.
    config.host = "mail..example".to_owned();
    config.allow_plaintext = true;
    let mailer = SmtpMailer::new(config).unwrap();
    assert_eq!(verdict(&failure(mailer.send(&hello()).await)), route_down("dns_failed"));
}

#[tokio::test]
async fn the_deadline_outlasts_every_phase() {
    let (server, _mailer) = start(Script::new()).await;
    let mut config = config(&server);
    config.timeout_ms = 1_000;
    let mailer = SmtpMailer::new(config).unwrap();
    assert!(mailer.deadline_ms() >= 8 * 1_000);
    assert_eq!(
        verdict(
            &fail(
                Script::new()
                    .on(Phase::Auth, Action::Close)
                    .on(Phase::Mail, Action::reply("530 5.7.0 Authentication required"))
            )
            .await
        ),
        route_paused("smtp_530_5.7.0")
    );
}

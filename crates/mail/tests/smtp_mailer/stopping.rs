//! What becomes of a message when the process is told to stop.

use std::time::Duration;

use postrider_core::domain::outcome::AttemptOutcome;
use postrider_core::ports::mailer::{Mailer as _, OutgoingMessage};
use postrider_mail::mailers::smtp::SmtpMailer;
use postrider_testkit::smtp_server::{Action, Authority, Phase, Script, SmtpServer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::common::{USUAL, accepted, config, hello, message, never, start};

/// Sends `message`; once `moment` has come the process is told to stop.
async fn send_and_stop(
    mailer: &SmtpMailer,
    message: &OutgoingMessage,
    moment: impl Future<Output = ()>,
) -> AttemptOutcome {
    let (stop, mut stopped) = oneshot::channel::<()>();
    let mut stopped = Box::pin(async move {
        let _ = (&mut stopped).await;
    });
    let send = mailer.send(message, &mut stopped);
    let telling = async {
        moment.await;
        let _ = stop.send(());
    };
    // Far less than the time for one command: nothing is waited for.
    let both = async { tokio::join!(send, telling).0 };
    timeout(Duration::from_secs(10), both).await.unwrap()
}

#[tokio::test]
async fn a_send_that_waits_for_a_greeting_is_given_back() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (server, _) = start(Script::new()).await;
    let mut config = config(&server);
    config.port = listener.local_addr().unwrap().port();
    let mailer = SmtpMailer::new(config).unwrap();
    let connected = async {
        let stream = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let _stream = stream;
            std::future::pending::<()>().await;
        });
    };
    assert_eq!(send_and_stop(&mailer, &hello(), connected).await, AttemptOutcome::Released);
}

#[tokio::test]
async fn a_send_that_waits_for_an_answer_before_its_content_is_given_back() {
    for (phase, command) in
        [(Phase::Ehlo, "EHLO"), (Phase::Mail, "MAIL"), (Phase::Rcpt, "RCPT"), (Phase::Data, "DATA")]
    {
        for offers in [USUAL, &[]] {
            let (server, mailer) = start(Script::new().offer(offers).on(phase, Action::Stall)).await;
            let stalled = server.wait_for_command(command, 1);
            assert_eq!(send_and_stop(&mailer, &hello(), stalled).await, AttemptOutcome::Released);
            server.wait_for_ended(1).await;
            assert!(server.taken().is_empty(), "stopped at {phase:?}");
        }
    }
}

#[tokio::test]
async fn a_send_that_waits_for_a_connection_is_given_back() {
    let (server, mailer) = start(Script::new().offer(USUAL).on(Phase::FinalDot, Action::Stall)).await;
    let (first, second) = (hello(), hello());
    let waiting = async {
        server.wait_for_command("DATA", 1).await;
        send_and_stop(&mailer, &second, std::future::ready(())).await
    };
    tokio::select! {
        outcome = mailer.send(&first, never()) => panic!("nothing should have come of it: {outcome:?}"),
        outcome = waiting => assert_eq!(outcome, AttemptOutcome::Released),
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_written_to_its_end_is_given_back() {
    let authority = Authority::new();
    let huge =
        message(&b"0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\r\n".repeat(320_000));
    for is_private in [false, true] {
        let script = Script::new().on(Phase::Body, Action::Freeze);
        let script = if is_private { script.implicit_tls(authority.issue(&["127.0.0.1"])) } else { script };
        let server = SmtpServer::start(script).await;
        let mut config = config(&server);
        if is_private {
            config.tls = postrider_mail::mailers::smtp::TlsMode::Implicit;
            config.extra_roots = vec![authority.root()];
        }
        let mailer = SmtpMailer::new(config).unwrap();
        let begun = server.wait_for_command("DATA", 1);
        assert_eq!(send_and_stop(&mailer, &huge, begun).await, AttemptOutcome::Released);
        assert!(server.taken().is_empty());
    }
}

#[tokio::test]
async fn a_message_that_was_written_whole_is_waited_for() {
    let late = Action::UsualAfter(Duration::from_millis(300));
    let (server, mailer) = start(Script::new().offer(USUAL).on(Phase::FinalDot, late)).await;
    let taken = async {
        // The server notes a message as taken before it answers.
        while server.taken().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    accepted(send_and_stop(&mailer, &hello(), taken).await);
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn nothing_is_begun_after_the_stop() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    accepted(mailer.send(&hello(), never()).await);
    let stopped = send_and_stop(&mailer, &hello(), std::future::ready(())).await;
    assert!(matches!(stopped, AttemptOutcome::Released), "{stopped:?}");
    assert_eq!(server.taken().len(), 1);
}

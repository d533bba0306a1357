//! PIPELINING: one write, three answers, and nothing delivered unless all three agree.

use std::time::Duration;

use postrider_core::ports::mailer::Mailer as _;
use postrider_testkit::smtp_server::{Action, Phase, Script};

use tokio::time::timeout;

use crate::common::{
    TIMEOUT_MS, USUAL, accepted, failure, hello, never, permanent, route_paused, start, verdict,
};

#[tokio::test]
async fn nothing_is_delivered_when_the_recipient_is_refused_and_content_is_wanted_all_the_same() {
    let script = Script::new()
        .offer(USUAL)
        .on_message(0, 0, Phase::Rcpt, Action::reply("550 5.1.1 No such user"))
        .on_message(0, 0, Phase::Data, Action::reply("354 Go ahead"));
    let (server, mailer) = start(script).await;
    // The server waits for content, so a client that tried to undo the transaction would wait for its answer.
    let message = hello();
    let outcome =
        timeout(Duration::from_millis(TIMEOUT_MS / 2), mailer.send(&message, never())).await.unwrap();
    assert_eq!(verdict(&failure(outcome)), permanent("smtp_550_5.1.1"));
    server.wait_for_ended(1).await;
    assert!(server.taken().is_empty());
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn nothing_is_delivered_when_the_sender_is_refused_and_content_is_wanted_all_the_same() {
    let script = Script::new()
        .offer(USUAL)
        .on(Phase::Mail, Action::reply("550 5.7.1 Not you"))
        .on(Phase::Rcpt, Action::reply("250 2.1.5 Ok"))
        .on(Phase::Data, Action::reply("354 Go ahead"));
    let (server, mailer) = start(script).await;
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), route_paused("smtp_550_5.7.1"));
    server.wait_for_ended(1).await;
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn the_first_refusal_is_the_one_that_counts() {
    let script = Script::new().offer(USUAL).on_message(0, 0, Phase::Mail, Action::reply("552 5.3.4 Too big"));
    let (server, mailer) = start(script).await;
    // RCPT and DATA are refused as well, because there is no transaction.
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), permanent("smtp_552_5.3.4"));
    accepted(mailer.send(&hello(), never()).await);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_refusal_is_believed_even_if_the_connection_breaks_right_after_it() {
    let script =
        Script::new().offer(USUAL).on(Phase::Rcpt, Action::reply_then_close("550 5.1.1 No such user"));
    let (_server, mailer) = start(script).await;
    assert_eq!(verdict(&failure(mailer.send(&hello(), never()).await)), permanent("smtp_550_5.1.1"));
}

//! Messages that arrive, and in which form.

use postrider_core::domain::address::EmailAddress;
use postrider_core::ports::mailer::Mailer as _;
use postrider_testkit::smtp_server::{Action, Phase, Script};

use crate::common::{USUAL, accepted, config, failure, hello, message, never, permanent, start, verdict};

#[tokio::test]
async fn a_message_arrives_as_it_was_given() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    let words = accepted(mailer.send(&hello(), never()).await);
    assert_eq!(words, "250 2.0.0 Ok: queued as SCRIPTED");
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].return_path, "bounces@shop.example");
    assert_eq!(taken[0].recipients, ["ada@example.com"]);
    assert_eq!(taken[0].message, hello().message);
}

#[tokio::test]
async fn a_message_arrives_without_any_extension() {
    let script = Script::new().on(Phase::Ehlo, Action::reply("502 5.5.1 What?"));
    let (server, mailer) = start(script).await;
    accepted(mailer.send(&hello(), never()).await);
    let commands = server.commands();
    let expected = [
        "EHLO shop.example",
        "HELO shop.example",
        "MAIL FROM:<bounces@shop.example>",
        "RCPT TO:<ada@example.com>",
        "DATA",
    ];
    assert_eq!(commands, expected);
    assert_eq!(server.taken()[0].message, hello().message);
}

#[tokio::test]
async fn leading_dots_and_bare_line_ends_arrive_in_canonical_form() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    let odd = b"Subject: odd\n\n.\r\n..two\r.three\n.\n\r\r\nend";
    accepted(mailer.send(&message(odd), never()).await);
    let canonical = b"Subject: odd\r\n\r\n.\r\n..two\r\n.three\r\n.\r\n\r\n\r\nend\r\n";
    assert_eq!(server.taken()[0].message, canonical);
}

#[tokio::test]
async fn a_smuggled_end_of_message_stays_content() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    let smuggled =
        b"Subject: x\r\n\r\n\n.\nMAIL FROM:<evil@example.net>\r\n\r.\r\nRCPT TO:<b@example.net>\r\n";
    accepted(mailer.send(&message(smuggled), never()).await);
    assert_eq!(server.taken().len(), 1);
    assert_eq!(server.commands().iter().filter(|line| line.starts_with("MAIL")).count(), 1);
}

#[tokio::test]
async fn a_message_of_megabytes_arrives_whole() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    let large: Vec<u8> = b"0123456789 0123456789 0123456789\r\n".repeat(100_000);
    accepted(mailer.send(&message(&large), never()).await);
    assert!(server.taken()[0].message == large);
}

#[tokio::test]
async fn an_empty_message_is_still_one_message() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    accepted(mailer.send(&message(b""), never()).await);
    assert_eq!(server.taken()[0].message, b"");
}

#[tokio::test]
async fn the_envelope_declares_size_and_eight_bit_content_where_offered() {
    let (server, mailer) = start(Script::new().offer(USUAL)).await;
    accepted(mailer.send(&message("Grüße\n".as_bytes()), never()).await);
    let mail = server.commands().into_iter().find(|line| line.starts_with("MAIL")).unwrap();
    // Seven characters, two of them in two bytes, and a line end made two bytes.
    assert_eq!(mail, "MAIL FROM:<bounces@shop.example> SIZE=9 BODY=8BITMIME");
}

#[tokio::test]
async fn a_message_larger_than_the_server_takes_is_refused_before_it_is_sent() {
    let (server, mailer) = start(Script::new().offer(&["SIZE 20"])).await;
    let refused = failure(mailer.send(&hello(), never()).await);
    assert_eq!(verdict(&refused), permanent("message_too_large"));
    accepted(mailer.send(&message(b"a\r\n"), never()).await);
    assert_eq!(server.connections(), 1);
    assert_eq!(server.commands().iter().filter(|line| line.starts_with("MAIL")).count(), 1);
}

#[tokio::test]
async fn size_zero_means_no_limit() {
    let (_server, mailer) = start(Script::new().offer(&["SIZE 0"])).await;
    accepted(mailer.send(&hello(), never()).await);
}

#[tokio::test]
async fn a_local_part_beyond_ascii_needs_a_server_that_speaks_smtputf8() {
    let mut international = hello();
    international.envelope.recipient = EmailAddress::parse("grüße@example.com").unwrap();

    let (server, mailer) = start(Script::new().offer(&["8BITMIME"])).await;
    let refused = failure(mailer.send(&international, never()).await);
    assert_eq!(verdict(&refused), permanent("smtputf8_missing"));
    assert!(server.taken().is_empty());

    let (server, mailer) = start(Script::new().offer(&["8BITMIME", "SMTPUTF8"])).await;
    accepted(mailer.send(&international, never()).await);
    assert_eq!(server.taken()[0].recipients, ["grüße@example.com"]);
    assert!(server.commands().contains(&"MAIL FROM:<bounces@shop.example> SMTPUTF8".to_owned()));
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_reached() {
    let (server, _) = start(Script::new().offer(USUAL)).await;
    let mut by_name = config(&server);
    by_name.host = "localhost".to_owned();
    let mailer = postrider_mail::mailers::smtp::SmtpMailer::new(by_name).unwrap();
    accepted(mailer.send(&hello(), never()).await);
}

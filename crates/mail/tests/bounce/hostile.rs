//! Mail that was made to break its reader.

use std::time::{Duration, Instant};

use postrider_core::limits::{MAIL_REPORTS_MAX, REPLY_WORDS_BYTES_MAX};
use postrider_mail::bounce::{MessageKind, Reading, is_automatic, read};
use proptest::prelude::*;

use crate::corpus::mails;

/// Far more than a debug build needs on a busy machine, far less than anything quadratic takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn bounded(mail: &[u8]) -> Reading {
    let begin = Instant::now();
    let reading = read(mail);
    let _ = is_automatic(mail);
    assert!(begin.elapsed() < PATIENCE, "took {:?} for {} bytes", begin.elapsed(), mail.len());
    assert!((1..=MAIL_REPORTS_MAX).contains(&reading.reports.len()));
    for report in &reading.reports {
        assert!(report.report.diagnostic.as_str().len() <= REPLY_WORDS_BYTES_MAX);
        assert!(!report.report.diagnostic.as_str().contains(char::is_control));
    }
    assert!(
        reading.addressed_to.len() <= 32 && reading.addressed_to.iter().all(|address| address.len() <= 320)
    );
    reading
}

#[test]
fn nothing_is_something_else() {
    for mail in [
        &b""[..],
        b"\n",
        b"\r\n\r\n",
        b"From ",
        b"From \n",
        b":",
        b"\0\0\0\0",
        b"Content-Type: multipart/report",
    ] {
        assert_eq!(bounded(mail).kind, MessageKind::Other);
    }
}

#[test]
fn a_thousand_parts_in_each_other() {
    let mut mail = String::from("From: MAILER-DAEMON@example.com\n");
    for depth in 0..1_000 {
        mail += &format!("Content-Type: multipart/mixed; boundary=\"b{depth}\"\n\n--b{depth}\n");
    }
    mail += "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ada@example.com\nAction: failed\nStatus: 5.1.1\n";
    assert_eq!(bounded(mail.as_bytes()).kind, MessageKind::Other);
}

#[test]
fn a_thousand_messages_in_each_other() {
    let mail = "Content-Type: message/rfc822\n\n".repeat(1_000);
    assert_eq!(bounded(mail.as_bytes()).kind, MessageKind::Other);
}

#[test]
fn a_hundred_thousand_parts_beside_each_other() {
    let mut mail = String::from("Content-Type: multipart/report; boundary=b\n\n");
    mail += &"--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ada@example.com\nStatus: 5.1.1\n\n".repeat(100_000);
    let reading = bounded(mail.as_bytes());
    assert_eq!(reading.kind, MessageKind::DeliveryStatus);
}

#[test]
fn thirty_megabytes() {
    let mut mail =
        b"From: MAILER-DAEMON@example.com\nContent-Type: multipart/report; boundary=b\n\n--b\n\n".to_vec();
    mail.resize(30_000_000, b'x');
    bounded(&mail);
    mail.resize(60_000_000, b'\n');
    bounded(&mail);
}

#[test]
fn an_endless_header() {
    bounded("X-Long: 1\n".repeat(2_000_000).as_bytes());
    bounded(format!("Subject: {}\n\nbody", "=?utf-8?Q?=41?= ".repeat(500_000)).as_bytes());
    bounded(format!("Subject: {}\n\nbody", "=?".repeat(2_000_000)).as_bytes());
    bounded(format!("Subject: x\n{}\n\nbody", " folded\n".repeat(500_000)).as_bytes());
    bounded(format!("Content-Type: multipart/report{}\n\nbody", "; a=\"b\\".repeat(500_000)).as_bytes());
}

#[test]
fn a_hundred_thousand_recipients() {
    let mut mail = String::from("Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n");
    for number in 0..100_000 {
        mail += &format!("Final-Recipient: rfc822; a{number}@example.com\nAction: failed\nStatus: 5.1.1\n\n");
    }
    assert_eq!(bounded(mail.as_bytes()).reports.len(), MAIL_REPORTS_MAX);

    let mut letter = String::from("From: MAILER-DAEMON@example.com\nSubject: failure notice\n\n");
    for number in 0..100_000 {
        letter += &format!("<a{number}@example.com>:\nno mailbox (#5.1.1)\n\n");
    }
    assert_eq!(bounded(letter.as_bytes()).reports.len(), MAIL_REPORTS_MAX);
}

#[test]
fn words_that_look_like_codes_and_phrases() {
    let head = "From: MAILER-DAEMON@example.com\nSubject: failure notice\n\n";
    for piece in [
        "5.",
        "5.1.",
        "550 ",
        "!550",
        "<a@b.example>: ",
        "user mailbox recipient address domain ",
        "ntf_",
        "<",
        "</style",
        "&#",
        "\\x{",
    ] {
        bounded(format!("{head}{}", piece.repeat(4_000_000 / piece.len())).as_bytes());
        bounded(
            format!(
                "{}\n{}",
                head.trim_end().to_owned() + "\nContent-Type: text/html\n",
                piece.repeat(1_000_000 / piece.len())
            )
            .as_bytes(),
        );
    }
}

#[test]
fn every_beginning_of_every_mail() {
    for mail in mails().values() {
        for end in (0..mail.len()).step_by(7) {
            bounded(&mail[..end]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes(mail in prop::collection::vec(any::<u8>(), 0..4_096)) {
        bounded(&mail);
    }

    #[test]
    fn mutated_mail(which in any::<prop::sample::Index>(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..40)) {
        let mails = mails();
        let mut mail = mails.values().nth(which.index(mails.len())).unwrap().clone();
        for (place, byte, change) in changes {
            let at = place.index(mail.len().max(1)).min(mail.len());
            match change {
                0 => mail.insert(at, byte),
                1 if at < mail.len() => { mail.remove(at); }
                2 => mail.truncate(at.max(200)),
                _ if at < mail.len() => mail[at] = byte,
                _ => {}
            }
        }
        bounded(&mail);
    }
}

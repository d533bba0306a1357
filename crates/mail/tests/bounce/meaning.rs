//! One report keeps one name, however it comes.

use postrider_core::domain::document::Fingerprint;
use postrider_mail::bounce::read;

use crate::corpus::{mail, mails, with_crlf};

fn names(mail: &[u8]) -> Vec<Fingerprint> {
    read(mail).reports.into_iter().map(|report| report.report.fingerprint).collect()
}

#[test]
fn trace_fields_and_a_mailbox_do_not_change_the_name() {
    for (name, mail) in mails() {
        let mut stored = b"From MAILER-DAEMON Mon Nov 23 10:00:09 2026\n\
            Return-Path: <>\nDelivered-To: bounces@shop.example\nX-Spam-Status: No, score=-1.9\n\
            Received: from mx.shop.example by store.shop.example with LMTP id 7; Mon, 23 Nov 2026 10:00:10 +0000\n"
            .to_vec();
        stored.extend_from_slice(&mail);
        let wire = with_crlf(&mail);
        assert_eq!(names(&stored), names(&wire), "{name}");
    }
}

#[test]
fn another_transfer_encoding_does_not_change_the_name() {
    let plain = String::from_utf8(mail("postfix_unknown_user")).unwrap();
    let part = "Content-Type: message/delivery-status\n\n";
    let (before, after) = plain.split_once(part).unwrap();
    let (status, rest) = after.split_once("\n--9B095B5ADSN").unwrap();
    let encoded = status.replace('=', "=3D").replace("Status", "=53tat=\nus");
    let encoded = format!(
        "{before}Content-Type: message/delivery-status\nContent-Transfer-Encoding: quoted-printable\n\n{encoded}\n--9B095B5ADSN{rest}"
    );
    assert_eq!(names(encoded.as_bytes()), names(plain.as_bytes()));
}

#[test]
fn what_means_something_else_has_another_name() {
    let mail = String::from_utf8(mail("gmail_no_such_user")).unwrap();
    let own = names(mail.as_bytes());
    for (from, to) in [
        ("Action: failed", "Action: delayed"),
        ("Status: 5.1.1", "Status: 5.2.2"),
        ("Final-Recipient: rfc822; nosuch@", "Final-Recipient: rfc822; another@"),
        ("550-5.1.1 The email", "550-5.1.1 Some email"),
        ("Reporting-MTA: dns; googlemail.com", "Reporting-MTA: dns; mx.example.com"),
        ("Last-Attempt-Date: Mon, 23 Nov 2026 02:00:07", "Last-Attempt-Date: Mon, 23 Nov 2026 02:00:08"),
        ("01kb2c3d4e5f6g7h8j9kamnpqr@shop", "01kb2c3d4e5f6g7h8j9kamnpqs@shop"),
    ] {
        let altered = mail.replace(from, to).replace("X-Postrider-Notification", "X-Other");
        assert_ne!(altered, mail, "{from}");
        assert_ne!(names(altered.as_bytes()), own, "{from}");
    }
}

#[test]
fn the_recipients_spelling_does_not_change_the_name() {
    let mail = String::from_utf8(mail("gmail_no_such_user")).unwrap();
    let spelt = mail.replace(
        "Final-Recipient: rfc822; nosuch@gmail.example",
        "final-recipient: RFC822;<NoSuch@GMAIL.example>",
    );
    assert_ne!(spelt, mail);
    assert_eq!(names(spelt.as_bytes()), names(mail.as_bytes()));
}

#[test]
fn every_report_of_the_corpus_has_a_name_of_its_own() {
    let mut known: Vec<(String, Fingerprint)> = Vec::new();
    for (name, mail) in mails() {
        for own in names(&mail) {
            let other = known.iter().find(|(_, other)| *other == own);
            assert!(other.is_none(), "{name} and {other:?}");
            known.push((name.clone(), own));
        }
    }
}

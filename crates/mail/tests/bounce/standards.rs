//! Single rules of the standards, one at a time.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::feedback::ReportKind;
use postrider_mail::bounce::{MessageKind, is_automatic, read};

fn status_mail(fields: &str) -> Vec<u8> {
    format!(
        "From: MAILER-DAEMON@example.com\nContent-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n--b\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; example.com\n\n{fields}\n--b--\n"
    )
    .into_bytes()
}

fn kind_of(fields: &str) -> ReportKind {
    let reading = read(&status_mail(fields));
    assert_eq!(reading.kind, MessageKind::DeliveryStatus, "{fields}");
    reading.reports[0].report.kind
}

#[test]
fn the_action_decides_what_happened() {
    for (action, expected) in [
        ("failed", ReportKind::Bounced(BounceClass::UnknownUser)),
        ("FAILED (for good)", ReportKind::Bounced(BounceClass::UnknownUser)),
        ("delayed", ReportKind::Delayed(BounceClass::UnknownUser)),
        ("delivered", ReportKind::Delivered),
        ("relayed", ReportKind::Other),
        ("expanded", ReportKind::Other),
    ] {
        let fields = format!("Final-Recipient: rfc822; ada@example.com\nAction: {action}\nStatus: 5.1.1\n");
        assert_eq!(kind_of(&fields), expected, "{action}");
    }
}

#[test]
fn without_an_action_the_code_decides() {
    let with = |rest: &str| kind_of(&format!("Final-Recipient: rfc822; ada@example.com\n{rest}"));
    assert_eq!(with("Status: 5.2.2\n"), ReportKind::Bounced(BounceClass::MailboxFull));
    assert_eq!(with("Status: 4.4.1\n"), ReportKind::Delayed(BounceClass::Network));
    assert_eq!(with("Diagnostic-Code: smtp; 421 busy\n"), ReportKind::Delayed(BounceClass::System));
    assert_eq!(with("Status: 2.0.0\n"), ReportKind::Other);
    assert_eq!(with("X-Nothing: 1\n"), ReportKind::Other);
}

#[test]
fn given_up_after_a_temporary_refusal_is_a_bounce_that_condemns_nobody() {
    for words in
        ["450 4.1.1 user unknown", "452 4.2.2 over quota", "450 4.2.0 greylisted", "421 4.7.0 too many spam"]
    {
        let kind = kind_of(&format!(
            "Final-Recipient: rfc822; ada@example.com\nAction: failed\nStatus: {}\nDiagnostic-Code: smtp; {words}\n",
            words.split(' ').nth(1).unwrap()
        ));
        let ReportKind::Bounced(class) = kind else { panic!("{words}: {kind:?}") };
        assert!(!class.condemns_address(), "{words}: {class}");
    }
}

#[test]
fn the_servers_own_code_beats_a_status_that_says_nothing() {
    let reading = read(&status_mail(
        "Final-Recipient: rfc822; ada@example.com\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550-5.2.2 no\n",
    ));
    assert_eq!(reading.reports[0].report.status.map(|status| status.to_string()).as_deref(), Some("5.2.2"));
}

#[test]
fn a_report_without_recipients_is_read_as_a_letter() {
    let mail = b"From: MAILER-DAEMON@example.com\nSubject: failure notice\nContent-Type: multipart/report; boundary=b\n\n\
        --b\n\n<ada@example.com>:\n550 5.1.1 user unknown\n--b\nContent-Type: message/delivery-status\n\n\
        Reporting-MTA: dns; example.com\n--b--\n";
    let reading = read(mail);
    assert_eq!(reading.kind, MessageKind::Bounce);
    assert_eq!(
        reading.reports[0].report.recipient.as_ref().map(EmailAddress::as_str),
        Some("ada@example.com")
    );
}

#[test]
fn recipients_are_read_in_every_spelling() {
    for (spelling, expected) in [
        ("rfc822; ada@example.com", Some("ada@example.com")),
        ("RFC822;<ada@example.com>", Some("ada@example.com")),
        ("ada@example.com", Some("ada@example.com")),
        ("utf-8; \\x{E4}da@example.com", Some("äda@example.com")),
        ("utf-8; ada@b\u{fc}cher.example", Some("ada@xn--bcher-kva.example")),
        ("utf-8; \\x{110000}da@example.com", None),
        ("utf-8; \\x{E4da@example.com", None),
        ("x400; /S=ada/O=example/", None),
        ("unknown; nobody", None),
        ("", None),
    ] {
        let reading =
            read(&status_mail(&format!("Final-Recipient: {spelling}\nAction: failed\nStatus: 5.1.1\n")));
        let recipient = reading.reports[0].report.recipient.as_ref().map(|to| to.as_str().to_owned());
        assert_eq!(recipient.as_deref(), expected, "{spelling}");
    }
}

#[test]
fn feedback_of_other_kinds_is_no_complaint() {
    for (name, expected) in [
        ("abuse", ReportKind::Complained),
        ("Fraud", ReportKind::Complained),
        ("not-spam", ReportKind::NotSpam),
        ("virus", ReportKind::Other),
        ("auth-failure", ReportKind::Other),
        ("other", ReportKind::Other),
        ("x-new", ReportKind::Other),
    ] {
        let mail = format!(
            "Content-Type: message/feedback-report\n\nFeedback-Type: {name}\nUser-Agent: x\nVersion: 1\n"
        );
        let reading = read(mail.as_bytes());
        assert_eq!(
            (reading.kind, reading.reports[0].report.kind),
            (MessageKind::Complaint, expected),
            "{name}"
        );
    }
}

#[test]
fn machines_are_known_by_any_of_their_marks() {
    for mark in [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; x=y",
        "Auto-submitted: auto-notified (rejected)",
        "X-Autoreply: yes",
        "X-Auto-Response-Suppress: OOF",
        "Precedence: auto_reply",
        "Precedence: Bulk",
        "Subject: Out of Office Re: Order",
        "Subject: =?utf-8?Q?R=C3=A9ponse_automatique?=",
        "Subject: 自动回复",
    ] {
        let mail = format!("From: ada@example.com\n{mark}\n\n550 5.1.1 user unknown\n");
        assert_eq!(read(mail.as_bytes()).reports[0].report.kind, ReportKind::AutoReply, "{mark}");
        assert!(is_automatic(mail.as_bytes()), "{mark}");
    }
    for mark in ["Auto-Submitted: no", "Subject: Re: my order", "Precedence: first-class"] {
        let mail = format!("From: ada@example.com\n{mark}\n\nhello\n");
        assert_eq!(read(mail.as_bytes()).kind, MessageKind::Other, "{mark}");
        assert!(!is_automatic(mail.as_bytes()), "{mark}");
    }
    assert!(is_automatic(b"Return-Path: <>\nSubject: hello\n\n"));
    assert!(is_automatic(b"List-Id: <list.example.com>\nSubject: hello\n\n"));
}

#[test]
fn charsets_and_encodings_that_are_wrong_lose_nothing_that_matters() {
    for head in [
        "Content-Type: text/plain; charset=no-such-charset",
        "Content-Type: text/plain; charset=\"iso-2022-jp\"",
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: x-unknown",
        "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable",
        "Content-Type: nonsense",
    ] {
        let mut mail =
            format!("From: MAILER-DAEMON@example.com\nSubject: failure notice\n{head}\n\n").into_bytes();
        mail.extend_from_slice(b"Empf\xe4nger \xff\xfe:\n\n<ada@example.com>:\n550 5.1.1 user unknown\n");
        let report = &read(&mail).reports[0].report;
        assert_eq!(report.kind, ReportKind::Bounced(BounceClass::UnknownUser), "{head}");
        assert!(report.recipient.is_some(), "{head}");
    }
}

#[test]
fn words_of_a_server_are_cleaned() {
    let reading = read(&status_mail(
        "Final-Recipient: rfc822; ada@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 \u{1b}[31mno\r such\0 user\n",
    ));
    assert_eq!(reading.reports[0].report.diagnostic.as_str(), "550 [31mno such user");
}

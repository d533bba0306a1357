//! Mail as real servers write it, each with what must be read from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::feedback::{Report, ReportKind};
use postrider_mail::bounce::{MessageKind, Reading, is_automatic, read};
use serde::Deserialize;

/// The notification about which every mail of the corpus is.
pub const ID: &str = "ntf_01kb2c3d4e5f6g7h8j9kamnpqr";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    kind: String,
    at: Option<String>,
    #[serde(default = "yes")]
    has_reference: bool,
    reports: Vec<ExpectedReport>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedReport {
    what: String,
    class: Option<String>,
    status: Option<String>,
    recipient: Option<String>,
    words: Option<String>,
    #[serde(default = "dsn")]
    source: String,
}

fn yes() -> bool {
    true
}

fn dsn() -> String {
    "dsn".to_owned()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bounce")
}

/// Every mail of the corpus under its name.
pub fn mails() -> BTreeMap<String, Vec<u8>> {
    let mails: BTreeMap<_, _> = std::fs::read_dir(folder().join("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()))
        .collect();
    assert!(mails.len() >= 50, "the corpus has only {} mails", mails.len());
    mails
}

pub fn mail(name: &str) -> Vec<u8> {
    mails().remove(name).unwrap_or_else(|| panic!("no {name}.eml"))
}

/// The same mail with the line ends of the wire.
pub fn with_crlf(mail: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(mail.len() + mail.len() / 40);
    for byte in mail.iter().filter(|byte| **byte != b'\r') {
        if *byte == b'\n' {
            wire.push(b'\r');
        }
        wire.push(*byte);
    }
    wire
}

fn kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::DeliveryStatus => "delivery_status",
        MessageKind::Bounce => "bounce",
        MessageKind::Complaint => "complaint",
        MessageKind::AutoReply => "auto_reply",
        MessageKind::Other => "other",
    }
}

fn what(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Delivered => "delivered",
        ReportKind::Bounced(_) => "bounced",
        ReportKind::Delayed(_) => "delayed",
        ReportKind::Complained => "complained",
        ReportKind::NotSpam => "not_spam",
        ReportKind::AutoReply => "auto_reply",
        ReportKind::Other => "other",
        other => panic!("no mail says {other:?}"),
    }
}

fn differences(report: &Report, expected: &ExpectedReport) -> Vec<String> {
    let recipient = report.recipient.as_ref().map(EmailAddress::as_str);
    let pairs = [
        ("what", Some(what(report.kind).to_owned()), Some(expected.what.clone())),
        ("class", report.kind.bounce_class().map(|class| class.to_string()), expected.class.clone()),
        ("status", report.status.map(|status| status.to_string()), expected.status.clone()),
        ("recipient", recipient.map(str::to_owned), expected.recipient.clone()),
        ("source", Some(report.source.to_string()), Some(expected.source.clone())),
    ];
    let words = expected
        .words
        .as_ref()
        .map(|words| ("words", Some(report.diagnostic.as_str().to_owned()), Some(words.clone())));
    pairs
        .into_iter()
        .chain(words)
        .filter(|(_, found, wanted)| found != wanted)
        .map(|(name, found, wanted)| format!("{name}: {found:?}, not {wanted:?}"))
        .collect()
}

fn check(reading: &Reading, expected: &Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    if kind_name(reading.kind) != expected.kind {
        wrong.push(format!("{:?}, not {}", reading.kind, expected.kind));
    }
    if reading.reports.len() != expected.reports.len() {
        wrong.push(format!(
            "{} reports, not {}: {:#?}",
            reading.reports.len(),
            expected.reports.len(),
            reading.reports
        ));
    }
    for (found, wanted) in reading.reports.iter().zip(&expected.reports) {
        wrong.extend(differences(&found.report, wanted));
        let reference = found.reference.map(|id| id.to_string());
        if reference.as_deref() != expected.has_reference.then_some(ID) {
            wrong.push(format!("reference {reference:?}"));
        }
        if let Some(at) = &expected.at
            && found.report.occurred_at.map(|at| at.to_string()).as_ref() != Some(at)
        {
            wrong.push(format!("at {:?}, not {at}", found.report.occurred_at));
        }
    }
    wrong
}

#[test]
fn every_mail_says_what_it_says() {
    let expected = std::fs::read_to_string(folder().join("expected.toml")).unwrap();
    let mut expected: BTreeMap<String, Expected> = toml::from_str(&expected).unwrap();
    let mut wrong = Vec::new();
    for (name, mail) in mails() {
        let Some(expected) = expected.remove(&name) else {
            panic!("{name}.eml is missing in expected.toml");
        };
        wrong.extend(check(&read(&mail), &expected).into_iter().map(|text| format!("{name}: {text}")));
    }
    assert!(expected.is_empty(), "no mail for {:?}", expected.keys());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn line_ends_do_not_matter() {
    for (name, mail) in mails() {
        assert_eq!(read(&mail), read(&with_crlf(&mail)), "{name}");
    }
}

#[test]
fn no_bounce_and_no_machine_is_ever_answered() {
    for (name, mail) in mails() {
        let reading = read(&mail);
        let text = String::from_utf8_lossy(&mail).to_lowercase();
        let is_null_sender =
            text.split("\n\n").next().is_some_and(|header| header.contains("return-path: <>"));
        if is_null_sender || reading.kind == MessageKind::AutoReply {
            assert!(is_automatic(&mail), "{name}");
        }
    }
    assert!(!is_automatic(&mail("answer_of_a_person")));
}

#[test]
fn a_mail_tells_to_which_return_path_it_came() {
    let reading = read(&mail("qmail_remote"));
    let path = "b+01kb2c3d4e5f6g7h8j9kamnpqr-0123456789abcdef@bounces.shop.example";
    assert!(reading.addressed_to.iter().any(|address| address == path), "{:?}", reading.addressed_to);
}

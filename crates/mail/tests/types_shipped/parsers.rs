//! Other programs read what we meant.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use mail_parser::MessageParser;
use serde::Deserialize;
use tempfile::TempDir;

use crate::every::{Made, messages};

/// What a parser sees in a message.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Seen {
    pub subject: String,
    pub from: Vec<(String, String)>,
    pub to: Vec<(String, String)>,
    pub language: Option<String>,
    pub message_id: String,
    /// Media type and content of each part, in order.
    pub parts: Vec<(String, String)>,
}

/// What mail-parser sees.
pub fn seen(message: &[u8]) -> Seen {
    let parsed = MessageParser::default().parse(message).unwrap();
    let mailboxes = |address: Option<&mail_parser::Address<'_>>| {
        let all = address.into_iter().flat_map(|address| address.iter());
        all.map(|one| {
            (one.name().unwrap_or_default().to_owned(), one.address().unwrap_or_default().to_owned())
        })
        .collect()
    };
    let language = parsed.header_raw("Content-Language").map(|value| value.trim().to_owned());
    let parts = [("text/plain", parsed.body_text(0)), ("text/html", parsed.body_html(0))];
    Seen {
        subject: parsed.subject().unwrap().to_owned(),
        from: mailboxes(parsed.from()),
        to: mailboxes(parsed.to()),
        language,
        message_id: format!("<{}>", parsed.message_id().unwrap()),
        parts: parts.map(|(kind, body)| (kind.to_owned(), newlines(&body.unwrap()))).into(),
    }
}

/// Line ends of a decoded part, which are CRLF where it was sent as it is and LF where it was encoded.
pub fn newlines(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end_matches('\n').to_owned()
}

/// Python's answer for each file of a directory, by name.
fn python(directory: &TempDir) -> BTreeMap<String, Seen> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/types_shipped/parse.py");
    let output = Command::new("/usr/bin/python3").arg(script).arg(directory.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn check(made: &Made, seen: &Seen) {
    assert_eq!(seen.subject, made.preview.subject, "{}", made.name);
    assert_eq!(
        seen.from,
        [("Example Shop".to_owned(), "orders@shop.example.com".to_owned())],
        "{}",
        made.name
    );
    assert_eq!(seen.to[0].1, made.to.as_str(), "{}", made.name);
    assert_eq!(seen.language.as_deref(), Some(made.locale.as_str()), "{}", made.name);
    assert_eq!(seen.parts[0], ("text/plain".to_owned(), newlines(&made.preview.text)), "{}", made.name);
    assert_eq!(seen.parts[1], ("text/html".to_owned(), newlines(&made.preview.html)), "{}", made.name);
}

#[test]
fn python_and_mail_parser_read_the_same_and_what_was_meant() {
    let directory = TempDir::new().unwrap();
    let messages = messages();
    for made in &messages {
        fs::write(directory.path().join(&made.name), &made.message).unwrap();
    }
    let read = python(&directory);
    assert_eq!(read.len(), messages.len());
    for made in &messages {
        let ours = seen(&made.message);
        check(made, &ours);
        assert_eq!(read[&made.name], ours, "{}", made.name);
    }
}

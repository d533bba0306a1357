//! Files, as a MIME reader finds them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{MessageParser, MimeHeaders as _};
use postrider_core::domain::outcome::Cause;
use postrider_mail::types::{RecomposeError, recompose};
use serde_json::json;

use crate::stage::{Stage, data, notification, stored};

/// Every byte there is, and no end of a line at its end.
fn every_byte() -> Vec<u8> {
    (0..=255u8).chain((0..=255).rev()).collect()
}

const CALENDAR: &str = "BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\nEND:VCALENDAR\n";

#[test]
fn files_of_the_event_arrive_byte_for_byte() {
    let stage = Stage::new("attachments = \"files\"\n");
    let files = json!([
        { "filename": "Rechnung für Zoë 🐎.pdf", "content": STANDARD.encode(every_byte()) },
        { "filename": "pickup.ics", "content": STANDARD.encode(CALENDAR), "contentType": "text/calendar; method=REQUEST" },
        { "filename": "empty.txt", "content": "" },
    ]);
    let message = stage.message(&data(&json!({ "files": files })));
    let parsed = MessageParser::default().parse(&message).unwrap();
    let found: Vec<_> = parsed
        .attachments()
        .map(|part| (part.attachment_name().unwrap().to_owned(), part.contents().to_vec()))
        .collect();
    assert_eq!(found[0], ("Rechnung für Zoë 🐎.pdf".to_owned(), every_byte()));
    assert_eq!(found[1], ("pickup.ics".to_owned(), CALENDAR.as_bytes().to_vec()));
    assert_eq!(found[2], ("empty.txt".to_owned(), Vec::new()));
    let calendar = parsed.attachments().nth(1).unwrap();
    let kind = calendar.content_type().unwrap();
    assert_eq!(
        (kind.ctype(), kind.subtype(), kind.attribute("method")),
        ("text", Some("calendar"), Some("REQUEST"))
    );
    assert_eq!(calendar.content_disposition().unwrap().ctype(), "attachment");
    assert_eq!(parsed.attachments().next().unwrap().content_type().unwrap().subtype(), Some("pdf"));
    assert!(parsed.body_text(0).unwrap().contains("Read this."));
    assert!(
        message.split(|b| *b == b'\n').all(|line| line.len() <= 78),
        "lines stay within their 76 columns"
    );
}

#[test]
fn a_picture_that_the_html_shows_stands_beside_it() {
    let manifest = "[[attachments]]\npath = \"logo.png\"\ncontent_id = \"logo\"\n[[attachments]]\npath = \"terms.pdf\"\n";
    let stage = Stage::new(manifest);
    stage.write("files/logo.png", every_byte());
    stage.write("files/terms.pdf", "%PDF-");
    let message = stage.message(&data(&json!({})));
    let parsed = MessageParser::default().parse(&message).unwrap();
    let kind = |part: &mail_parser::MessagePart<'_>| {
        let kind = part.content_type().unwrap();
        format!("{}/{}", kind.ctype(), kind.subtype().unwrap())
    };
    let kinds: Vec<_> = parsed.parts.iter().map(kind).collect();
    let expected = [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ];
    assert_eq!(kinds, expected);
    let logo = &parsed.parts[5];
    assert_eq!((logo.content_id(), logo.content_disposition().unwrap().ctype()), (Some("logo"), "inline"));
    assert_eq!((logo.attachment_name(), logo.contents()), (Some("logo.png"), &every_byte()[..]));
    assert_eq!(parsed.html_body_count(), 1);
}

#[test]
fn one_file_may_be_named_after_the_order() {
    let manifest = "[[attachments]]\ncontent = \"invoice.pdf\"\nfilename = \"invoice-{{ orderId }}.pdf\"\n\
                    [[attachments]]\npath = \"labels/{{ file }}\"\n";
    let stage = Stage::new(manifest);
    stage.write("files/labels/a.png", "picture");
    let both = data(&json!({ "invoice": { "pdf": STANDARD.encode("%PDF-") }, "file": "a.png" }));
    let message = stage.message(&both);
    let parsed = MessageParser::default().parse(&message).unwrap();
    let names: Vec<_> = parsed.attachments().map(|part| part.attachment_name().unwrap()).collect();
    assert_eq!(names, ["invoice-1042.pdf", "a.png"]);
    let neither = stage.message(&data(&json!({})));
    assert_eq!(MessageParser::default().parse(&neither).unwrap().attachment_count(), 0);
}

#[test]
fn a_long_name_is_cut_into_pieces_that_are_put_together_again() {
    let stage = Stage::new("attachments = \"files\"\n");
    for name in [format!("{}.pdf", "ü".repeat(90)), format!("{}.pdf", "a b\"%\u{27}".repeat(30))] {
        let message = stage.message(&data(&json!({ "files": [{ "filename": name, "content": "AA" }] })));
        let parsed = MessageParser::default().parse(&message).unwrap();
        assert_eq!(parsed.attachment(0).unwrap().attachment_name(), Some(name.as_str()));
    }
}

#[test]
fn a_message_with_another_file_than_it_was_sent_with_is_not_shown() {
    let stage = Stage::new("[[attachments]]\npath = \"terms.pdf\"\n");
    stage.write("files/terms.pdf", "first");
    let data = data(&json!({}));
    let sent = stage.compose(&data).unwrap();
    let types = stage.types();
    let bundle = types.renditions().remove(0).1;
    let again =
        || recompose(&bundle, &notification(&types, &data), &stored(&data), &sent.copy, types.resources());
    assert_eq!(again(), Ok(sent.message.clone()));
    stage.write("files/terms.pdf", "other");
    assert_eq!(again(), Err(RecomposeError::Differs));
    std::fs::remove_file(stage.path("files/terms.pdf")).unwrap();
    assert!(matches!(again(), Err(RecomposeError::Render(_))));
}

#[test]
fn a_file_that_is_not_there_fails_its_message_and_no_other() {
    let stage = Stage::new("attachments = \"files\"\n");
    let missing = data(&json!({ "files": [{ "path": "invoices/1.pdf" }] }));
    let failure = stage.compose(&missing).unwrap_err();
    assert_eq!(failure.cause, Cause::known("attachment_missing"));
    assert!(!failure.words.as_str().contains("invoices"), "names of files are the event's: {failure:?}");
    assert!(stage.compose(&data(&json!({}))).is_ok());
    stage.write("files/invoices/1.pdf", "%PDF-");
    assert!(stage.compose(&missing).is_ok());
}

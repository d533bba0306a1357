use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::domain::address::EmailAddress;
use postrider_mail::mime::header::{one_line, push_mailbox, push_unstructured};
use proptest::prelude::*;

fn subject(text: &str) -> String {
    let mut out = Vec::new();
    push_unstructured(&mut out, "Subject", text);
    String::from_utf8(out).unwrap()
}

fn to(name: &str) -> String {
    let mut out = Vec::new();
    push_mailbox(&mut out, "To", Some(name), &EmailAddress::parse("ada@example.com").unwrap());
    String::from_utf8(out).unwrap()
}

/// Reads a field as RFC 5322 §2.2.3 and RFC 2047 §6 say a reader must.
fn decoded(field: &str) -> String {
    let unfolded = field.strip_suffix("\r\n").unwrap().replace("\r\n", "");
    let value = unfolded.split_once(": ").unwrap().1.to_owned();
    if !value.starts_with("=?utf-8?B?") {
        return value;
    }
    let bytes: Vec<u8> = value
        .split(' ')
        .flat_map(|word| {
            let inner = word.strip_prefix("=?utf-8?B?").and_then(|word| word.strip_suffix("?=")).unwrap();
            let bytes = STANDARD.decode(inner).unwrap();
            assert!(std::str::from_utf8(&bytes).is_ok(), "each word holds whole characters");
            bytes
        })
        .collect();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn plain_text_stays_readable_and_other_text_is_encoded() {
    assert_eq!(subject("Your order 1042"), "Subject: Your order 1042\r\n");
    assert_eq!(subject("Größe"), "Subject: =?utf-8?B?R3LDtsOfZQ==?=\r\n");
    assert!(subject("=?utf-8?B?aGk=?=").starts_with("Subject: =?utf-8?B?PT91"));
}

#[test]
fn control_characters_become_one_space() {
    assert_eq!(one_line("a\r\nBcc: b\u{0}\t c\u{2028}d "), "a Bcc: b c d");
    assert_eq!(subject("a\r\n\r\n<html>"), "Subject: a <html>\r\n");
}

#[test]
fn endless_text_is_cut() {
    let cut = one_line(&"word ".repeat(1000));
    assert!(cut.chars().count() <= 255 && cut.ends_with('…'));
    assert_eq!(one_line(&"é".repeat(300)).chars().count(), 255);
}

#[test]
fn names_are_atoms_quoted_or_encoded() {
    assert_eq!(to("Ada Lovelace"), "To: Ada Lovelace <ada@example.com>\r\n");
    assert_eq!(to("Lovelace, Ada"), "To: \"Lovelace, Ada\" <ada@example.com>\r\n");
    assert_eq!(to("a\"b\\c"), "To: \"a\\\"b\\\\c\" <ada@example.com>\r\n");
    assert_eq!(to("eve@example.org"), "To: \"eve@example.org\" <ada@example.com>\r\n");
    assert_eq!(to("Ada\r\nBcc: x@y.example"), "To: \"Ada Bcc: x@y.example\" <ada@example.com>\r\n");
    assert_eq!(to("  \r\n "), "To: ada@example.com\r\n");
    assert!(to("نور").starts_with("To: =?utf-8?B?"));
}

proptest! {
    #[test]
    fn any_subject_is_one_field_of_short_ascii_lines_that_reads_back(text in "\\PC{0,120}|[a-z ]{0,250}|.{0,80}") {
        let field = subject(&text);
        prop_assert!(field.is_ascii());
        let body = field.strip_suffix("\r\n").unwrap();
        for (index, line) in body.split("\r\n").enumerate() {
            prop_assert!(line.len() <= 76, "{line:?}");
            prop_assert!(!line.contains(['\r', '\n']));
            prop_assert!(index == 0 || (line.starts_with(' ') && !line.trim().is_empty()), "{field:?}");
        }
        prop_assert_eq!(decoded(&field), one_line(&text));
    }
}

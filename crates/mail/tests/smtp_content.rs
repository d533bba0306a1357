//! Dot-stuffing and canonical line ends.

use postrider_mail::mailers::smtp::content::encode;
use postrider_testkit::smtp_server::undo_dot_stuffing;
use proptest::prelude::*;

fn encoded(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    encode(message, &mut wire);
    wire
}

/// Canonical line ends the slow and obvious way.
fn canonical(message: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(message.len());
    let mut bytes = message.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                lines.extend(b"\r\n");
            }
            b'\n' => lines.extend(b"\r\n"),
            _ => lines.push(byte),
        }
    }
    if !lines.is_empty() && !lines.ends_with(b"\r\n") {
        lines.extend(b"\r\n");
    }
    lines
}

#[test]
fn a_canonical_message_only_gets_its_final_dot() {
    assert_eq!(encoded(b"a\r\n\r\nb\r\n"), b"a\r\n\r\nb\r\n.\r\n");
}

#[test]
fn every_leading_dot_is_doubled() {
    assert_eq!(encoded(b".\r\n..\r\na.\r\n.b"), b"..\r\n...\r\na.\r\n..b\r\n.\r\n");
}

#[test]
fn bare_line_ends_become_crlf() {
    assert_eq!(encoded(b"a\nb\rc\r\n\n\r.d\n\r"), b"a\r\nb\r\nc\r\n\r\n\r\n..d\r\n\r\n.\r\n");
}

#[test]
fn facts_count_octets_before_stuffing() {
    let mut wire = b"kept".to_vec();
    let facts = encode("..ä\n".as_bytes(), &mut wire);
    assert_eq!(wire, "kept...ä\r\n.\r\n".as_bytes());
    assert_eq!((facts.size, facts.has_8bit), (6, true));
    assert!(!encode(b"a", &mut wire).has_8bit);
}

/// Mostly what makes a difference.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(b'\r'), 3 => Just(b'\n'), 3 => Just(b'.'), 1 => any::<u8>()];
    proptest::collection::vec(byte, 0..200)
}

proptest! {
    #[test]
    fn a_server_undoes_what_was_done(message in any_message()) {
        let wire = encoded(&message);
        let content = wire.strip_suffix(b".\r\n").unwrap();
        prop_assert_eq!(undo_dot_stuffing(content), canonical(&message));
    }

    #[test]
    fn the_message_ends_once_and_at_the_end(message in any_message()) {
        let wire = [b"\r\n", encoded(&message).as_slice()].concat();
        let ends = wire.windows(5).filter(|window| *window == b"\r\n.\r\n").count();
        prop_assert_eq!(ends, 1);
        prop_assert!(wire.ends_with(b"\r\n.\r\n"));
    }

    #[test]
    fn no_line_end_is_bare(message in any_message()) {
        let wire = encoded(&message);
        let crlf = wire.windows(2).filter(|pair| *pair == b"\r\n").count();
        let returns = wire.iter().filter(|byte| **byte == b'\r').count();
        let feeds = wire.iter().filter(|byte| **byte == b'\n').count();
        prop_assert_eq!((returns, feeds), (crlf, crlf));
    }

    #[test]
    fn the_declared_size_is_the_canonical_size(message in any_message()) {
        let facts = encode(&message, &mut Vec::new());
        prop_assert_eq!(facts.size, canonical(&message).len());
    }
}

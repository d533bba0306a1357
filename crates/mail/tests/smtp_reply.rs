//! The parser of SMTP replies.

use postrider_core::limits::{SMTP_REPLY_BYTES_MAX, SMTP_REPLY_LINES_MAX};
use postrider_mail::mailers::smtp::capabilities::Capabilities;
use postrider_mail::mailers::smtp::reply::{EnhancedCode, InvalidReply, parse};
use proptest::prelude::*;

#[test]
fn a_reply_ends_with_the_line_that_has_no_hyphen() {
    let bytes = b"250-first\r\n250-second\r\n250 third\r\n354 next\r\n";
    let (reply, length) = parse(bytes).unwrap().unwrap();
    assert_eq!(reply.code, 250);
    assert_eq!(reply.lines().collect::<Vec<_>>(), [&b"first"[..], b"second", b"third"]);
    let (next, _) = parse(&bytes[length..]).unwrap().unwrap();
    assert_eq!(next.code, 354);
}

#[test]
fn enhanced_codes_are_read_from_the_first_line() {
    let code = |line: &str| parse(line.as_bytes()).unwrap().unwrap().0.enhanced;
    assert_eq!(code("550 5.1.1 No\r\n"), Some(EnhancedCode { class: 5, subject: 1, detail: 1 }));
    assert_eq!(code("550 5.7.509\r\n"), Some(EnhancedCode { class: 5, subject: 7, detail: 509 }));
    for line in
        ["550 No\r\n", "550 5.1\r\n", "550 5.1.1.1 x\r\n", "550 4.1.1 x\r\n", "550 5.1.1000 x\r\n", "250\r\n"]
    {
        assert_eq!(code(line), None, "{line}");
    }
}

#[test]
fn what_is_not_smtp_is_refused_at_its_first_line() {
    for line in ["HTTP/1.1 200 OK\r\n", "\r\n", "25\r\n", "199 x\r\n", "600 x\r\n", "250_x\r\n", "2500 x\r\n"]
    {
        assert_eq!(parse(line.as_bytes()), Err(InvalidReply::Malformed), "{line}");
    }
    assert_eq!(parse(b"250-a\r\n251 b\r\n"), Err(InvalidReply::Malformed));
}

#[test]
fn lines_may_end_in_a_bare_line_feed() {
    assert_eq!(parse(b"250-a\n250 b\n").unwrap().unwrap().0.words().as_str(), "250 a b");
}

#[test]
fn a_reply_is_bounded_in_lines_and_bytes() {
    let lines = "250-x\r\n".repeat(SMTP_REPLY_LINES_MAX);
    assert_eq!(parse(lines.as_bytes()), Err(InvalidReply::TooLong));
    let lines = format!("{}250 x\r\n", "250-x\r\n".repeat(SMTP_REPLY_LINES_MAX - 1));
    assert!(parse(lines.as_bytes()).unwrap().is_some());
    assert_eq!(parse(&vec![b'2'; SMTP_REPLY_BYTES_MAX]), Ok(None));
    assert_eq!(parse(&vec![b'2'; SMTP_REPLY_BYTES_MAX + 1]), Err(InvalidReply::TooLong));
}

#[test]
fn capabilities_are_read_whatever_their_case() {
    let bytes =
        b"250-host\r\n250-pipelining\r\n250-Size 1000\r\n250-AUTH=LOGIN\r\n250-AUTH PLAIN\r\n250 X\r\n";
    let (reply, _) = parse(bytes).unwrap().unwrap();
    let capabilities = Capabilities::from_ehlo(&reply);
    let expected = Capabilities {
        pipelining: true,
        size: Some(Some(1_000)),
        auth_login: true,
        auth_plain: true,
        ..Capabilities::default()
    };
    assert_eq!(capabilities, expected);
}

/// A reply as a server may write it.
fn any_reply() -> impl Strategy<Value = (u16, Vec<String>)> {
    (200..600_u16, proptest::collection::vec("[ -~]{0,70}", 1..20))
}

fn write(code: u16, lines: &[String]) -> Vec<u8> {
    let last = lines.len() - 1;
    let line = |(index, text): (usize, &String)| {
        format!("{code}{}{text}\r\n", if index == last { ' ' } else { '-' })
    };
    lines.iter().enumerate().map(line).collect::<String>().into_bytes()
}

proptest! {
    #[test]
    fn what_was_written_is_read((code, lines) in any_reply(), rest in any::<Vec<u8>>()) {
        let mut bytes = write(code, &lines);
        let length = bytes.len();
        bytes.extend(rest);
        let (reply, read) = parse(&bytes).unwrap().unwrap();
        prop_assert_eq!(read, length);
        prop_assert_eq!(reply.code, code);
        let texts: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        prop_assert_eq!(reply.lines().collect::<Vec<_>>(), texts);
    }

    #[test]
    fn a_reply_that_is_not_whole_asks_for_more((code, lines) in any_reply(), cut in any::<prop::sample::Index>()) {
        let bytes = write(code, &lines);
        prop_assert_eq!(parse(&bytes[..cut.index(bytes.len())]), Ok(None));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        if let Ok(Some((reply, length))) = parse(&bytes) {
            prop_assert!(length <= bytes.len() && (200..600).contains(&reply.code));
            prop_assert!(!reply.words().as_str().is_empty());
        }
    }
}

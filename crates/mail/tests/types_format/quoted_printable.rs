use postrider_mail::mime::quoted_printable::{is_plain, push_encoded, push_plain};
use proptest::prelude::*;

fn encoded(text: &str) -> String {
    let mut out = Vec::new();
    push_encoded(&mut out, text);
    String::from_utf8(out).unwrap()
}

/// RFC 2045 §6.7, read back.
fn decoded(encoded: &str) -> Vec<u8> {
    let joined = encoded.replace("=\r\n", "");
    let mut out = Vec::new();
    let mut bytes = joined.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'=' {
            out.push(byte);
            continue;
        }
        let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
        assert!(digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F')));
        out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
    }
    out
}

#[test]
fn what_needs_no_encoding_is_left_alone() {
    assert_eq!(encoded("Hello, \"world\"!\nBye"), "Hello, \"world\"!\r\nBye");
    assert_eq!(encoded("1 = 1 \n\ttab\t\n"), "1 =3D 1=20\r\n\ttab=09\r\n");
    assert_eq!(encoded("é\r\n\rx"), "=C3=A9\r\n=0Dx");
}

#[test]
fn text_that_a_relay_could_alter_is_not_plain() {
    assert!(is_plain("short\nlines\r\n"));
    for text in ["é", "trailing \n", "From here\n", "a\rb", "nul\0"] {
        assert!(!is_plain(text), "{text:?}");
    }
    assert!(!is_plain(&"x".repeat(77)));
    let mut out = Vec::new();
    push_plain(&mut out, "a\nb\r\nc");
    assert_eq!(out, b"a\r\nb\r\nc");
}

proptest! {
    #[test]
    fn any_text_travels_in_short_ascii_lines_and_comes_back(text in "(?s).{0,300}|[a-z =\n\t\r]{0,400}|[é ]{0,200}") {
        let encoded = encoded(&text);
        prop_assert!(encoded.is_ascii());
        for line in encoded.split("\r\n") {
            prop_assert!(line.len() <= 76, "{line:?}");
            prop_assert!(!line.ends_with([' ', '\t']), "{line:?}");
            prop_assert!(!line.contains(['\r', '\n']));
        }
        let expected = text.replace("\r\n", "\n").replace('\n', "\r\n");
        prop_assert_eq!(decoded(&encoded), expected.into_bytes());
    }
}

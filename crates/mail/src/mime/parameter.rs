//! Parameters of structured fields, such as the name of an attached file (RFC 2045 §5.1, RFC 2231).

/// Characters of one parameter's value on its line, so that the line keeps to 76 columns.
const VALUE_COLUMNS: usize = 54;

/// Appends `; name=value` on a line of its own, or as many as it takes: quoted where that can be read by everybody, else
/// percent-encoded UTF-8, in numbered pieces where it is long.
pub(super) fn push_parameter(out: &mut Vec<u8>, name: &str, value: &str) {
    let is_quotable = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\' | b'%');
    if value.len() <= VALUE_COLUMNS && value.bytes().all(is_quotable) {
        out.extend_from_slice(format!(";\r\n {name}=\"{value}\"").as_bytes());
        return;
    }
    let pieces = pieces(value);
    for (n, piece) in pieces.iter().enumerate() {
        let number = if pieces.len() > 1 { format!("*{n}") } else { String::new() };
        let charset = if n == 0 { "utf-8''" } else { "" };
        out.extend_from_slice(format!(";\r\n {name}{number}*={charset}{piece}").as_bytes());
    }
}

/// `value` percent-encoded, cut between characters.
fn pieces(value: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in value.chars() {
        let mut encoded = String::new();
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        match pieces.last_mut() {
            Some(last) if last.len() + encoded.len() <= VALUE_COLUMNS => last.push_str(&encoded),
            _ => pieces.push(encoded),
        }
    }
    pieces
}

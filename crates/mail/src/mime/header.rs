//! Header fields: folded, encoded where they must be, impossible to break out of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::domain::address::EmailAddress;
use postrider_core::limits::HEADER_TEXT_CHARS_MAX;

/// Columns a header line should keep to (RFC 5322 §2.1.1).
const COLUMNS: usize = 76;
/// Bytes of text in one encoded word, in whole base64 groups: the word and `Reply-To: ` before it fit the 76 columns
/// that RFC 2047 §2 allows a line with an encoded word.
const ENCODED_WORD_BYTES: usize = 39;

/// Text fit for a header: control characters and line separators folded to one space, trimmed, bounded.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut chars_left = HEADER_TEXT_CHARS_MAX;
    let separates = |c: char| c.is_control() || c == ' ' || matches!(c, '\u{2028}' | '\u{2029}');
    for word in text.split(separates).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
            chars_left = chars_left.saturating_sub(1);
        }
        let width = word.chars().count();
        if width > chars_left {
            line.extend(word.chars().take(chars_left.saturating_sub(1)));
            line.truncate(line.trim_end().len());
            line.push('…');
            return line;
        }
        line.push_str(word);
        chars_left -= width;
    }
    line
}

/// Appends a field whose value is structured and already safe, folding before words that do not fit.
pub fn push_structured(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    push_folded(out, name.len() + 1, value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a field of free text such as `Subject` (RFC 5322 §2.2.1), encoded as in RFC 2047 where it is not ASCII.
pub fn push_unstructured(out: &mut Vec<u8>, name: &str, text: &str) {
    let text = one_line(text);
    if is_plain(&text) {
        push_structured(out, name, &text);
    } else {
        push_structured(out, name, &encoded_words(&text));
    }
}

/// Appends a field that holds one mailbox: `Name <local@domain>`, or the bare address without a name.
pub fn push_mailbox(out: &mut Vec<u8>, field: &str, name: Option<&str>, address: &EmailAddress) {
    let address = address.as_str();
    let value = match name.map(one_line).filter(|name| !name.is_empty()) {
        Some(name) => format!("{} <{address}>", phrase(&name)),
        None => address.to_owned(),
    };
    push_structured(out, field, &value);
}

/// A display name as a phrase (RFC 5322 §3.2.5): atoms, else a quoted string, else encoded words.
fn phrase(name: &str) -> String {
    if !is_plain(name) {
        return encoded_words(name);
    }
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~ ".contains(c);
    if name.chars().all(is_atom) {
        return name.to_owned();
    }
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Whether text can stand in a header as it is: printable ASCII, no word that a reader would take for an encoded one,
/// no word too long for a line.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~'))
        && !text.contains("=?")
        && text.split(' ').all(|word| word.len() < COLUMNS - 16)
}

/// RFC 2047 encoded words in base64, each a whole number of characters, separated by single spaces, which a reader
/// drops again.
fn encoded_words(text: &str) -> String {
    let mut words = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(ENCODED_WORD_BYTES);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str("=?utf-8?B?");
        STANDARD.encode_string(&rest[..end], &mut words);
        words.push_str("?=");
        rest = &rest[end..];
    }
    words
}

/// Appends `value` behind a field name that took `column` columns. Folding replaces nothing: the space stays, so that
/// unfolding gives the value back.
fn push_folded(out: &mut Vec<u8>, mut column: usize, value: &str) {
    let mut is_first = true;
    for word in value.split(' ') {
        let too_long = column + 1 + word.len() > COLUMNS;
        // A line must not consist of white space alone, and a short first word belongs beside the field's name.
        if too_long && !word.is_empty() && (!is_first || column + 1 + word.len() > 998) {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
        column += 1 + word.len();
        is_first = false;
    }
}

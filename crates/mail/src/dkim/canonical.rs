//! The relaxed canonical forms of RFC 6376 §3.4.2 and §3.4.4.

use std::ops::Range;

/// A message cut into its header fields and its body.
pub(crate) struct Cut<'a> {
    /// Each field's bytes, its folded lines included, in order.
    pub(crate) fields: Vec<&'a [u8]>,
    /// Everything after the empty line.
    pub(crate) body: &'a [u8],
}

/// Cuts a message with CRLF line ends.
pub(crate) fn cut(message: &[u8]) -> Cut<'_> {
    let mut fields: Vec<Range<usize>> = Vec::with_capacity(16);
    let mut at = 0;
    while at < message.len() {
        let end = line_end(message, at);
        if &message[at..end] == b"\r\n" {
            at = end;
            break;
        }
        match fields.last_mut() {
            Some(field) if matches!(message[at], b' ' | b'\t') => field.end = end,
            _ => fields.push(at..end),
        }
        at = end;
    }
    Cut { fields: fields.into_iter().map(|range| &message[range]).collect(), body: &message[at..] }
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| from + at + 1)
}

/// The name of a field as it stands, without white space before the colon.
pub(crate) fn field_name(field: &[u8]) -> &[u8] {
    let colon = field.iter().position(|b| *b == b':').unwrap_or(field.len());
    field[..colon].trim_ascii_end()
}

/// Appends a field in relaxed form: lower-case name, unfolded, runs of white space as one space, ended by CRLF.
pub(crate) fn push_field(out: &mut Vec<u8>, field: &[u8]) {
    let name = field_name(field);
    out.extend(name.iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let colon = field.iter().position(|b| *b == b':').unwrap_or(field.len());
    let value = field.get(colon + 1..).unwrap_or(b"");
    let words = value.split(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
    out.extend_from_slice(b"\r\n");
}

/// A body in relaxed form: no white space at line ends, runs of it as one space, no empty lines at the end.
pub(crate) fn body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_end();
        let mut after_space = false;
        for byte in line {
            let is_space = matches!(byte, b' ' | b'\t');
            if is_space && !after_space {
                out.push(b' ');
            } else if !is_space {
                out.push(*byte);
            }
            after_space = is_space;
        }
        out.extend_from_slice(b"\r\n");
    }
    while out.ends_with(b"\r\n\r\n") {
        out.truncate(out.len() - 2);
    }
    if out == b"\r\n" {
        out.clear();
    }
    out
}

//! Bodies as text: transfer encodings, charsets, HTML. Whatever is broken is read as far as it goes.

use super::entity::{Entity, Media, in_charset};

/// The body with its `Content-Transfer-Encoding` undone, at most `limit` bytes. Compression is none of them.
pub(super) fn transfer_decoded(entity: &Entity<'_>, limit: usize) -> Vec<u8> {
    let encoding = entity.field("content-transfer-encoding").unwrap_or_default().trim();
    if encoding.eq_ignore_ascii_case("base64") {
        base64(entity.body, limit)
    } else if encoding.eq_ignore_ascii_case("quoted-printable") {
        quoted_printable(entity.body, limit)
    } else {
        entity.body[..entity.body.len().min(limit)].to_vec()
    }
}

/// A decoded body as text.
pub(super) fn readable(bytes: &[u8], media: &Media) -> String {
    let text = in_charset(bytes, media.parameter("charset"));
    if media.name == "text/html" { without_markup(&text) } else { text }
}

/// RFC 4648 base 64; what is not of its alphabet is passed over (RFC 2045 §6.8).
fn base64(encoded: &[u8], limit: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(limit.min(encoded.len() / 4 * 3 + 3));
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in encoded {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                // What was encoded in pieces goes on behind the padding.
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = (bits << 6) | u32::from(digit);
        count += 6;
        if count >= 8 {
            if bytes.len() >= limit {
                break;
            }
            count -= 8;
            bytes.push(((bits >> count) & 0xff) as u8);
        }
    }
    bytes
}

/// RFC 2045 §6.7; what is not encoded as it says stays as it is.
fn quoted_printable(encoded: &[u8], limit: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(limit.min(encoded.len()));
    let mut rest = encoded;
    while let [first, after @ ..] = rest
        && bytes.len() < limit
    {
        rest = after;
        match (first, after) {
            (b'=', [b'\n', next @ ..] | [b'\r', b'\n', next @ ..]) => rest = next,
            (b'=', [high, low, next @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push((hex(*high) << 4) | hex(*low));
                rest = next;
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).saturating_sub(b'a') + 10,
    }
}

/// Elements that end a line.
const LINE_ENDS: [&str; 12] = ["br", "p", "/p", "div", "/div", "tr", "/tr", "li", "/td", "h1", "h2", "pre"];

/// The text of an HTML body, one line to each line people see. Good enough to find words and addresses in.
fn without_markup(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        push_characters(&mut text, &rest[..open]);
        let tag = &rest[open + 1..];
        // A mail address in brackets that nobody escaped.
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        if !is_tag {
            text.push('<');
            rest = tag;
            continue;
        }
        // Without an end here there is none further on either: looking again at every `<` would take too long.
        let Some(close) = tag.find('>') else { return text };
        if tag[..close].contains('@') && !tag[..close].contains('=') {
            text.push_str(&rest[open..open + close + 2]);
            rest = &tag[close + 1..];
            continue;
        }
        let name =
            tag[..close].split([' ', '\t', '\r', '\n']).next().unwrap_or_default().to_ascii_lowercase();
        rest = &tag[close + 1..];
        if LINE_ENDS.contains(&name.trim_end_matches('/')) || name == "br/" {
            text.push('\n');
        }
        for hidden in ["style", "script", "head", "title"] {
            if name == hidden {
                rest = after_element(rest, hidden);
            }
        }
    }
    push_characters(&mut text, rest);
    text
}

/// What follows the end tag of an element, or nothing.
fn after_element<'a>(rest: &'a str, name: &str) -> &'a str {
    let mut from = rest;
    while let Some(at) = from.find("</") {
        from = &from[at + 2..];
        if from.as_bytes().get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        {
            return from.find('>').map_or("", |close| &from[close + 1..]);
        }
    }
    ""
}

/// Appends text in which white space is one space and the usual character references are characters.
fn push_characters(text: &mut String, escaped: &str) {
    let mut rest = escaped;
    while let Some(at) = rest.find('&') {
        push_spaced(text, &rest[..at]);
        let after = &rest[at + 1..];
        let end = after.bytes().take(10).position(|byte| byte == b';');
        match end.and_then(|end| Some((character(&after[..end])?, end))) {
            Some((c, end)) => {
                text.push(c);
                rest = &after[end + 1..];
            }
            None => {
                text.push('&');
                rest = after;
            }
        }
    }
    push_spaced(text, rest);
}

fn push_spaced(text: &mut String, words: &str) {
    for c in words.chars() {
        if !c.is_whitespace() {
            text.push(c);
        } else if !text.ends_with([' ', '\n']) {
            text.push(' ');
        }
    }
}

fn character(reference: &str) -> Option<char> {
    match reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" | "rsquo" | "lsquo" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

//! One MIME entity: header fields and a body, cut apart leniently and within bounds.

use std::borrow::Cow;

use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::parsers::MessageStream;
use postrider_core::limits::{MIME_FIELD_BYTES_MAX, MIME_FIELDS_MAX, MIME_HEADER_BYTES_MAX};

/// A header field, unfolded.
#[derive(Debug)]
pub(super) struct Field {
    /// In lower case.
    pub name: String,
    pub value: String,
}

/// A header and what follows it.
#[derive(Debug)]
pub(super) struct Entity<'a> {
    pub fields: Vec<Field>,
    pub body: &'a [u8],
}

impl<'a> Entity<'a> {
    /// Cuts at the first empty line. Lines may end in CRLF or LF; the line with which mailbox files begin a message is
    /// passed over.
    pub fn read(bytes: &'a [u8]) -> Self {
        let bytes = match bytes.starts_with(b"From ") {
            true => lines(bytes).nth(1).map_or(&[][..], |line| &bytes[line.start..]),
            false => bytes,
        };
        let (header, body) = match lines(bytes).find(|line| line.text.is_empty()) {
            Some(empty) => (&bytes[..empty.start], &bytes[empty.end..]),
            None => (bytes, &[][..]),
        };
        Self { fields: fields(header), body }
    }

    /// The first field of this name, which is given in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// Every field of this name.
    pub fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        self.fields.iter().filter(move |field| field.name == name).map(|field| field.value.as_str())
    }

    /// A field of free text, its encoded words decoded (RFC 2047).
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.field(name).map(decoded)
    }

    /// What kind of body it is; plain text where nobody says.
    pub fn media(&self) -> Media {
        Media::read(self.field("content-type").unwrap_or_default())
    }
}

/// A `Content-Type` (RFC 2045 §5).
#[derive(Debug)]
pub(super) struct Media {
    /// `text/plain`, in lower case.
    pub name: String,
    parameters: Vec<(String, String)>,
}

impl Media {
    fn read(value: &str) -> Self {
        let (name, mut rest) = value.split_once(';').unwrap_or((value, ""));
        let name = name.trim().to_ascii_lowercase();
        let name = if name.contains('/') { name } else { "text/plain".to_owned() };
        let mut parameters = Vec::new();
        while let Some((key, after)) = rest.split_once('=') {
            let (value, next) = parameter_value(after.trim_start());
            parameters.push((key.trim_matches([' ', '\t', ';']).to_ascii_lowercase(), value));
            rest = next;
        }
        Self { name, parameters }
    }

    /// The value of a parameter, whose name is given in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A parameter's value and what follows it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

/// The fields of a header block: unfolded, in order, as many and as much of them as the limits allow.
pub(super) fn fields(header: &[u8]) -> Vec<Field> {
    let header = &header[..header.len().min(MIME_HEADER_BYTES_MAX)];
    let mut fields: Vec<Field> = Vec::new();
    for line in lines(header) {
        let text = characters(line.text);
        if matches!(line.text.first(), Some(b' ' | b'\t')) {
            if let Some(field) = fields.last_mut() {
                push_bounded(&mut field.value, &text);
            }
        } else if let Some((name, value)) = text.split_once(':') {
            if fields.len() == MIME_FIELDS_MAX {
                break;
            }
            let mut field = Field { name: name.trim().to_ascii_lowercase(), value: String::new() };
            push_bounded(&mut field.value, value);
            fields.push(field);
        }
    }
    fields
}

fn push_bounded(value: &mut String, text: &str) {
    let text = text.trim();
    let room = MIME_FIELD_BYTES_MAX.saturating_sub(value.len() + 1);
    if text.is_empty() || room == 0 {
        return;
    }
    if !value.is_empty() {
        value.push(' ');
    }
    value.push_str(start_of(text, room));
}

/// The first `bytes` of a text, or less: never half a character.
pub(super) fn start_of(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Bytes as text: UTF-8, and Latin-1 where they are not.
pub(super) fn characters(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

/// Bytes in a charset of which only the name is known. An unknown one is taken for UTF-8.
pub(super) fn in_charset(bytes: &[u8], charset: Option<&str>) -> String {
    let charset = charset.unwrap_or("utf-8").trim();
    match charset_decoder(charset.as_bytes()) {
        Some(decode) if !is_utf8(charset) => decode(bytes),
        _ => characters(bytes).into_owned(),
    }
}

fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii", "ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}

/// A header value with its encoded words decoded.
pub(super) fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains("=?") {
        return Cow::Borrowed(value);
    }
    let line = format!("{value}\n");
    match MessageStream::new(line.as_bytes()).parse_unstructured().into_text() {
        Some(text) => Cow::Owned(text.into_owned()),
        None => Cow::Borrowed(value),
    }
}

/// One line: where it begins, where the next one does, and its text without the line end.
pub(super) struct Line<'a> {
    pub start: usize,
    pub end: usize,
    pub text: &'a [u8],
}

/// The lines of `bytes`, ended by CRLF or LF.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let (length, end) = match memchr::memchr(b'\n', rest) {
            Some(at) => (at, start + at + 1),
            None => (rest.len(), bytes.len()),
        };
        let text = &rest[..length];
        let line = Line { start, end, text: text.strip_suffix(b"\r").unwrap_or(text) };
        start = end;
        Some(line)
    })
}

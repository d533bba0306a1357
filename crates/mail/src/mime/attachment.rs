//! Files that travel with a message (RFC 2183), and pictures its HTML body shows (RFC 2392).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::limits::{ATTACHMENT_NAME_CHARS_MAX, ATTACHMENT_TYPE_BYTES_MAX};

use super::header::push_structured;
use super::parameter::push_parameter;

/// Bytes that make one line of 76 base64 characters (RFC 2045 §6.8).
const LINE_BYTES: usize = 57;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The name it is saved under.
    pub filename: String,
    /// Its media type, such as `application/pdf` or `text/calendar; method=REQUEST`.
    pub content_type: String,
    /// Where the HTML body refers to it as `cid:…`, that name. Without one it is an attachment, with one it is shown.
    pub content_id: Option<String>,
    /// Its bytes, which arrive as they are.
    pub content: Vec<u8>,
}

/// Whether a file may have this name.
///
/// # Errors
/// A phrase that follows the field's name.
pub fn check_filename(name: &str) -> Result<(), String> {
    if name.is_empty() || name.chars().count() > ATTACHMENT_NAME_CHARS_MAX {
        return Err(format!("must have 1 to {ATTACHMENT_NAME_CHARS_MAX} characters"));
    }
    let is_refused = |c: char| {
        c.is_control() || matches!(c, '/' | '\\' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}')
    };
    if name.contains(is_refused) {
        // Characters that turn the direction of writing make `gpj.exe` look like `exe.jpg`.
        return Err("must not contain slashes, control characters or changes of direction".to_owned());
    }
    if name.trim_matches('.').is_empty() {
        return Err("must not consist of dots".to_owned());
    }
    Ok(())
}

/// Whether this is a media type that a file may have.
///
/// # Errors
/// A phrase that follows the field's name.
pub fn check_content_type(text: &str) -> Result<(), String> {
    let is_token = |token: &str| {
        !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let printable = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let named = essence.trim_end().split_once('/').filter(|(kind, sub)| is_token(kind) && is_token(sub));
    let is_parameter = |parameter: &str| {
        let value = parameter
            .split_once('=')
            .filter(|(name, _)| is_token(name.trim()))
            .map(|(_, value)| value.trim());
        value.is_some_and(|value| {
            let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            inside.map_or_else(|| is_token(value), |inside| !inside.contains(['"', '\\']))
        })
    };
    let well_formed = parameters.is_empty() || parameters.split(';').all(is_parameter);
    let Some((kind, _)) =
        named.filter(|_| printable && well_formed && text.len() <= ATTACHMENT_TYPE_BYTES_MAX)
    else {
        return Err("must be a media type such as application/pdf".to_owned());
    };
    // Base64 is forbidden for both (RFC 2046 §5.2.1, RFC 2045 §6.4).
    if ["multipart", "message"].iter().any(|refused| kind.eq_ignore_ascii_case(refused)) {
        return Err("must not be multipart/* or message/*; give the file application/octet-stream".to_owned());
    }
    Ok(())
}

/// Whether the HTML body can refer to a file as `cid:` and this.
///
/// # Errors
/// A phrase that follows the field's name.
pub fn check_content_id(text: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@+".contains(&b);
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(());
    }
    Err("must have 1 to 64 letters, digits or . _ - @ +".to_owned())
}

/// The media type that a file's name suggests.
#[must_use]
pub fn content_type_of(filename: &str) -> &'static str {
    let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref().unwrap_or_default() {
        "pdf" => "application/pdf",
        "ics" => "text/calendar; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "html" | "htm" => "text/html; charset=utf-8",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "xml" => "application/xml",
        "zip" => "application/zip",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pkpass" => "application/vnd.apple.pkpass",
        _ => "application/octet-stream",
    }
}

/// Appends `file` as a part behind `boundary`, with the line end that belongs to the next boundary.
pub(super) fn push_attachment(out: &mut Vec<u8>, boundary: &str, file: &Attachment) {
    out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
    push_structured(out, "Content-Type", &file.content_type);
    push_structured(out, "Content-Transfer-Encoding", "base64");
    let disposition = match &file.content_id {
        Some(id) => {
            push_structured(out, "Content-ID", &format!("<{id}>"));
            "inline"
        }
        None => "attachment",
    };
    out.extend_from_slice(format!("Content-Disposition: {disposition}").as_bytes());
    push_parameter(out, "filename", &file.filename);
    out.extend_from_slice(b"\r\n\r\n");
    let mut line = [0; 76];
    for bytes in file.content.chunks(LINE_BYTES) {
        if let Ok(length) = STANDARD.encode_slice(bytes, &mut line) {
            out.extend_from_slice(&line[..length]);
            out.extend_from_slice(b"\r\n");
        }
    }
    if file.content.is_empty() {
        out.extend_from_slice(b"\r\n");
    }
}

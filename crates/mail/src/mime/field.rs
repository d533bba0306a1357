//! Header fields that a shop may add to its messages, and only those.

use postrider_core::limits::EXTRA_FIELD_BYTES_MAX;

use super::header::{push_structured, push_unstructured};

/// A field besides those every message has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value, before it is folded or encoded.
    pub value: String,
}

/// The fields that may be added besides those whose name begins with `X-`, in lower case. What says from whom a message
/// is, to whom, when, which one, how it is put together or who vouches for it is nobody's to set.
const ALLOWED: [&str; 13] = [
    "comments",
    "feedback-id",
    "importance",
    "in-reply-to",
    "keywords",
    "list-help",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "organization",
    "priority",
    "references",
    "sensitivity",
];
/// Of those, the ones that hold free text and may be encoded (RFC 2047 §5).
const FREE_TEXT: [&str; 3] = ["comments", "keywords", "organization"];
/// Beginnings of names that steer the services a message passes through, or that are Postrider's own.
const RESERVED: [&str; 6] = ["x-postrider-", "x-ses-", "x-smtpapi", "x-mailgun-", "x-pm-", "x-mc-"];

/// Whether a message may have a field of this name.
///
/// # Errors
/// A phrase that follows the field's name.
pub fn check_name(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    let well_formed =
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_own =
        lower.len() > 2 && lower.starts_with("x-") && !RESERVED.iter().any(|start| lower.starts_with(start));
    if well_formed && (is_own || ALLOWED.contains(&lower.as_str())) {
        return Ok(());
    }
    Err(format!("is not a header field that can be set; these can: X-…, {}", ALLOWED.join(", ")))
}

/// Whether the field `name` may have this value.
///
/// # Errors
/// A phrase that follows the field's name.
pub fn check_value(name: &str, value: &str) -> Result<(), String> {
    if value.trim().is_empty() || value.len() > EXTRA_FIELD_BYTES_MAX {
        return Err(format!("must have 1 to {EXTRA_FIELD_BYTES_MAX} bytes"));
    }
    if value.chars().any(char::is_control) {
        return Err("must not contain line breaks or control characters".to_owned());
    }
    if !is_free_text(name) && !value.is_ascii() {
        return Err("must be ASCII: this header field has no way to encode anything else".to_owned());
    }
    Ok(())
}

fn is_free_text(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with("x-") || FREE_TEXT.contains(&lower.as_str())
}

/// Appends `field`.
pub(super) fn push_field(out: &mut Vec<u8>, field: &Field) {
    if is_free_text(&field.name) && !field.value.is_ascii() {
        push_unstructured(out, &field.name, &field.value);
    } else {
        push_structured(out, &field.name, field.value.trim());
    }
}

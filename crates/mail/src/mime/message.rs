//! One whole message: header fields, a text body and an HTML body as alternatives (RFC 2046 §5.1.4).

use jiff::fmt::rfc2822::DateTimePrinter;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;

use super::header::{push_mailbox, push_structured, push_unstructured};
use super::quoted_printable::{is_plain, push_encoded, push_plain};

/// A mailbox with the name shown for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

/// Everything a message is written from.
#[derive(Debug)]
pub struct MessageParts<'a> {
    /// The notification it carries; gives the `Message-ID`, the boundary and `X-Postrider-Notification`.
    pub id: NotificationId,
    /// The instant in `Date`.
    pub date: Timestamp,
    /// `From`. The domain of the `Message-ID` is this address's.
    pub from: &'a Mailbox,
    /// `Reply-To`, where it differs from `From`.
    pub reply_to: Option<&'a Mailbox>,
    /// The address in `To`.
    pub to: &'a EmailAddress,
    /// The name in `To`.
    pub to_name: Option<&'a str>,
    /// The language of its words (`Content-Language`, RFC 3282), a BCP 47 tag.
    pub language: Option<&'a str>,
    /// The subject as text.
    pub subject: &'a str,
    /// The text body.
    pub text: &'a str,
    /// The HTML body.
    pub html: &'a str,
}

/// The message, CRLF at every line's end, no line beyond 998 octets. The same parts give the same bytes.
#[must_use]
pub fn write(parts: &MessageParts<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024 + parts.text.len() * 5 / 4 + parts.html.len() * 5 / 4);
    let id = parts.id.to_string();
    push_structured(&mut out, "Date", &date(parts.date));
    push_mailbox(&mut out, "From", parts.from.name.as_deref(), &parts.from.address);
    if let Some(reply_to) = parts.reply_to {
        push_mailbox(&mut out, "Reply-To", reply_to.name.as_deref(), &reply_to.address);
    }
    push_mailbox(&mut out, "To", parts.to_name, parts.to);
    push_unstructured(&mut out, "Subject", parts.subject);
    push_structured(&mut out, "Message-ID", &format!("<{id}@{}>", parts.from.address.domain()));
    push_structured(&mut out, "MIME-Version", "1.0");
    // `=_` cannot occur in quoted-printable, and nobody can guess the id, so no body can hold the boundary.
    let boundary = format!("=_{id}");
    push_structured(&mut out, "Content-Type", &format!("multipart/alternative; boundary=\"{boundary}\""));
    if let Some(language) = parts.language {
        push_structured(&mut out, "Content-Language", language);
    }
    // RFC 3834 §5: keeps out-of-office replies and other robots from answering.
    push_structured(&mut out, "Auto-Submitted", "auto-generated");
    push_structured(&mut out, "X-Postrider-Notification", &id);
    out.extend_from_slice(b"\r\n");
    push_body(&mut out, &boundary, "text/plain", parts.text);
    push_body(&mut out, &boundary, "text/html", parts.html);
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

fn push_body(out: &mut Vec<u8>, boundary: &str, media_type: &str, body: &str) {
    let plain = is_plain(body);
    let encoding = if plain { "7bit" } else { "quoted-printable" };
    let head = format!(
        "--{boundary}\r\nContent-Type: {media_type}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    );
    out.extend_from_slice(head.as_bytes());
    if plain {
        push_plain(out, body);
    } else {
        push_encoded(out, body);
    }
    // The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
    out.extend_from_slice(b"\r\n");
}

/// RFC 5322 §3.3, always in UTC.
fn date(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    DateTimePrinter::new()
        .zoned_to_string(&instant.to_zoned(jiff::tz::TimeZone::UTC))
        .unwrap_or_else(|_| "Thu, 1 Jan 1970 00:00:00 +0000".to_owned())
}

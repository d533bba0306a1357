//! One whole message: header fields, a text body and an HTML body as alternatives (RFC 2046 §5.1.4), files.

use jiff::fmt::rfc2822::DateTimePrinter;
use postrider_core::domain::address::{EmailAddress, InvalidAddress};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;

use super::attachment::{Attachment, push_attachment};
use super::field::{Field, push_field};
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

impl Mailbox {
    /// Reads `Name <address>`, or an address alone.
    ///
    /// # Errors
    /// [`InvalidAddress`].
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let (name, address) = match text.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"').trim(), address),
            None => ("", text),
        };
        let address = EmailAddress::parse(address.trim())?;
        Ok(Self { name: (!name.is_empty()).then(|| name.to_owned()), address })
    }
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
    /// The HTML body; without one the message is text alone.
    pub html: Option<&'a str>,
    /// Further header fields, in order. Each must pass [`check_name`](super::field::check_name) and
    /// [`check_value`](super::field::check_value).
    pub fields: &'a [Field],
    /// The files that travel with it.
    pub attachments: &'a [Attachment],
}

/// The message, CRLF at every line's end, no line beyond 998 octets. The same parts give the same bytes.
#[must_use]
pub fn write(parts: &MessageParts<'_>) -> Vec<u8> {
    let files: usize = parts.attachments.iter().map(|file| file.content.len() * 7 / 5 + 512).sum();
    let html_length = parts.html.map_or(0, str::len);
    let mut out = Vec::with_capacity(1024 + parts.text.len() * 5 / 4 + html_length * 5 / 4 + files);
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
    let body = Body::of(parts, &id);
    body.push_content_type(&mut out);
    if let Some(language) = parts.language {
        push_structured(&mut out, "Content-Language", language);
    }
    // RFC 3834 §5: keeps out-of-office replies and other robots from answering.
    push_structured(&mut out, "Auto-Submitted", "auto-generated");
    push_structured(&mut out, "X-Postrider-Notification", &id);
    parts.fields.iter().for_each(|field| push_field(&mut out, field));
    out.extend_from_slice(b"\r\n");
    body.push(&mut out);
    out
}

/// The body: the text alone, text and HTML as alternatives, the HTML together with the pictures it shows, and the files
/// attached to all of that.
struct Body<'a> {
    text: &'a str,
    html: Option<&'a str>,
    shown: Vec<&'a Attachment>,
    attached: Vec<&'a Attachment>,
    /// `=_` cannot occur in quoted-printable or base64, and nobody can guess the id, so no body can hold a boundary.
    /// None is the beginning of another.
    alternative: String,
    related: String,
    mixed: String,
}

impl<'a> Body<'a> {
    fn of(parts: &MessageParts<'a>, id: &str) -> Self {
        let is_shown = |file: &&Attachment| file.content_id.is_some() && parts.html.is_some();
        let (shown, attached) = parts.attachments.iter().partition(is_shown);
        Self {
            text: parts.text,
            html: parts.html,
            shown,
            attached,
            alternative: format!("=_{id}"),
            related: format!("=_r_{id}"),
            mixed: format!("=_m_{id}"),
        }
    }

    /// The fields that say what the whole body is.
    fn push_content_type(&self, out: &mut Vec<u8>) {
        if !self.attached.is_empty() {
            push_structured(out, "Content-Type", &format!("multipart/mixed; boundary=\"{}\"", self.mixed));
        } else if self.html.is_some() {
            let boundary = &self.alternative;
            push_structured(out, "Content-Type", &format!("multipart/alternative; boundary=\"{boundary}\""));
        } else {
            push_structured(out, "Content-Type", "text/plain; charset=utf-8");
            push_structured(out, "Content-Transfer-Encoding", encoding(self.text));
        }
    }

    fn push(&self, out: &mut Vec<u8>) {
        if self.attached.is_empty() {
            if self.html.is_some() {
                self.push_alternatives(out);
            } else {
                push_text(out, self.text);
                out.extend_from_slice(if self.text.ends_with('\n') { b"" } else { b"\r\n" });
            }
            return;
        }
        if self.html.is_some() {
            push_multipart(out, &self.mixed, "multipart/alternative", &self.alternative);
            self.push_alternatives(out);
        } else {
            push_body(out, &self.mixed, "text/plain", self.text);
        }
        self.attached.iter().for_each(|file| push_attachment(out, &self.mixed, file));
        push_end(out, &self.mixed);
    }

    fn push_alternatives(&self, out: &mut Vec<u8>) {
        push_body(out, &self.alternative, "text/plain", self.text);
        let html = self.html.unwrap_or_default();
        if self.shown.is_empty() {
            push_body(out, &self.alternative, "text/html", html);
        } else {
            push_multipart(out, &self.alternative, "multipart/related; type=\"text/html\"", &self.related);
            push_body(out, &self.related, "text/html", html);
            self.shown.iter().for_each(|file| push_attachment(out, &self.related, file));
            push_end(out, &self.related);
        }
        push_end(out, &self.alternative);
    }
}

/// Opens a part of `boundary` that has parts of its own, behind `inner`.
fn push_multipart(out: &mut Vec<u8>, boundary: &str, media_type: &str, inner: &str) {
    let head = format!("--{boundary}\r\nContent-Type: {media_type};\r\n boundary=\"{inner}\"\r\n\r\n");
    out.extend_from_slice(head.as_bytes());
}

fn push_end(out: &mut Vec<u8>, boundary: &str) {
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
}

fn push_body(out: &mut Vec<u8>, boundary: &str, media_type: &str, body: &str) {
    let head = format!(
        "--{boundary}\r\nContent-Type: {media_type}; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n\r\n",
        encoding(body)
    );
    out.extend_from_slice(head.as_bytes());
    push_text(out, body);
    // The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
    out.extend_from_slice(b"\r\n");
}

fn encoding(body: &str) -> &'static str {
    if is_plain(body) { "7bit" } else { "quoted-printable" }
}

fn push_text(out: &mut Vec<u8>, body: &str) {
    if is_plain(body) {
        push_plain(out, body);
    } else {
        push_encoded(out, body);
    }
}

/// RFC 5322 §3.3, always in UTC.
fn date(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    DateTimePrinter::new()
        .zoned_to_string(&instant.to_zoned(jiff::tz::TimeZone::UTC))
        .unwrap_or_else(|_| "Thu, 1 Jan 1970 00:00:00 +0000".to_owned())
}

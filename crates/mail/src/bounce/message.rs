//! A whole mail, taken apart as far as reports need it.

use postrider_core::limits::{
    MAIL_READ_BYTES_MAX, MIME_DEPTH_MAX, MIME_HEADER_BYTES_MAX, MIME_PARTS_MAX, MIME_TEXT_BYTES_MAX,
};

use super::entity::{Entity, Media, lines, start_of};
use super::text::{readable, transfer_decoded};

/// A mail, its parts sorted by what they are good for.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// Its own header.
    pub root: Entity<'a>,
    /// What was looked at of it.
    pub bytes: &'a [u8],
    /// Delivery status parts (RFC 3464, RFC 6533).
    pub statuses: Vec<Vec<u8>>,
    /// Feedback reports (RFC 5965).
    pub feedback: Option<Vec<u8>>,
    /// Whether somebody tells that a message was read, or deleted unread (RFC 8098).
    pub is_disposition: bool,
    /// The message that comes back, or its header.
    pub returned: Option<Entity<'static>>,
    /// What is written for people, HTML as text. Plain text first.
    pub text: String,
    html: String,
    left: usize,
    parts: usize,
}

impl<'a> Message<'a> {
    /// Takes a mail apart. What exceeds the limits is not looked at.
    pub fn read(bytes: &'a [u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(MAIL_READ_BYTES_MAX)];
        let root = Entity::read(bytes);
        let mut message = Self {
            bytes,
            statuses: Vec::new(),
            feedback: None,
            is_disposition: false,
            returned: None,
            text: String::new(),
            html: String::new(),
            left: MIME_TEXT_BYTES_MAX,
            parts: 0,
            root: Entity { fields: Vec::new(), body: &[] },
        };
        message.take(&root, 0);
        message.root = root;
        if message.text.trim().is_empty() {
            message.text = std::mem::take(&mut message.html);
        }
        message
    }

    fn take(&mut self, entity: &Entity<'_>, depth: usize) {
        self.parts += 1;
        let media = entity.media();
        if media.name.starts_with("multipart/")
            && let Some(boundary) = media.parameter("boundary").filter(|boundary| !boundary.is_empty())
        {
            if depth < MIME_DEPTH_MAX {
                self.take_parts(entity.body, boundary, depth);
            }
            return;
        }
        match media.name.as_str() {
            "message/delivery-status" | "message/global-delivery-status" => {
                let status = self.decoded(entity);
                self.statuses.push(status);
            }
            "message/feedback-report" if self.feedback.is_none() => {
                self.feedback = Some(self.decoded(entity));
            }
            "message/disposition-notification" | "message/global-disposition-notification" => {
                self.is_disposition = true;
            }
            // Never taken further apart: the reports in it would be those of another bounce.
            "message/rfc822"
            | "message/global"
            | "message/rfc822-headers"
            | "message/global-headers"
            | "text/rfc822-headers"
            | "text/rfc822"
                if self.returned.is_none() =>
            {
                let header = transfer_decoded(entity, MIME_HEADER_BYTES_MAX);
                self.returned = Some(Entity { fields: Entity::read(&header).fields, body: &[] });
            }
            "text/html" => {
                let html = self.readable(entity, &media);
                self.html.push_str(&html);
            }
            name if name.starts_with("text/") || name.starts_with("multipart/") => {
                let text = self.readable(entity, &media);
                self.text.push_str(&text);
                self.text.push('\n');
            }
            _ => {}
        }
    }

    fn take_parts(&mut self, body: &[u8], boundary: &str, depth: usize) {
        let mut start = None;
        let mut found = false;
        for line in lines(body) {
            let Some(rest) =
                line.text.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary.as_bytes()))
            else {
                continue;
            };
            let is_last = rest.starts_with(b"--");
            // A boundary may begin with another one.
            if !is_last && !rest.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
                continue;
            }
            if let Some(start) = start
                && self.parts < MIME_PARTS_MAX
            {
                self.take(&Entity::read(&body[start..line.start]), depth + 1);
            }
            found = true;
            start = (!is_last).then_some(line.end);
            if is_last || self.parts >= MIME_PARTS_MAX {
                break;
            }
        }
        // The end is missing: cut off on its way, or beyond what is looked at.
        match start {
            Some(start) if self.parts < MIME_PARTS_MAX => self.take(&Entity::read(&body[start..]), depth + 1),
            None if !found => self.take(&Entity { fields: Vec::new(), body }, depth + 1),
            _ => {}
        }
    }

    fn decoded(&mut self, entity: &Entity<'_>) -> Vec<u8> {
        let bytes = transfer_decoded(entity, self.left);
        self.left -= bytes.len();
        bytes
    }

    fn readable(&mut self, entity: &Entity<'_>, media: &Media) -> String {
        let bytes = self.decoded(entity);
        let text = readable(&bytes, media);
        // A charset can make three bytes of one.
        start_of(&text, 2 * MIME_TEXT_BYTES_MAX).to_owned()
    }
}

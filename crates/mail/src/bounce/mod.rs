//! What comes back by mail: bounces with and without a standard, complaints, and the answers of machines.
//!
//! [`read`] is pure and has bounds for everything: bytes, depth and number of parts, header fields, decoded text,
//! recipients. Nothing is ever decompressed. Whom to believe is not decided here: anybody can write a bounce, and only
//! the signed return path it came to ([`crate::verp`]) proves that it is about a message of ours.

mod automatic;
mod codes;
mod complaint;
mod delivery_status;
mod entity;
mod groups;
mod message;
mod plain;
mod reference;
mod report;
mod text;

use postrider_core::domain::feedback::ReportKind;

use self::entity::Entity;
use self::groups::instant;
use self::message::Message;
use self::report::Draft;

pub use self::report::BounceReport;

/// Addresses to which a mail can have come that are returned.
const ADDRESSED_TO_MAX: usize = 32;

/// What kind of mail it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// A delivery status notification (RFC 3464).
    DeliveryStatus,
    /// A bounce that follows no standard.
    Bounce,
    /// A complaint (RFC 5965).
    Complaint,
    /// The answer of a machine.
    AutoReply,
    /// Anything else: a person's answer, a receipt, advertising.
    Other,
}

/// What was read from a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What kind of mail it is.
    pub kind: MessageKind,
    /// What it says, one for each recipient. Never empty: what is no report is a [`ReportKind::Other`].
    pub reports: Vec<BounceReport>,
    /// The addresses it says it went to, for mail from a mailbox where the envelope is lost. Anybody can write these,
    /// so only a signature in them counts.
    pub addressed_to: Vec<String>,
}

/// Reads a mail: header and body, lines ended by CRLF or LF, as long or broken as it may be.
#[must_use]
pub fn read(message: &[u8]) -> Reading {
    let message = Message::read(message);
    let (kind, reports) = reports(&message);
    Reading { kind, reports, addressed_to: addressed_to(&message.root) }
}

/// Whether a mail must never be answered: it says it was written by a machine, came to a list, or is a bounce.
#[must_use]
pub fn is_automatic(message: &[u8]) -> bool {
    automatic::is_automatic(&Entity::read(message))
}

fn reports(message: &Message<'_>) -> (MessageKind, Vec<BounceReport>) {
    let complaints = complaint::read(message);
    if !complaints.is_empty() {
        return (MessageKind::Complaint, complaints);
    }
    let statuses = delivery_status::read(message);
    if !statuses.is_empty() {
        return (MessageKind::DeliveryStatus, statuses);
    }
    // Machines that answer for people first: some of them write under the name of the mail system.
    let is_reply =
        message.root.field("x-failed-recipients").is_none() && automatic::has_subject_of_reply(&message.root);
    if !is_reply && !message.is_disposition {
        let bounces = plain::read(message);
        if !bounces.is_empty() {
            return (MessageKind::Bounce, bounces);
        }
    }
    if !message.is_disposition && automatic::is_reply(&message.root) {
        return (
            MessageKind::AutoReply,
            vec![without_recipient(message, ReportKind::AutoReply, "auto-reply")],
        );
    }
    (MessageKind::Other, vec![without_recipient(message, ReportKind::Other, "other")])
}

/// A report that is about no bounce. Whoever answers may be somebody else than whom we wrote to, so it names nobody.
fn without_recipient(message: &Message<'_>, kind: ReportKind, action: &str) -> BounceReport {
    let subject = message.root.text("subject").unwrap_or_default();
    let sent = message.root.field("date").and_then(instant);
    Draft {
        kind,
        action,
        status: None,
        diagnostic: &subject,
        recipient: None,
        occurred_at: sent,
        reporter: message.root.field("from").unwrap_or_default(),
        dates: [sent, None, None],
    }
    .report(message)
}

fn addressed_to(header: &Entity<'_>) -> Vec<String> {
    let fields =
        ["delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to", "cc"];
    let mut addresses: Vec<String> = Vec::new();
    for value in fields.iter().flat_map(|name| header.all(name)) {
        for word in value.split([' ', ',', ';', '<', '>', '"', '\t', ':']).filter(|word| word.contains('@')) {
            if addresses.len() == ADDRESSED_TO_MAX {
                return addresses;
            }
            if word.len() <= 320 && !addresses.iter().any(|known| known == word) {
                addresses.push(word.to_owned());
            }
        }
    }
    addresses
}

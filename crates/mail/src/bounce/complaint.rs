//! Complaints: feedback reports (RFC 5965), and what Hotmail sends instead.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::feedback::ReportKind;
use postrider_core::limits::MAIL_REPORTS_MAX;

use super::groups::{Group, address, instant};
use super::message::Message;
use super::report::{BounceReport, Draft};

/// One report for each recipient named, or one without; none if the message is no complaint.
pub(super) fn read(message: &Message<'_>) -> Vec<BounceReport> {
    let sent = message.root.field("date").and_then(instant);
    let Some(body) = &message.feedback else {
        return of_hotmail(message).into_iter().collect();
    };
    let mut fields = Group::default();
    for group in Group::read_all(body) {
        fields.extend(group);
    }
    let kind_name = fields.get("feedback-type").unwrap_or_default().trim().to_ascii_lowercase();
    let kind = match kind_name.as_str() {
        "abuse" | "fraud" => ReportKind::Complained,
        "not-spam" => ReportKind::NotSpam,
        // Viruses, failed authentication and what may come are about the message, not about its recipient's will.
        _ => ReportKind::Other,
    };
    let arrival = fields.get("arrival-date").or_else(|| fields.get("received-date")).and_then(instant);
    let mut recipients: Vec<Option<EmailAddress>> = Vec::new();
    for value in fields.all("original-rcpt-to").take(MAIL_REPORTS_MAX) {
        let recipient = address(value).filter(|address| !is_blackened(address));
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    // A blackened address beside a legible one is about the same person.
    if recipients.iter().any(Option::is_some) {
        recipients.retain(Option::is_some);
    }
    if recipients.is_empty() {
        recipients.push(None);
    }
    let draft = |recipient| Draft {
        kind,
        action: &kind_name,
        status: None,
        diagnostic: fields.get("feedback-type").unwrap_or_default(),
        recipient,
        occurred_at: sent.or(arrival),
        reporter: fields.get("user-agent").unwrap_or_default(),
        dates: [arrival, None, if arrival.is_none() { sent } else { None }],
    };
    recipients.into_iter().map(|recipient| draft(recipient).report(message)).collect()
}

/// Hotmail's junk mail reporting sends the message back, with the recipient in a field of its own.
fn of_hotmail(message: &Message<'_>) -> Option<BounceReport> {
    const FIELD: &str = "x-hmxmroriginalrecipient";
    let returned = message.returned.as_ref().and_then(|returned| returned.field(FIELD));
    let value = message.root.field(FIELD).or(returned)?;
    let draft = Draft {
        kind: ReportKind::Complained,
        action: "abuse",
        status: None,
        diagnostic: "abuse",
        recipient: address(value),
        occurred_at: message.root.field("date").and_then(instant),
        reporter: "hotmail",
        dates: [None; 3],
    };
    Some(draft.report(message))
}

/// `redacted@example.com`, `xxxxx@example.com`: receivers hide who complains.
fn is_blackened(address: &EmailAddress) -> bool {
    let local = address.local_part().to_ascii_lowercase();
    local.contains("redacted")
        || local.contains("hidden")
        || local.chars().all(|c| matches!(c, 'x' | '*' | '-'))
}

//! From the members of an event to one report for each recipient.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::EnhancedStatus;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Report, ReportKind, ReportSource};
use postrider_core::domain::outcome::Words;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::SES_RECIPIENTS_MAX;

use super::cause::{self, Said};
use super::wire::{AboutRecipient, Event, Mail};
use super::{EventKind, InvalidEvent};

/// What all reports of one event have in common.
struct Common<'a> {
    message_id: &'a str,
    name: &'a str,
    instance: [&'a str; 2],
    occurred_at: Option<Timestamp>,
}

/// What can happen only once to one message and recipient.
const ONCE: [&str; 2] = ["", ""];

/// What the event says about one recipient.
struct Statement<'a> {
    recipient: &'a str,
    kind: ReportKind,
    status: Option<EnhancedStatus>,
    words: &'a str,
}

pub(super) fn of(
    kind: EventKind,
    name: &str,
    event: &Event,
    mail: &Mail,
    whole: &str,
) -> Result<Vec<Report>, InvalidEvent> {
    let sent_at = mail.timestamp.as_deref();
    // The third says what tells two events of one kind about one message apart; nothing, for what happens once.
    let (statements, at, instance): (Vec<Statement<'_>>, Option<&str>, [&str; 2]) = match kind {
        EventKind::Send => (of_destination(mail, ReportKind::Accepted, ""), sent_at, ONCE),
        EventKind::Reject => {
            let reason = event.reject.as_ref().and_then(|reject| reject.reason.as_deref());
            (of_destination(mail, ReportKind::Rejected, reason.unwrap_or_default()), sent_at, ONCE)
        }
        EventKind::RenderingFailure => {
            let words = event.failure.as_ref().and_then(|failure| failure.error_message.as_deref());
            (of_destination(mail, ReportKind::RenderingFailed, words.unwrap_or_default()), sent_at, ONCE)
        }
        EventKind::Delivery => {
            let delivery = event.delivery.as_ref().ok_or(InvalidEvent::Missing("delivery"))?;
            let said = Said::reply(delivery.smtp_response.as_deref().unwrap_or_default());
            let of_recipient = |recipient| Statement {
                recipient,
                kind: ReportKind::Delivered,
                status: said.status,
                words: said.words,
            };
            let statements = delivery.recipients.iter().map(String::as_str).map(of_recipient).collect();
            (statements, delivery.timestamp.as_deref(), ONCE)
        }
        EventKind::Bounce => {
            let bounce = event.bounce.as_ref().ok_or(InvalidEvent::Missing("bounce"))?;
            let sub_type = bounce.bounce_sub_type.as_deref();
            let kind = |about: &AboutRecipient| cause::bounce(&bounce.bounce_type, sub_type, about);
            let at = bounce.timestamp.as_deref();
            let instance = bounce.feedback_id.as_deref().or(at).unwrap_or_default();
            (of_each(&bounce.bounced_recipients, kind, ""), at, [instance, ""])
        }
        EventKind::Complaint => {
            let complaint = event.complaint.as_ref().ok_or(InvalidEvent::Missing("complaint"))?;
            let (sub_type, feedback_type) =
                (complaint.complaint_sub_type.as_deref(), complaint.complaint_feedback_type.as_deref());
            let kind = cause::complaint(sub_type, feedback_type);
            let words = sub_type.or(feedback_type).unwrap_or_default();
            let at = complaint.timestamp.as_deref();
            let instance = complaint.feedback_id.as_deref().or(at).unwrap_or_default();
            (of_each(&complaint.complained_recipients, |_| kind, words), at, [instance, ""])
        }
        EventKind::DeliveryDelay => {
            let delay = event.delivery_delay.as_ref().ok_or(InvalidEvent::Missing("deliveryDelay"))?;
            let delay_type = delay.delay_type.as_deref();
            let kind = |about: &AboutRecipient| cause::delay(delay_type, about);
            let at = delay.timestamp.as_deref();
            let statements = of_each(&delay.delayed_recipients, kind, delay_type.unwrap_or_default());
            (statements, at, [at.unwrap_or_default(), ""])
        }
        EventKind::Open | EventKind::Click => {
            let (details, name, kind) = if kind == EventKind::Open {
                (&event.open, "open", ReportKind::Opened)
            } else {
                (&event.click, "click", ReportKind::Clicked)
            };
            let details = details.as_ref().ok_or(InvalidEvent::Missing(name))?;
            let at = details.timestamp.as_deref();
            // Which link it was tells two clicks of one moment apart, and is kept nowhere.
            let instance = [at.unwrap_or_default(), details.link.as_deref().unwrap_or_default()];
            (of_destination(mail, kind, ""), at, instance)
        }
        // Nobody knows what tells two of these apart but the whole of them.
        EventKind::Subscription | EventKind::Announcement | EventKind::Other => {
            (of_destination(mail, ReportKind::Other, name), sent_at, [whole, ""])
        }
    };
    if statements.len() > SES_RECIPIENTS_MAX {
        return Err(InvalidEvent::TooManyRecipients);
    }
    let common = Common { message_id: &mail.message_id, name, instance, occurred_at: at.and_then(instant) };
    Ok(statements.into_iter().map(|statement| report(&common, &statement)).collect())
}

fn of_destination<'a>(mail: &'a Mail, kind: ReportKind, words: &'a str) -> Vec<Statement<'a>> {
    let destination = mail.destination.iter().flatten();
    destination.map(|recipient| Statement { recipient, kind, status: None, words }).collect()
}

fn of_each<'a>(
    recipients: &'a [AboutRecipient],
    kind: impl Fn(&AboutRecipient) -> ReportKind,
    instead: &'a str,
) -> Vec<Statement<'a>> {
    let each = recipients.iter().map(|about| {
        let said = Said::of(about);
        let words = if said.words.is_empty() { instead } else { said.words };
        Statement { recipient: &about.email_address, kind: kind(about), status: said.status, words }
    });
    each.collect()
}

fn report(common: &Common<'_>, statement: &Statement<'_>) -> Report {
    let recipient = mailbox(statement.recipient);
    let key = recipient.as_ref().map_or_else(|| statement.recipient.to_owned(), EmailAddress::normalized);
    // Of an address that cannot be read nobody knows whose it is: seen on the timeline, and no more.
    let kind = if recipient.is_some() { statement.kind } else { ReportKind::Other };
    Report {
        kind,
        status: statement.status,
        diagnostic: Words::new(statement.words),
        source: ReportSource::Ses,
        occurred_at: common.occurred_at,
        recipient,
        fingerprint: Fingerprint::of_parts(&[
            b"ses",
            common.message_id.as_bytes(),
            common.name.as_bytes(),
            common.instance[0].as_bytes(),
            common.instance[1].as_bytes(),
            key.as_bytes(),
        ]),
    }
}

/// The mailbox in `ada@example.com`, `Ada <ada@example.com>` or `rfc822; ada@example.com`.
fn mailbox(text: &str) -> Option<EmailAddress> {
    let bare = match text.rsplit_once('<') {
        Some((_, rest)) => rest.split_once('>')?.0,
        None => text.rsplit_once(';').map_or(text, |(_, address)| address),
    };
    EmailAddress::parse(bare.trim()).ok()
}

/// RFC 3339, or with the space before the offset that SES writes in places.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let (time, offset) = text.rsplit_once(' ')?;
        let (hours, minutes) = offset.split_at_checked(3)?;
        format!("{time}{hours}:{minutes}").parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_spelling_of_ses() {
        let expected = "2018-10-08T14:05:45Z".parse().ok();
        assert_eq!(instant("2018-10-08T14:05:45.000Z"), expected);
        assert_eq!(instant("2018-10-08T14:05:45 +0000"), expected);
        assert_eq!(instant("2018-10-08T10:05:45.000-04:00"), expected);
        assert_eq!(instant("yesterday"), None);
        assert_eq!(instant("at five €"), None);
    }

    #[test]
    fn mailboxes_are_found_in_what_stands_around_them() {
        let address = |text| mailbox(text).map(|address| address.as_str().to_owned());
        assert_eq!(address("ada@example.com").as_deref(), Some("ada@example.com"));
        assert_eq!(address("Ada <ada@example.com>").as_deref(), Some("ada@example.com"));
        assert_eq!(address("rfc822; ada@example.com").as_deref(), Some("ada@example.com"));
        assert_eq!(address("ada"), None);
        assert_eq!(address("Ada <ada@example.com"), None);
        assert_eq!(address("a@example.com, b@example.com"), None);
    }
}

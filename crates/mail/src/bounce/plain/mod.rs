//! Bounces that follow no standard: qmail, Exim, old sendmail, Exchange, Notes and whoever else writes a letter.

mod signs;
mod zone;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::{BounceClass, classify};
use postrider_core::domain::feedback::ReportKind;
use postrider_core::limits::MAIL_REPORTS_MAX;

use super::codes::Codes;
use super::entity::start_of;
use super::groups::{address, instant};
use super::message::Message;
use super::report::{BounceReport, Draft};

pub(super) use self::zone::Zone;

/// Bytes of a reason that are looked at.
const REASON_BYTES: usize = 4 * 1024;

/// One report for each recipient found, or one without; none if the mail is no bounce.
pub(super) fn read(message: &Message<'_>) -> Vec<BounceReport> {
    let failed = failed_recipients(message);
    if failed.is_empty() && !signs::is_of_mail_system(&message.root) {
        return Vec::new();
    }
    let zone = Zone::new(&message.text);
    let found = zone.recipients(&failed);
    let mut recipients: Vec<Option<EmailAddress>> = failed.into_iter().map(Some).collect();
    for recipient in found {
        if !recipients.contains(&Some(recipient.clone())) {
            recipients.push(Some(recipient));
        }
    }
    recipients.truncate(MAIL_REPORTS_MAX);
    if recipients.is_empty() {
        let codes = Codes::find(zone.text());
        let class = classify(codes.status, codes.code, start_of(zone.text(), REASON_BYTES));
        // A mail system can have other things to say.
        if codes == Codes::default() && class == BounceClass::Undetermined {
            return Vec::new();
        }
        recipients.push(None);
    }
    let is_delay = signs::is_delay(&message.root, zone.text());
    recipients.into_iter().map(|recipient| report(message, &zone, recipient, is_delay)).collect()
}

fn report(
    message: &Message<'_>,
    zone: &Zone<'_>,
    recipient: Option<EmailAddress>,
    is_delay: bool,
) -> BounceReport {
    let reason = match &recipient {
        Some(recipient) => zone.reason(recipient),
        None => zone.text().to_owned(),
    };
    let reason = start_of(&reason, REASON_BYTES);
    let codes = Codes::find(reason);
    let words = reply_in(reason);
    // The server's own words first; what the mail system explains about them only where they say nothing.
    let class = [words, reason, start_of(zone.text(), REASON_BYTES)]
        .into_iter()
        .map(|text| classify(codes.status, codes.code, text))
        .find(|class| *class != BounceClass::Undetermined)
        .unwrap_or(BounceClass::Undetermined);
    let sent = message.root.field("date").and_then(instant);
    let draft = Draft {
        kind: if is_delay { ReportKind::Delayed(class) } else { ReportKind::Bounced(class) },
        action: if is_delay { "delayed" } else { "failed" },
        status: codes.status,
        diagnostic: words,
        recipient,
        occurred_at: sent,
        reporter: message.root.field("from").unwrap_or_default(),
        dates: [sent, None, None],
    };
    draft.report(message)
}

/// Exim names them in the header.
fn failed_recipients(message: &Message<'_>) -> Vec<EmailAddress> {
    let mut failed = Vec::new();
    for value in message.root.all("x-failed-recipients") {
        for recipient in value.split(',').filter_map(address) {
            if failed.len() < MAIL_REPORTS_MAX && !failed.contains(&recipient) {
                failed.push(recipient);
            }
        }
    }
    failed
}

/// The server's reply within a reason, else all of it.
pub(super) fn reply_in(reason: &str) -> &str {
    let reason = start_of(reason, REASON_BYTES);
    match Codes::find(reason).at {
        Some(at) => paragraph(&reason[at..]),
        None => reason,
    }
}

/// Up to the first empty line.
fn paragraph(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            break;
        }
        end += line.len();
    }
    text[..end].trim_end()
}

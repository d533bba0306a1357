//! Delivery status notifications (RFC 3464), also internationalized ones (RFC 6533).

use postrider_core::domain::bounce::{BounceClass, EnhancedStatus, classify};
use postrider_core::domain::feedback::ReportKind;
use postrider_core::limits::MAIL_REPORTS_MAX;

use super::codes::Codes;
use super::groups::{Group, address, instant};
use super::message::Message;
use super::plain::{Zone, reply_in};
use super::report::{BounceReport, Draft};

/// One report for each recipient; none if the message is no delivery status notification.
pub(super) fn read(message: &Message<'_>) -> Vec<BounceReport> {
    let mut reports = Vec::new();
    let letter = Zone::new(&message.text);
    for body in &message.statuses {
        let (about_message, recipients) = sorted(Group::read_all(body));
        for recipient in recipients {
            if reports.len() == MAIL_REPORTS_MAX {
                return reports;
            }
            reports.push(report(message, &letter, &about_message, &recipient));
        }
    }
    reports
}

/// The fields about the message, and those about each recipient. An empty line too many is put up with.
fn sorted(groups: Vec<Group>) -> (Group, Vec<Group>) {
    let mut about_message = Group::default();
    let mut recipients: Vec<Group> = Vec::new();
    for group in groups {
        let names_recipient =
            group.get("final-recipient").is_some() || group.get("original-recipient").is_some();
        if names_recipient || (group.get("action").is_some() && recipients.is_empty()) {
            recipients.extend(group.split_at("final-recipient"));
        } else if let Some(last) = recipients.last_mut() {
            last.extend(group);
        } else {
            about_message.extend(group);
        }
    }
    (about_message, recipients)
}

fn report(message: &Message<'_>, letter: &Zone<'_>, about_message: &Group, group: &Group) -> BounceReport {
    let get = |name: &str| group.get(name).or_else(|| about_message.get(name));
    let recipient = ["final-recipient", "original-recipient", "x-actual-recipient"]
        .iter()
        .find_map(|name| group.get(name).and_then(address));
    let told = recipient.as_ref().and_then(|recipient| letter.said_of(recipient)).unwrap_or_default();
    // Some servers write their reasons only into the letter.
    let diagnostic = match group.get("diagnostic-code").map(words) {
        Some(diagnostic) if !diagnostic.is_empty() => diagnostic,
        _ => reply_in(&told),
    };
    let said = Codes::find(diagnostic);
    let own: Option<EnhancedStatus> = group.get("status").and_then(status);
    // `5.0.0` says less than the server's own code.
    let status = match (own, said.status) {
        (Some(own), Some(said)) if own.subject == 0 && own.class == said.class => Some(said),
        (own, said) => own.or(said),
    };
    let last_attempt = group.get("last-attempt-date").and_then(instant);
    let arrival = get("arrival-date").and_then(instant);
    let sent = message.root.field("date").and_then(instant);

    let class = || {
        [diagnostic, &told, "", letter.text()]
            .iter()
            .map(|words| classify(status, said.code, words))
            .find(|class| *class != BounceClass::Undetermined)
            .unwrap_or(BounceClass::Undetermined)
    };
    let action = action(group.get("action").unwrap_or_default(), status, said.code);
    let kind = match action {
        "failed" => ReportKind::Bounced(class()),
        "delayed" => ReportKind::Delayed(class()),
        "delivered" => ReportKind::Delivered,
        _ => ReportKind::Other,
    };
    Draft {
        kind,
        action,
        status,
        diagnostic,
        recipient,
        occurred_at: last_attempt.or(sent).or(arrival),
        reporter: about_message.get("reporting-mta").unwrap_or_default(),
        // Stamped by the reporter, so the same wherever the report is read. The arrival date is the message's own.
        dates: [arrival, last_attempt, if last_attempt.is_none() { sent } else { None }],
    }
    .report(message)
}

/// The words behind the type of a diagnostic code.
fn words(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, words)) if !kind.trim().contains([' ', ':', '<']) => words.trim(),
        _ => value.trim(),
    }
}

/// `5.1.1 (bad destination mailbox address)`: a comment may follow.
fn status(value: &str) -> Option<EnhancedStatus> {
    value.split([' ', '\t', '(']).find(|word| !word.is_empty())?.parse().ok()
}

/// One of the five actions of RFC 3464 §2.3.3. Where it is missing, the code tells.
fn action(value: &str, status: Option<EnhancedStatus>, code: Option<u16>) -> &'static str {
    let word = value.split([' ', '\t', '(', ';']).find(|word| !word.is_empty()).unwrap_or_default();
    let known = ["failed", "delayed", "delivered", "relayed", "expanded"];
    if let Some(action) = known.into_iter().find(|action| word.eq_ignore_ascii_case(action)) {
        return action;
    }
    match (status.map(|status| status.class), code) {
        (Some(5), _) | (None, Some(500..600)) => "failed",
        (Some(4), _) | (None, Some(400..500)) => "delayed",
        // Without an action nobody knows whether it arrived or only went on.
        _ => "other",
    }
}

//! How ledgers store what has a name: one byte each, the same in every ledger. A code, once released, never changes its
//! meaning: SQLite's partial indexes and DynamoDB's keys name some of them.

use crate::domain::bounce::BounceClass;
use crate::domain::feedback::{ReportKind, ReportSource, Truth};
use crate::domain::notification::Priority;
use crate::domain::status::Status;
use crate::domain::suppression::SuppressionReason;
use crate::domain::timeline::TimelineKind;
use crate::domain::webhook::{DisabledReason, WebhookEvent};

/// The stored form of a status.
#[must_use]
pub fn status_code(status: Status) -> u8 {
    match status {
        Status::Queued => 0,
        Status::Sending => 1,
        Status::Deferred => 2,
        Status::Sent => 3,
        Status::Delivered => 4,
        Status::Bounced => 5,
        Status::Complained => 6,
        Status::Failed => 7,
        Status::Dead => 8,
        Status::Suppressed => 9,
        Status::Held => 10,
        Status::Canceled => 11,
        Status::Unknown => 12,
    }
}

/// The status stored as `code`.
#[must_use]
pub fn status_from_code(code: u8) -> Option<Status> {
    Status::ALL.into_iter().find(|status| status_code(*status) == code)
}

/// The stored form of a priority; the first to go has the lowest code.
#[must_use]
pub fn priority_code(priority: Priority) -> u8 {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

/// The priority stored as `code`.
#[must_use]
pub fn priority_from_code(code: u8) -> Option<Priority> {
    Priority::ALL.into_iter().find(|priority| priority_code(*priority) == code)
}

/// The stored form of a timeline kind.
#[must_use]
pub fn kind_code(kind: TimelineKind) -> u8 {
    match kind {
        TimelineKind::Accepted => 0,
        TimelineKind::Claimed => 1,
        TimelineKind::Sent => 2,
        TimelineKind::Deferred => 3,
        TimelineKind::Failed => 4,
        TimelineKind::Dead => 5,
        TimelineKind::Unknown => 6,
        TimelineKind::Released => 7,
        TimelineKind::Resent => 8,
        TimelineKind::Held => 9,
        TimelineKind::Retried => 10,
        TimelineKind::Canceled => 11,
        TimelineKind::Hastened => 12,
        TimelineKind::Suppressed => 13,
        TimelineKind::ReportAccepted => 14,
        TimelineKind::Delivered => 15,
        TimelineKind::Bounced => 16,
        TimelineKind::SoftBounced => 17,
        TimelineKind::Complained => 18,
        TimelineKind::Delayed => 19,
        TimelineKind::Rejected => 20,
        TimelineKind::RenderingFailed => 21,
        TimelineKind::Opened => 22,
        TimelineKind::Clicked => 23,
        TimelineKind::NotSpam => 24,
        TimelineKind::AutoReply => 25,
        TimelineKind::OtherReport => 26,
        TimelineKind::Resumed => 27,
        TimelineKind::Erased => 28,
    }
}

/// The timeline kind stored as `code`.
#[must_use]
pub fn kind_from_code(code: u8) -> Option<TimelineKind> {
    TimelineKind::ALL.into_iter().find(|kind| kind_code(*kind) == code)
}

/// The stored form of what reports have established.
#[must_use]
pub fn truth_code(truth: Truth) -> u8 {
    match truth {
        Truth::Accepted => 0,
        Truth::Rejected => 1,
        Truth::Delivered => 2,
        Truth::Bounced => 3,
        Truth::Complained => 4,
    }
}

/// What is stored as `code`.
#[must_use]
pub fn truth_from_code(code: u8) -> Option<Truth> {
    Truth::ALL.into_iter().find(|truth| truth_code(*truth) == code)
}

/// The stored form of the way a report came.
#[must_use]
pub fn source_code(source: ReportSource) -> u8 {
    match source {
        ReportSource::Ses => 0,
        ReportSource::Dsn => 1,
        ReportSource::Arf => 2,
        ReportSource::Smtp => 3,
    }
}

/// What is stored as `code`.
#[must_use]
pub fn source_from_code(code: u8) -> Option<ReportSource> {
    ReportSource::ALL.into_iter().find(|source| source_code(*source) == code)
}

/// The stored form of a bounce's class.
#[must_use]
pub fn class_code(class: BounceClass) -> u8 {
    match class {
        BounceClass::UnknownUser => 0,
        BounceClass::UnknownDomain => 1,
        BounceClass::MailboxDisabled => 2,
        BounceClass::ListedByService => 3,
        BounceClass::Hard => 4,
        BounceClass::MailboxFull => 5,
        BounceClass::Policy => 6,
        BounceClass::Greylisted => 7,
        BounceClass::TooLarge => 8,
        BounceClass::Content => 9,
        BounceClass::Dns => 10,
        BounceClass::Network => 11,
        BounceClass::System => 12,
        BounceClass::Undetermined => 13,
    }
}

/// What is stored as `code`.
#[must_use]
pub fn class_from_code(code: u8) -> Option<BounceClass> {
    BounceClass::ALL.into_iter().find(|class| class_code(*class) == code)
}

/// The stored form of a reason on the suppression list.
#[must_use]
pub fn reason_code(reason: SuppressionReason) -> u8 {
    match reason {
        SuppressionReason::HardBounce => 0,
        SuppressionReason::Complaint => 1,
        SuppressionReason::RepeatedSoftBounces => 2,
        SuppressionReason::Unsubscribed => 3,
        SuppressionReason::Manual => 4,
    }
}

/// What is stored as `code`.
#[must_use]
pub fn reason_from_code(code: u8) -> Option<SuppressionReason> {
    SuppressionReason::ALL.into_iter().find(|reason| reason_code(*reason) == code)
}

/// The kind of report whose entry has `kind` and `class`.
#[must_use]
pub fn report_kind(kind: TimelineKind, class: Option<BounceClass>) -> Option<ReportKind> {
    Some(match (kind, class) {
        (TimelineKind::ReportAccepted, _) => ReportKind::Accepted,
        (TimelineKind::Delivered, _) => ReportKind::Delivered,
        (TimelineKind::Bounced, Some(class)) => ReportKind::Bounced(class),
        (TimelineKind::SoftBounced, Some(class)) => ReportKind::SoftBounced(class),
        (TimelineKind::Complained, _) => ReportKind::Complained,
        (TimelineKind::Delayed, Some(class)) => ReportKind::Delayed(class),
        (TimelineKind::Rejected, _) => ReportKind::Rejected,
        (TimelineKind::RenderingFailed, _) => ReportKind::RenderingFailed,
        (TimelineKind::Opened, _) => ReportKind::Opened,
        (TimelineKind::Clicked, _) => ReportKind::Clicked,
        (TimelineKind::NotSpam, _) => ReportKind::NotSpam,
        (TimelineKind::AutoReply, _) => ReportKind::AutoReply,
        (TimelineKind::OtherReport, _) => ReportKind::Other,
        _ => return None,
    })
}

/// The stored form of what an endpoint hears of; also the number of its bit in a filter.
#[must_use]
pub fn event_code(event: WebhookEvent) -> u8 {
    match event {
        WebhookEvent::Sent => 0,
        WebhookEvent::Delivered => 1,
        WebhookEvent::Bounced => 2,
        WebhookEvent::SoftBounced => 3,
        WebhookEvent::Complained => 4,
        WebhookEvent::Delayed => 5,
        WebhookEvent::Deferred => 6,
        WebhookEvent::Failed => 7,
        WebhookEvent::Dead => 8,
        WebhookEvent::Unknown => 9,
        WebhookEvent::Held => 10,
        WebhookEvent::Suppressed => 11,
        WebhookEvent::Canceled => 12,
        WebhookEvent::Opened => 13,
        WebhookEvent::Clicked => 14,
    }
}

/// What is stored as `code`.
#[must_use]
pub fn event_from_code(code: u8) -> Option<WebhookEvent> {
    WebhookEvent::ALL.into_iter().find(|event| event_code(*event) == code)
}

/// The stored form of the reason for which an endpoint is disabled.
#[must_use]
pub fn disabled_code(reason: DisabledReason) -> u8 {
    match reason {
        DisabledReason::Gone => 0,
        DisabledReason::Failing => 1,
        DisabledReason::Manual => 2,
    }
}

/// What is stored as `code`.
#[must_use]
pub fn disabled_from_code(code: u8) -> Option<DisabledReason> {
    DisabledReason::ALL.into_iter().find(|reason| disabled_code(*reason) == code)
}

//! Notifications as the API shows them.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::notification::{Notification, NotificationRecord};
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineEntry;
use serde::Serialize;
use utoipa::ToSchema;

/// One notification.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Notification)]
pub struct NotificationView {
    /// `ntf_…`.
    pub id: String,
    /// The event that called for it.
    pub event_id: String,
    /// The notification type.
    #[serde(rename = "type")]
    pub notification_type: String,
    /// The recipient; null once the person was erased.
    pub to: Option<String>,
    /// Whether what it said was erased, because a person it told of was forgotten. Then it cannot be shown and is never
    /// sent again.
    pub erased: bool,
    /// The order it is about.
    pub order_id: Option<String>,
    /// `queued`, `sending`, `deferred`, `sent`, …
    pub status: &'static str,
    /// `high`, `normal` or `low`.
    pub priority: &'static str,
    /// Attempts spent since acceptance or the last redrive.
    pub attempts: u32,
    /// The stable cause, where something is not well.
    pub cause: Option<String>,
    /// When it will be tried next, for `queued` and `deferred`; RFC 3339.
    pub next_attempt_at: Option<String>,
    /// The sending time that was asked for.
    pub send_at: Option<String>,
    /// The sender's correlation id.
    pub correlation_id: Option<String>,
    /// When it was accepted.
    pub created_at: String,
    /// When anything last changed.
    pub updated_at: String,
    /// What happened to it, oldest first. Only where one notification is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<TimelineView>>,
}

/// An address, unless it was erased.
pub(crate) fn shown(address: &EmailAddress) -> Option<String> {
    (!address.is_erased()).then(|| address.as_str().to_owned())
}

/// One thing that happened to a notification.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TimelineEntry)]
pub struct TimelineView {
    /// When; RFC 3339.
    pub at: String,
    /// `accepted`, `claimed`, `sent`, `deferred`, `failed`, `dead`, `unknown`, …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Which attempt, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The mailer that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailer: Option<String>,
    /// The stable cause, where something went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The server's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// For reports, which way it came: `ses`, `dsn`, `arf` or `smtp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// For bounces and delays, why: `unknown_user`, `mailbox_full`, `policy`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounce_class: Option<&'static str>,
    /// For reports, the enhanced status code (RFC 3463): `5.1.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// For reports, when it happened, as the reporter says; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
}

impl From<&Notification> for NotificationView {
    fn from(notification: &Notification) -> Self {
        let lifecycle = &notification.lifecycle;
        let waits = matches!(lifecycle.status, Status::Queued | Status::Deferred);
        // What was given back is due since the epoch, which is for the ledger, not for people.
        let next = lifecycle.due_at.filter(|_| waits).map(|due| due.max(notification.created_at));
        Self {
            id: notification.id.to_string(),
            event_id: notification.event_id.to_string(),
            notification_type: notification.notification_type.clone(),
            to: shown(&notification.to),
            erased: lifecycle.erased,
            order_id: notification.order_id.clone(),
            status: lifecycle.status.as_str(),
            priority: notification.priority.as_str(),
            attempts: lifecycle.attempts,
            cause: lifecycle.cause.as_ref().map(ToString::to_string),
            next_attempt_at: next.map(|at| at.to_string()),
            send_at: notification.send_at.map(|at| at.to_string()),
            correlation_id: notification.correlation_id.clone(),
            created_at: notification.created_at.to_string(),
            updated_at: notification.updated_at.to_string(),
            timeline: None,
        }
    }
}

impl From<&NotificationRecord> for NotificationView {
    fn from(record: &NotificationRecord) -> Self {
        let timeline = record.timeline().iter().map(TimelineView::from).collect();
        Self { timeline: Some(timeline), ..Self::from(&record.notification) }
    }
}

impl From<&TimelineEntry> for TimelineView {
    fn from(entry: &TimelineEntry) -> Self {
        let words = entry.words.as_ref().map(|words| words.as_str().to_owned());
        Self {
            at: entry.at.to_string(),
            kind: entry.kind.as_str(),
            attempt: entry.attempt,
            mailer: entry.mailer.clone(),
            cause: entry.cause.as_ref().map(ToString::to_string),
            response: words.filter(|words| !words.is_empty()),
            source: entry.report.map(|report| report.source.as_str()),
            bounce_class: entry.report.and_then(|report| report.class).map(BounceClass::as_str),
            status_code: entry.report.and_then(|report| report.status).map(|status| status.to_string()),
            occurred_at: entry.report.and_then(|report| report.occurred_at).map(|at| at.to_string()),
        }
    }
}

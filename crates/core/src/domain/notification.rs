//! One intended e-mail to one recipient.

use super::address::EmailAddress;
use super::category::Category;
use super::document::Fingerprint;
use super::id::{EventId, NotificationId};
use super::lifecycle::Lifecycle;
use super::status::Status;
use super::time::Timestamp;
use super::timeline::{TimelineEntry, TimelineKind};

/// What makes two notifications the same: the notification type and the value of its `dedup` expression.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BusinessKey(Fingerprint);

impl BusinessKey {
    /// The key of `notification_type` for the value of its `dedup` expression.
    #[must_use]
    pub fn new(notification_type: &str, dedup_value: &str) -> Self {
        Self(Fingerprint::of_parts(&[notification_type.as_bytes(), dedup_value.as_bytes()]))
    }

    /// The stored form.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes()
    }
}

/// Which of two due notifications goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before everything else: a password reset, a failed payment.
    High,
    /// The usual.
    Normal,
    /// After everything else.
    Low,
}

impl Priority {
    /// Every priority, first to go first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// The public name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// A notification that an event calls for, before it is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedNotification {
    /// The notification type's name.
    pub notification_type: String,
    /// The recipient.
    pub to: EmailAddress,
    /// The order it is about.
    pub order_id: Option<String>,
    /// At most one notification per key, for as long as the record is kept.
    pub business_key: BusinessKey,
    /// Its place in the queue.
    pub priority: Priority,
    /// Why its recipient gets it; entries of the suppression list may hold for one category only.
    pub category: Category,
}

/// A notification as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// The event that called for it.
    pub event_id: EventId,
    /// The notification type's name.
    pub notification_type: String,
    /// The recipient.
    pub to: EmailAddress,
    /// The order it is about.
    pub order_id: Option<String>,
    /// The sender's correlation id.
    pub correlation_id: Option<String>,
    /// Its place in the queue.
    pub priority: Priority,
    /// Why its recipient gets it, as its type said when it was accepted.
    pub category: Category,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When anything last changed.
    pub updated_at: Timestamp,
    /// Not to be sent before this instant, as the sender wished.
    pub send_at: Option<Timestamp>,
    /// What became of it.
    pub lifecycle: Lifecycle,
}

/// A notification with everything that happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationRecord {
    /// The notification.
    pub notification: Notification,
    /// What the ledger stored of its history, oldest first.
    pub entries: Vec<TimelineEntry>,
}

impl NotificationRecord {
    /// The whole story, oldest first: acceptance, every claim, what each came to, what people did.
    #[must_use]
    pub fn timeline(&self) -> Vec<TimelineEntry> {
        let notification = &self.notification;
        let mut story = vec![TimelineEntry::plain(notification.created_at, TimelineKind::Accepted)];
        for entry in &self.entries {
            if let Some(claimed_at) = entry.claimed_at {
                story.push(TimelineEntry {
                    attempt: entry.attempt,
                    ..TimelineEntry::plain(claimed_at, TimelineKind::Claimed)
                });
            }
            story.push(entry.clone());
        }
        if notification.lifecycle.status == Status::Sending {
            story.push(TimelineEntry {
                attempt: Some(notification.lifecycle.fence),
                ..TimelineEntry::plain(notification.updated_at, TimelineKind::Claimed)
            });
        }
        story
    }
}

//! A notification's item: what it says, and where indexes show it.

mod entry;
mod fields;
mod pack;
mod writing;

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::StoredEvent;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::notification::Notification;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::{TimelineEntry, TimelineKind};
use postrider_core::ports::catalog::SentCopy;

pub(crate) use entry::{read_entries, write_entries};
pub(crate) use fields::{read_report, write_report};
pub(crate) use pack::{pack, unpack};

use crate::context::Context;
use crate::keys;
use crate::table::{Due, Indexed};
use crate::work::Draft;

/// Bytes an item may have for its event to be kept in it: with the ends of an attempt and of a delivery it stays within
/// one write unit.
const INLINE_BYTES_MAX: usize = 1024 - 300;
/// Bytes of timeline an item holds; beyond, its older half is moved to an item of its own, so that a long story is not
/// written again with each of its entries.
const TIMELINE_BYTES_MAX: usize = 16 * 1024;

/// A notification with everything its item says.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) notification: Notification,
    /// The full business key: the item's key holds only part of a hash of it.
    pub(crate) business_key: [u8; 16],
    pub(crate) data_fingerprint: Fingerprint,
    /// The event, except its data.
    pub(crate) labels: EventLabels,
    pub(crate) data: Data,
    pub(crate) copy: Option<SentCopy>,
    /// The latest entries of the timeline, oldest first.
    pub(crate) entries: Vec<TimelineEntry>,
    /// Pieces that hold the entries before those.
    pub(crate) pieces: u32,
    /// How many entries they hold together.
    pub(crate) moved: u32,
    /// When the message was last handed on, if a piece holds that.
    pub(crate) moved_sent_at: Option<Timestamp>,
    /// What of it never changes, as it is stored: packed once, and not again with every change of the rest.
    pub(crate) constant: Option<Vec<u8>>,
}

/// What an event says besides its data and what the notification says already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventLabels {
    pub(crate) source: Option<String>,
    pub(crate) event_type: String,
    pub(crate) locale: Option<String>,
}

/// Where the event's data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// Here.
    Inline(String),
    /// In the item of this content ([`keys::payload`]).
    Apart(Fingerprint),
}

impl Record {
    /// Packs what never changes, unless it is.
    pub(crate) fn seal(&mut self) {
        if self.constant.is_none() {
            self.constant = Some(self.packed_constant());
        }
    }

    /// The status.
    pub(crate) fn status(&self) -> Status {
        self.notification.lifecycle.status
    }

    /// Entries on the whole timeline.
    pub(crate) fn entry_count(&self) -> usize {
        self.entries.len() + usize::try_from(self.moved).unwrap_or(usize::MAX)
    }

    /// When the message was last handed on, if that is recorded.
    pub(crate) fn sent_at(&self) -> Option<Timestamp> {
        let sent = self.entries.iter().rev().find(|entry| entry.kind == TimelineKind::Sent);
        sent.map(|entry| entry.at).or(self.moved_sent_at)
    }

    /// The event, with its data as it was found.
    pub(crate) fn event(&self, data: String) -> StoredEvent {
        StoredEvent {
            id: self.notification.event_id.clone(),
            source: self.labels.source.clone(),
            event_type: self.labels.event_type.clone(),
            data,
            correlation_id: self.notification.correlation_id.clone(),
            locale: self.labels.locale.clone(),
        }
    }

    /// Where indexes show it.
    pub(crate) fn indexed(&self, context: &Context) -> Indexed {
        let notification = &self.notification;
        let id = notification.id;
        let order_id = notification.order_id.as_deref();
        // Whoever knows type and order finds it without an index, if they are its business key.
        let order_id = order_id.filter(|order_id| {
            keys::notification_about(&context.rules.secret, &notification.notification_type, order_id)
                != keys::notification(id)
        });
        Indexed {
            order: order_id.map(keys::by_order),
            recipient: (!notification.to.is_erased())
                .then(|| keys::by_recipient(context.recipient(&notification.to))),
            time: Some(keys::notifications_by_time(context.shard(id))),
            sort: Some(id.to_bytes().to_vec()),
            due: self.due(context.shard(id), id),
        }
    }

    fn due(&self, shard: u8, id: NotificationId) -> Option<Due> {
        let lifecycle = &self.notification.lifecycle;
        let status = lifecycle.status;
        let due_at = lifecycle.due_at.unwrap_or(Timestamp::EPOCH);
        let (partition, sort) = match status {
            Status::Queued | Status::Deferred => {
                (keys::waiting(self.notification.priority, shard), keys::due(due_at, id, status))
            }
            Status::Sending | Status::Unknown => {
                (keys::watched(status, shard), keys::due(due_at, id, status))
            }
            // Listed newest first, as everything is.
            Status::Failed | Status::Dead | Status::Held => {
                (keys::watched(status, shard), id.to_bytes().to_vec())
            }
            Status::Sent
            | Status::Delivered
            | Status::Bounced
            | Status::Complained
            | Status::Suppressed
            | Status::Canceled => return None,
        };
        Some(Due { partition, sort })
    }

    /// What its item is to say.
    pub(crate) fn draft(&self, context: &Context) -> Draft {
        Draft {
            indexed: self.indexed(context),
            label: Some(self.status().as_str().into()),
            expires_at: None,
            body: self.write(),
        }
    }

    /// Whether the item is so large that its event is better kept apart.
    pub(crate) fn is_large(draft: &Draft) -> bool {
        draft.body.len() + 120 > INLINE_BYTES_MAX
    }

    /// Takes the older half out of a timeline that has become long.
    pub(crate) fn overflow(&mut self) -> Option<Vec<TimelineEntry>> {
        let bytes = write_entries(&self.entries, self.notification.created_at).len();
        if bytes <= TIMELINE_BYTES_MAX || self.entries.len() < 2 {
            return None;
        }
        let older: Vec<_> = self.entries.drain(..self.entries.len() / 2).collect();
        let sent = older.iter().rev().find(|entry| entry.kind == TimelineKind::Sent);
        self.moved_sent_at = sent.map(|entry| entry.at).or(self.moved_sent_at);
        self.moved += u32::try_from(older.len()).unwrap_or(u32::MAX);
        self.pieces += 1;
        Some(older)
    }
}

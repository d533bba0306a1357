//! Changes: what there is to tell, and the numbers that name it.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::domain::webhook::WebhookEvent;

use crate::codec::{Garbled, Reader, Writer};
use crate::record::{read_entries, write_entries};
use postrider_core::ports::codes::{event_code, event_from_code, status_code, status_from_code};

const PART: &str = "change";
/// Bits of a number below its milliseconds: ten that count within one, eight for the shard.
const BELOW_MS: u32 = 18;
const SHARD_BITS: u32 = 8;

/// What became of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) notification: NotificationId,
    /// How many endpoints had ever been made when it happened: those made later do not hear of it.
    pub(super) generation: u64,
    pub(super) event: WebhookEvent,
    pub(super) status: Status,
    pub(super) entry: TimelineEntry,
}

impl Change {
    /// When it happened.
    pub(super) fn at(&self) -> Timestamp {
        self.entry.at
    }

    pub(super) fn write(&self, body: &mut Writer) {
        body.fixed(&self.notification.to_bytes());
        body.number(self.generation);
        body.byte(event_code(self.event));
        body.byte(status_code(self.status));
        body.instant(self.entry.at, Timestamp::EPOCH);
        body.bytes(&write_entries(std::slice::from_ref(&self.entry), self.entry.at));
    }

    pub(super) fn read(body: &mut Reader<'_>) -> Result<Self, Garbled> {
        let notification = NotificationId::from_bytes(body.fixed(PART)?);
        let generation = body.number(PART)?;
        let event = body.code(PART, event_from_code)?;
        let status = body.code(PART, status_from_code)?;
        let at = body.instant(Timestamp::EPOCH, PART)?;
        let entry = read_entries(body.bytes(PART)?, at)?.pop().ok_or(Garbled::Part(PART))?;
        Ok(Self { notification, generation, event, status, entry })
    }
}

/// A change with the number that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) n: u64,
    pub(super) change: Change,
}

/// The least number a change that happened at `at` may have.
pub(super) fn least_number(at: Timestamp) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or_default() << BELOW_MS
}

/// The number of a change that happened at `at` and comes after the number `last` of its shard.
pub(super) fn next_number(last: u64, at: Timestamp, shard: u8) -> u64 {
    let next = ((last >> SHARD_BITS) + 1).max(least_number(at) >> SHARD_BITS);
    next << SHARD_BITS | u64::from(shard)
}

/// The shard of the change `n`.
pub(super) fn shard_of(n: u64) -> u8 {
    let [.., shard] = n.to_be_bytes();
    shard
}

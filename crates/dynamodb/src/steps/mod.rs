//! The steps that change something.

mod accept;
mod answers;
mod api_keys;
mod budget;
mod claim;
mod due;
mod erase;
mod feedback;
mod finish;
mod intervene;
mod provider;
mod soft_bounces;
mod suppress;
mod sweep;

use std::borrow::Cow;

use postrider_core::domain::event::StoredEvent;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::ports::ledger::LedgerError;

pub(crate) use accept::Accept;
pub(crate) use answers::{RememberAnswer, recall};
pub(crate) use api_keys::{CreateKey, RevokeKey, api_keys};
pub(crate) use budget::{budget, store_budget, stored_budget};
pub(crate) use claim::claim_due;
pub(crate) use erase::erase;
pub(crate) use feedback::RecordFeedback;
pub(crate) use finish::Finishing;
pub(crate) use intervene::Intervening;
pub(crate) use suppress::{ForgetAddress, Suppress, Unsuppress, read_suppression};
pub(crate) use sweep::sweep;

use crate::codec::Garbled;
use crate::context::Context;
use crate::keys;
use crate::record::{Data, Record, read_entries, unpack, write_entries};
use crate::table::{Key, Query};
use crate::work::{Draft, Work};

impl Work<'_> {
    /// The notification `id`, if it is there.
    pub(crate) async fn record(&mut self, id: NotificationId) -> Result<Option<Record>, LedgerError> {
        let key = keys::notification(id);
        let context = self.context;
        let record = self.body(&key).await?.map(Record::read).transpose();
        let record = record.map_err(|garbled| context.garbled(&key, &garbled))?;
        // Of an id only a part leads to the item; the rest must agree.
        Ok(record.filter(|record| record.notification.id == id))
    }

    /// The record in hand is to be stored like this.
    pub(crate) fn save(&mut self, record: &mut Record) {
        let id = record.notification.id;
        if let Some(older) = record.overflow() {
            let key = keys::history(id, record.pieces);
            self.take(key.clone(), None);
            let body = write_entries(&older, record.notification.created_at);
            self.put(&key, Draft { label: Some(Cow::Borrowed("history")), body, ..Draft::default() });
        }
        self.put(&keys::notification(id), record.draft(self.context));
    }

    /// What a step makes of `record`, with the entry it leaves on the timeline, if any.
    pub(crate) fn change(
        &mut self,
        record: &mut Record,
        lifecycle: Lifecycle,
        now: Timestamp,
        entry: Option<TimelineEntry>,
    ) {
        let id = record.notification.id;
        if let Some(entry) = entry {
            self.note_change(id, &entry, Some(record.status()), lifecycle.status);
            record.entries.push(entry);
        }
        record.notification.lifecycle = lifecycle;
        record.notification.updated_at = now;
    }
}

impl Context {
    /// What an item that cannot be understood means.
    pub(crate) fn garbled(&self, key: &Key, garbled: &Garbled) -> LedgerError {
        self.calls.unreadable(key, &garbled.to_string())
    }

    /// The event of a notification, with its data wherever that is.
    pub(crate) async fn event_of(&self, record: &Record) -> Result<StoredEvent, LedgerError> {
        let content = match &record.data {
            Data::Inline(data) => return Ok(record.event(data.clone())),
            Data::Apart(content) => *content,
        };
        let key = keys::payload(content);
        let Some(item) = self.calls.get(&key).await? else {
            return Err(self.calls.unreadable(&key, "it is not there, and a notification refers to it"));
        };
        let data = unpack(&item.body, "event").map_err(|garbled| self.garbled(&key, &garbled))?;
        let data = String::from_utf8(data).map_err(|_| self.garbled(&key, &Garbled::Part("event")))?;
        Ok(record.event(data))
    }

    /// The whole timeline of a notification, oldest first.
    pub(crate) async fn timeline_of(&self, record: &Record) -> Result<Vec<TimelineEntry>, LedgerError> {
        let mut entries = Vec::new();
        if record.pieces > 0 {
            let partition = keys::notification(record.notification.id).pk;
            let mut query = Query { to: Some(b"i".to_vec()), ..Query::forward(partition, 100) };
            query.from = Some(b"h".to_vec());
            loop {
                let page = self.calls.query(&query).await?;
                for item in &page.found {
                    let piece = read_entries(&item.body, record.notification.created_at);
                    entries.extend(piece.map_err(|garbled| self.garbled(&item.key, &garbled))?);
                }
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
        }
        entries.extend(record.entries.iter().cloned());
        Ok(entries)
    }
}

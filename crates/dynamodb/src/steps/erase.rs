//! Forgetting what a notification said, and to whom.

use std::borrow::Cow;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::lifecycle::Step as LifecycleStep;
use postrider_core::domain::timeline::{TimelineEntry, TimelineKind};
use postrider_core::ports::erasure::{ERASED_DATA, Erased, Erasure};
use postrider_core::ports::ledger::LedgerError;

use crate::context::Context;
use crate::keys;
use crate::record::{Data, Record, pack, read_entries, write_entries};
use crate::webhooks;
use crate::work::{Draft, Step, Work};

/// [`erase`](postrider_core::ports::erasure::ErasureLedger::erase). The feed forgets first: as long as the notification is
/// not erased, whoever runs this again finds what is left.
pub(crate) async fn erase(context: &Context, erasure: Erasure) -> Result<Erased, LedgerError> {
    if let Some(record) = context.carry_out(&Looking(erasure)).await? {
        let entries = context.timeline_of(&record).await?;
        webhooks::forget_words(context, erasure.id, &entries).await?;
    }
    context.carry_out(&Erasing(erasure)).await
}

/// The notification, if it is to be erased and can be.
struct Looking(Erasure);

impl Step for Looking {
    type Output = Option<Record>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Option<Record>, LedgerError> {
        let record = work.record(self.0.id).await?;
        Ok(record.filter(|record| record.notification.lifecycle.apply(&LifecycleStep::Erase).is_ok()))
    }
}

struct Erasing(Erasure);

impl Step for Erasing {
    type Output = Erased;

    async fn run(&self, work: &mut Work<'_>) -> Result<Erased, LedgerError> {
        let Erasure { id, forget_recipient, keep_data, now } = self.0;
        let Some(mut record) = work.record(id).await? else { return Ok(Erased::NotFound) };
        let (before, to) = (&record.notification.lifecycle, &record.notification.to);
        let has_data = !matches!(&record.data, Data::Inline(data) if data == ERASED_DATA);
        let after = match self.0.next(before, !to.is_erased(), has_data) {
            Ok(Some(after)) => after,
            Ok(None) => return Ok(Erased::Done),
            Err(status) => return Ok(Erased::Forbidden(status)),
        };
        forget_pieces(work, &record).await?;
        for entry in &mut record.entries {
            entry.words = None;
        }
        if !keep_data {
            if let Data::Apart(content) = record.data {
                // It stays, empty: whatever else refers to it still finds an item.
                let key = keys::payload(content);
                if work.body(&key).await?.is_some() {
                    let body = pack(ERASED_DATA.as_bytes());
                    work.put(&key, Draft { label: Some(Cow::Borrowed("event")), body, ..Draft::default() });
                }
            }
            record.data = Data::Inline(ERASED_DATA.to_owned());
        }
        record.copy = None;
        if forget_recipient {
            record.notification.to = EmailAddress::erased();
        }
        // It is packed anew: what never changes has changed.
        record.constant = None;
        work.change(&mut record, after, now, Some(TimelineEntry::plain(now, TimelineKind::Erased)));
        work.save(&mut record);
        Ok(Erased::Done)
    }
}

/// The older parts of a long timeline.
async fn forget_pieces(work: &mut Work<'_>, record: &Record) -> Result<(), LedgerError> {
    let base = record.notification.created_at;
    for n in 1..=record.pieces {
        let (key, context) = (keys::history(record.notification.id, n), work.context);
        let Some(body) = work.body(&key).await? else { continue };
        let mut entries = read_entries(body, base).map_err(|garbled| context.garbled(&key, &garbled))?;
        for entry in &mut entries {
            entry.words = None;
        }
        let body = write_entries(&entries, base);
        work.put(&key, Draft { label: Some(Cow::Borrowed("history")), body, ..Draft::default() });
    }
    Ok(())
}

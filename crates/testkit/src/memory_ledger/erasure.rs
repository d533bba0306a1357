//! Forgetting.

use async_trait::async_trait;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::timeline::{TimelineEntry, TimelineKind};
use postrider_core::ports::erasure::{Cleared, ERASED_DATA, Erased, Erasure, ErasureLedger};
use postrider_core::ports::ledger::LedgerError;

use super::MemoryLedger;

#[async_trait]
impl ErasureLedger for MemoryLedger {
    async fn erase(&self, erasure: Erasure) -> Result<Erased, LedgerError> {
        let mut state = self.state();
        let Some(record) = state.records.get_mut(&erasure.id) else { return Ok(Erased::NotFound) };
        let (before, to) = (&record.notification.lifecycle, &record.notification.to);
        let after = match erasure.next(before, !to.is_erased(), record.event.data != ERASED_DATA) {
            Ok(Some(after)) => after,
            Ok(None) => return Ok(Erased::Done),
            Err(status) => return Ok(Erased::Forbidden(status)),
        };
        if !erasure.keep_data {
            ERASED_DATA.clone_into(&mut record.event.data);
        }
        record.copy = None;
        for entry in &mut record.entries {
            entry.words = None;
        }
        if erasure.forget_recipient {
            record.notification.to = EmailAddress::erased();
        }
        state.webhooks.forget_words(erasure.id);
        let entry = TimelineEntry::plain(erasure.now, TimelineKind::Erased);
        state.update(erasure.id, after, erasure.now, Some(entry));
        Ok(Erased::Done)
    }

    async fn finish_erasing(&self, address: EmailAddress) -> Result<Cleared, LedgerError> {
        for waiting in self.state().early_reports.values_mut() {
            waiting.retain(|feedback| !feedback.report.mentions(&address));
        }
        Ok(Cleared::Wholly)
    }
}

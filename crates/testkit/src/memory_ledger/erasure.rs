//! Forgetting.

use async_trait::async_trait;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::lifecycle::Step;
use postrider_core::domain::timeline::{TimelineEntry, TimelineKind};
use postrider_core::ports::erasure::{Cleared, Erased, Erasure, ErasureLedger};
use postrider_core::ports::ledger::LedgerError;

use super::MemoryLedger;

#[async_trait]
impl ErasureLedger for MemoryLedger {
    async fn erase(&self, erasure: Erasure) -> Result<Erased, LedgerError> {
        let mut state = self.state();
        let Some(record) = state.records.get_mut(&erasure.id) else { return Ok(Erased::NotFound) };
        let before = &record.notification.lifecycle;
        let knows_more = (erasure.forget_recipient && !record.notification.to.is_erased())
            || (!erasure.keep_data && record.event.data != "{}");
        if before.erased && !knows_more {
            return Ok(Erased::Done);
        }
        let after = match before.apply(&Step::Erase) {
            Ok(after) => after,
            Err(_) if before.erased => before.clone(),
            Err(forbidden) => return Ok(Erased::Forbidden(forbidden.status)),
        };
        if !erasure.keep_data {
            "{}".clone_into(&mut record.event.data);
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

//! Carrying out what a person, or the dispatcher, asked for.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::{Intervened, Intervention, LedgerError};

use crate::work::{Step, Work};

/// [`intervene`](postrider_core::ports::ledger::Ledger::intervene).
pub(crate) struct Intervening {
    pub(crate) id: NotificationId,
    pub(crate) intervention: Intervention,
    pub(crate) now: Timestamp,
}

impl Step for Intervening {
    type Output = Intervened;

    async fn run(&self, work: &mut Work<'_>) -> Result<Intervened, LedgerError> {
        let Some(mut record) = work.record(self.id).await? else { return Ok(Intervened::NotFound) };
        let before = &record.notification.lifecycle;
        let Ok(after) = before.apply(&self.intervention.step(self.now)) else {
            return Ok(Intervened::refused_by(before));
        };
        work.change(&mut record, after, self.now, Some(self.intervention.entry(self.now)));
        work.save(&mut record);
        Ok(Intervened::Done(Box::new(record.notification)))
    }
}

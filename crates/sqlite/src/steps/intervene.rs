//! Carrying out what a person, or the dispatcher, asked for.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::{Intervened, Intervention};

use super::{WriteStep, Writing};
use crate::rows::load;

/// [`intervene`](postrider_core::ports::ledger::Ledger::intervene).
pub(crate) struct Intervening {
    pub(crate) id: NotificationId,
    pub(crate) intervention: Intervention,
    pub(crate) now: Timestamp,
}

impl WriteStep for Intervening {
    type Output = Intervened;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Intervened> {
        let Some(mut stored) = load(writing.connection, self.id)? else { return Ok(Intervened::NotFound) };
        let before = &stored.notification.lifecycle;
        let Ok(after) = before.apply(&self.intervention.step(self.now)) else {
            return Ok(Intervened::refused_by(before));
        };
        let entry = self.intervention.entry(self.now);
        writing.store(&mut stored, after, self.now, Some((&entry, None)))?;
        Ok(Intervened::Done(Box::new(stored.with_event_labels(writing.connection)?)))
    }
}

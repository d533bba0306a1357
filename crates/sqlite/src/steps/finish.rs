//! Recording the end of an attempt.

use postrider_core::domain::lifecycle::Step;
use postrider_core::ports::ledger::{FinishAttempt, Finished};

use super::{WriteStep, Writing};
use crate::rows::load;

/// [`finish_attempt`](postrider_core::ports::ledger::Ledger::finish_attempt).
pub(crate) struct Finishing(pub(crate) FinishAttempt);

impl WriteStep for Finishing {
    type Output = Finished;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Finished> {
        let finish = &self.0;
        let Some(mut stored) = load(writing.connection, finish.id)? else { return Ok(Finished::Stale) };
        let before = &stored.notification.lifecycle;
        let step = Step::Finish { fence: finish.fence, verdict: finish.verdict.clone() };
        let Ok(after) = before.apply(&step) else { return Ok(Finished::Stale) };
        let entry = finish.entry(before);
        let status = after.status;
        writing.store(&mut stored, after, finish.now, Some((&entry, finish.kept_copy())))?;
        Ok(Finished::Recorded(status))
    }
}

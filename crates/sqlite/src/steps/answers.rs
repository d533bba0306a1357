//! Remembering an answer that no acceptance came with.

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::RememberedAnswer;

use super::{WriteStep, Writing};
use crate::queries::remember_answer;

/// [`remember_answer`](postrider_core::ports::ledger::Ledger::remember_answer).
pub(crate) struct RememberAnswer {
    pub(crate) key: Fingerprint,
    pub(crate) request: Fingerprint,
    pub(crate) answer: RememberedAnswer,
    pub(crate) now: Timestamp,
}

impl WriteStep for RememberAnswer {
    type Output = ();

    fn bytes(&self) -> usize {
        256 + self.answer.body.len()
    }

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<()> {
        remember_answer(writing.connection, self.key, self.request, &self.answer, self.now)
    }
}

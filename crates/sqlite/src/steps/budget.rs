//! The record about money.

use postrider_core::domain::budget::BudgetRecord;

use super::{WriteStep, Writing};

/// [`store_budget`](postrider_core::ports::budget::BudgetLedger::store_budget).
pub(crate) struct StoreBudget {
    pub(crate) record: BudgetRecord,
    pub(crate) replaces: u64,
}

impl WriteStep for StoreBudget {
    type Output = bool;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<bool> {
        let Ok(replaces) = i64::try_from(self.replaces) else { return Ok(false) };
        let bytes = self.record.to_bytes();
        let written = if replaces == 0 {
            writing
                .prepare(
                    "INSERT INTO budget (one, revision, record) VALUES (1, 1, ?1) ON CONFLICT (one) DO NOTHING",
                )?
                .execute([bytes])?
        } else {
            writing
                .prepare(
                    "UPDATE budget SET revision = revision + 1, record = ?1 WHERE one = 1 AND revision = ?2",
                )?
                .execute((bytes, replaces))?
        };
        Ok(written == 1)
    }
}

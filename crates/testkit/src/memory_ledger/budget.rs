//! The record about money.

use async_trait::async_trait;
use postrider_core::domain::budget::BudgetRecord;
use postrider_core::ports::budget::{BudgetLedger, StoredBudget};
use postrider_core::ports::ledger::LedgerError;

use super::MemoryLedger;

#[async_trait]
impl BudgetLedger for MemoryLedger {
    async fn budget(&self) -> Result<Option<StoredBudget>, LedgerError> {
        Ok(self.state().budget.clone())
    }

    async fn store_budget(&self, record: BudgetRecord, replaces: u64) -> Result<bool, LedgerError> {
        let mut state = self.state();
        let is_current = state.budget.as_ref().map_or(0, |stored| stored.revision) == replaces;
        if is_current {
            state.budget = Some(StoredBudget { record, revision: replaces + 1 });
        }
        Ok(is_current)
    }
}

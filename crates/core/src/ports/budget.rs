//! The part of the ledger that remembers money.

use async_trait::async_trait;

use super::ledger::LedgerError;
use crate::domain::budget::BudgetRecord;

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBudget {
    /// What it says.
    pub record: BudgetRecord,
    /// Counts its writes; whoever writes names the one it has read.
    pub revision: u64,
}

/// Where the one record about money lives.
#[async_trait]
pub trait BudgetLedger: Send + Sync {
    /// The record; `None` if there was never one.
    async fn budget(&self) -> Result<Option<StoredBudget>, LedgerError>;

    /// Stores `record` instead of the one with the revision `replaces`, zero if there was none. Tells whether it did:
    /// not if somebody else has written since; then nothing changed.
    ///
    /// Races: of two writes that replace the same revision exactly one is stored.
    async fn store_budget(&self, record: BudgetRecord, replaces: u64) -> Result<bool, LedgerError>;
}

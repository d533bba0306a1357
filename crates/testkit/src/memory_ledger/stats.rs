//! Counts.

use async_trait::async_trait;
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::stats::{Stats, StatsLedger, StatsQuery, Tally};

use super::MemoryLedger;

#[async_trait]
impl StatsLedger for MemoryLedger {
    async fn stats(&self, query: StatsQuery) -> Result<Stats, LedgerError> {
        let mut tally = Tally::new(&query);
        for record in self.state().records.values() {
            let notification = &record.notification;
            if query.notification_type.as_ref().is_none_or(|name| *name == notification.notification_type) {
                tally.add(notification.created_at, notification.lifecycle.status);
            }
        }
        Ok(tally.finish())
    }
}

//! Counts by period.
//!
//! The time index has keys only, so each notification is read, at half a unit: what more than
//! [`DYNAMODB_STATS_MAX`] would cost is not spent on one answer.

use postrider_core::domain::time::Timestamp;
use postrider_core::limits::DYNAMODB_STATS_MAX;
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::stats::{Stats, StatsQuery, Tally};

use super::Lanes;
use super::list::{id_at, load};
use crate::context::Context;
use crate::keys;
use crate::table::{BATCH_GET_MAX, Index, Query};
use crate::together::together;

/// Notifications that are read together.
const AT_ONCE: usize = 10 * BATCH_GET_MAX;

/// [`stats`](postrider_core::ports::stats::StatsLedger::stats).
pub(crate) async fn stats(context: &Context, query: &StatsQuery) -> Result<Stats, LedgerError> {
    let mut tally = Tally::new(query);
    if query.periods() == 0 {
        return Ok(tally.finish());
    }
    let stretch = |shard| {
        let id = |at: Timestamp| id_at(at, 0).to_bytes().to_vec();
        // The end may bring one too many, which the tally leaves out.
        let (from, to) = (Some(id(query.since)), Some(id(query.until)));
        Query { from, to, ..Query::forward(keys::notifications_by_time(shard), AT_ONCE) }
    };
    // Counted before anything is read: the keys cost a fiftieth of what they lead to.
    let counts = context.every_shard().map(|shard| {
        let query = stretch(shard);
        async move { context.calls.count_index(Index::Time, &query, DYNAMODB_STATS_MAX + 1).await }
    });
    let found: usize = together(counts.collect()).await?.into_iter().sum();
    if found > DYNAMODB_STATS_MAX {
        return Ok(Stats::TooMany { most: DYNAMODB_STATS_MAX });
    }
    let mut lanes = Lanes::new(context, Index::Time, context.every_shard().map(stretch));
    loop {
        let entries = lanes.take(AT_ONCE).await?;
        if entries.is_empty() {
            return Ok(tally.finish());
        }
        for record in load(context, &entries).await?.into_iter().flatten() {
            let notification = record.notification;
            if query.notification_type.as_ref().is_none_or(|name| *name == notification.notification_type) {
                tally.add(notification.created_at, notification.lifecycle.status);
            }
        }
    }
}

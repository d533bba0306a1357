//! How much is waiting.

use postrider_core::domain::notification::Priority;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::DYNAMODB_COUNTED_MAX;
use postrider_core::ports::ledger::{LedgerError, QueueStats};

use super::Lanes;
use crate::context::Context;
use crate::keys;
use crate::table::{Index, Query};
use crate::together::together;

/// Statuses that are watched or need somebody; the others of the due index wait.
const WATCHED: [Status; 5] = [Status::Sending, Status::Unknown, Status::Failed, Status::Dead, Status::Held];

/// [`queue_stats`](postrider_core::ports::ledger::Ledger::queue_stats). A partition with more than
/// [`DYNAMODB_COUNTED_MAX`] entries is not counted to its end.
pub(crate) async fn queue_stats(context: &Context, now: Timestamp) -> Result<QueueStats, LedgerError> {
    let mut lanes: Vec<(Status, Query)> = Vec::new();
    for shard in context.every_shard() {
        for status in [Status::Queued, Status::Deferred] {
            let of = |priority| (status, all_of(keys::waiting(status, priority, shard)));
            lanes.extend(Priority::ALL.map(of));
        }
        lanes.extend(WATCHED.map(|status| (status, all_of(keys::watched(status, shard)))));
    }
    let counted = lanes.into_iter().map(|(status, query)| count(context, status, query));
    let counted = together(counted.collect()).await?;
    let mut counts = Vec::new();
    for status in Status::ALL {
        let count = counted.iter().filter(|(of, _)| *of == status).map(|(_, count)| *count as u64).sum();
        if count > 0 {
            counts.push((status, count));
        }
    }
    Ok(QueueStats { counts, oldest_due_at: oldest_due_at(context, now).await? })
}

async fn count(context: &Context, status: Status, query: Query) -> Result<(Status, usize), LedgerError> {
    let count = context.calls.count_index(Index::Due, &query, DYNAMODB_COUNTED_MAX).await?;
    Ok((status, count))
}

fn all_of(partition: Vec<u8>) -> Query {
    Query::forward(partition, DYNAMODB_COUNTED_MAX)
}

async fn oldest_due_at(context: &Context, now: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
    let shards = context.every_shard();
    let lanes = shards.flat_map(|shard| {
        let of = move |status| Priority::ALL.map(|priority| keys::waiting(status, priority, shard));
        [Status::Queued, Status::Deferred].into_iter().flat_map(of)
    });
    let queries = lanes.map(|lane| Query {
        // What goes first is due since the epoch: that is a place in the queue, and no time.
        from: Some(keys::at(Timestamp::EPOCH.plus_ms(1), &[])),
        to: Some(keys::until(now)),
        ..Query::forward(lane, 1)
    });
    let first = Lanes::new(context, Index::Due, queries).next().await?;
    Ok(first.and_then(|entry| keys::instant_of(&entry.sort)))
}

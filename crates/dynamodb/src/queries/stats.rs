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
    let shards: Vec<u8> = context.every_shard().collect();
    let watched =
        shards.iter().flat_map(|shard| WATCHED.map(|status| count_watched(context, status, *shard)));
    let mut counted = together(watched.collect()).await?;
    let lanes = shards
        .iter()
        .flat_map(|shard| Priority::ALL.map(|priority| count_waiting(context, priority, *shard)));
    counted.extend(together(lanes.collect()).await?.into_iter().flatten());
    let mut counts = Vec::new();
    for status in Status::ALL {
        let count = counted.iter().filter(|(of, _)| *of == status).map(|(_, count)| *count as u64).sum();
        if count > 0 {
            counts.push((status, count));
        }
    }
    Ok(QueueStats { counts, oldest_due_at: oldest_due_at(context, now).await? })
}

async fn count_watched(context: &Context, status: Status, shard: u8) -> Result<(Status, usize), LedgerError> {
    let query = Query::forward(keys::watched(status, shard), DYNAMODB_COUNTED_MAX);
    let count = context.calls.count_index(Index::Due, &query, DYNAMODB_COUNTED_MAX).await?;
    Ok((status, count))
}

/// Queued and deferred ones wait together: their places tell which they are.
async fn count_waiting(
    context: &Context,
    priority: Priority,
    shard: u8,
) -> Result<[(Status, usize); 2], LedgerError> {
    let mut query = Query::forward(keys::waiting(priority, shard), DYNAMODB_COUNTED_MAX);
    let (mut queued, mut deferred) = (0, 0);
    loop {
        let page = context.calls.query_index(Index::Due, &query).await?;
        for (_, status) in page.found.iter().filter_map(|entry| keys::due_notification(&entry.sort)) {
            if status == Status::Deferred { deferred += 1 } else { queued += 1 }
        }
        match page.next {
            Some(next) if queued + deferred < DYNAMODB_COUNTED_MAX => query.after = Some(next),
            _ => return Ok([(Status::Queued, queued), (Status::Deferred, deferred)]),
        }
    }
}

async fn oldest_due_at(context: &Context, now: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
    let shards = context.every_shard();
    let lanes = shards.flat_map(|shard| Priority::ALL.map(|priority| keys::waiting(priority, shard)));
    let queries = lanes.map(|lane| Query {
        // What goes first is due since the epoch: that is a place in the queue, and no time.
        from: Some(keys::at(Timestamp::EPOCH.plus_ms(1), &[])),
        to: Some(keys::until(now)),
        ..Query::forward(lane, 1)
    });
    let first = Lanes::new(context, Index::Due, queries).next().await?;
    Ok(first.and_then(|entry| keys::instant_of(&entry.sort)))
}

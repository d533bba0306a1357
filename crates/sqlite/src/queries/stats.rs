//! How much is waiting.

use postrider_core::domain::notification::Priority;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::QueueStats;
use rusqlite::{Connection, OptionalExtension as _};

use postrider_core::ports::codes::{priority_code, status_code};

/// The statuses that still ask for something.
const OPEN: [Status; 7] = [
    Status::Queued,
    Status::Sending,
    Status::Deferred,
    Status::Failed,
    Status::Dead,
    Status::Held,
    Status::Unknown,
];

/// Reads a handful of rows, however many notifications wait.
pub(crate) fn queue_stats(connection: &Connection, now: Timestamp) -> rusqlite::Result<QueueStats> {
    let mut counts = Vec::with_capacity(OPEN.len());
    for status in OPEN {
        let count: Option<u64> = connection
            .prepare_cached("SELECT count FROM status_counts WHERE status = ?1")?
            .query_row([status_code(status)], |row| row.get(0))
            .optional()?;
        if let Some(count) = count.filter(|count| *count > 0) {
            counts.push((status, count));
        }
    }
    let mut oldest: Option<i64> = None;
    for priority in Priority::ALL {
        let due_at: Option<i64> = connection
            .prepare_cached(
                "SELECT due_at FROM notifications INDEXED BY notifications_waiting \
                 WHERE status IN (0, 2) AND priority = ?1 AND due_at > 0 AND due_at <= ?2 ORDER BY due_at LIMIT 1",
            )?
            .query_row((priority_code(priority), now.as_millis()), |row| row.get(0))
            .optional()?;
        oldest = match (oldest, due_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    Ok(QueueStats { counts, oldest_due_at: oldest.map(Timestamp::from_millis) })
}

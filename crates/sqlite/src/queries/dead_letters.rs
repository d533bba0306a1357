//! Dead letters by cause.

use postrider_core::domain::outcome::Cause;
use postrider_core::limits::DEAD_LETTER_GROUPS_MAX;
use postrider_core::ports::ledger::DeadLetterGroup;
use rusqlite::Connection;

use crate::rows::instant;

/// Every cause with its dead letters counted, most first. Reads only the index, which holds nothing else.
pub(crate) fn dead_letter_groups(connection: &Connection) -> rusqlite::Result<Vec<DeadLetterGroup>> {
    connection
        .prepare_cached(
            "SELECT cause, count(*), min(created_at), max(created_at) \
             FROM notifications INDEXED BY notifications_dead \
             WHERE status IN (7, 8, 10) AND cause IS NOT NULL GROUP BY cause ORDER BY 2 DESC, cause LIMIT ?1",
        )?
        .query_map([DEAD_LETTER_GROUPS_MAX], |row| {
            Ok(DeadLetterGroup {
                cause: Cause::from_codes(row.get_ref(0)?.as_str()?),
                count: row.get(1)?,
                oldest_at: instant(row, 2)?,
                newest_at: instant(row, 3)?,
            })
        })?
        .collect()
}

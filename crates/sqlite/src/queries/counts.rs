//! Counts by period.

use postrider_core::limits::STATS_COUNTED_MAX;
use postrider_core::ports::codes::status_from_code;
use postrider_core::ports::stats::{Stats, StatsQuery, Tally};
use rusqlite::Connection;

use crate::rows::{SEQ_STRETCH, decoded, instant, seq_of_instant};

/// Walks along the window's rows, which lie together in the order of acceptance.
pub(crate) fn stats(connection: &Connection, query: &StatsQuery) -> rusqlite::Result<Stats> {
    let mut tally = Tally::new(query);
    let wanted = query.notification_type.as_deref();
    // A row whose place was taken stands a little after it; the tally leaves out what is none of the window's.
    let end = seq_of_instant(query.until).saturating_add(SEQ_STRETCH);
    let mut statement = connection.prepare_cached(
        "SELECT created_at, status, notification_type FROM notifications NOT INDEXED \
         WHERE seq >= ?1 AND seq < ?2 ORDER BY seq",
    )?;
    let mut rows = statement.query((seq_of_instant(query.since), end))?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        seen += 1;
        if seen > STATS_COUNTED_MAX {
            return Ok(Stats::TooMany { most: STATS_COUNTED_MAX });
        }
        if let Some(wanted) = wanted
            && row.get_ref(2)?.as_str()? != wanted
        {
            continue;
        }
        tally.add(instant(row, 0)?, decoded(row, 1, status_from_code(row.get(1)?))?);
    }
    Ok(tally.finish())
}

//! One notification and what belongs to it.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::notification::NotificationRecord;
use postrider_core::limits::TIMELINE_ENTRIES_MAX;
use postrider_core::ports::catalog::RenditionId;
use postrider_core::ports::ledger::Content;
use rusqlite::{Connection, OptionalExtension as _};

use crate::rows::{entry, entry_columns, load, sent_copy};

/// The notification named `id` with its history, of which the oldest part is left out if it is very long.
pub(crate) fn find(
    connection: &Connection,
    id: NotificationId,
) -> rusqlite::Result<Option<NotificationRecord>> {
    let Some(stored) = load(connection, id)? else { return Ok(None) };
    let mut entries = connection
        .prepare_cached(concat!(
            "SELECT ",
            entry_columns!(),
            " FROM timeline WHERE notification_seq = ?1 ORDER BY n DESC LIMIT ?2"
        ))?
        .query_map((stored.seq, TIMELINE_ENTRIES_MAX), entry)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    entries.reverse();
    Ok(Some(NotificationRecord { notification: stored.with_event_labels(connection)?, entries }))
}

/// What shows the message of the notification named `id`.
pub(crate) fn content(connection: &Connection, id: NotificationId) -> rusqlite::Result<Option<Content>> {
    let Some(stored) = load(connection, id)? else { return Ok(None) };
    let copy = connection
        .prepare_cached(
            "SELECT rendition, composed_at, message_fingerprint, signature FROM timeline \
             WHERE notification_seq = ?1 AND rendition IS NOT NULL ORDER BY n DESC LIMIT 1",
        )?
        .query_row([stored.seq], sent_copy)
        .optional()?;
    let (notification, event) = stored.with_event(connection)?;
    Ok(Some(Content { notification, event, copy }))
}

/// What messages of this rendition are made of.
pub(crate) fn rendition(connection: &Connection, id: RenditionId) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT bundle FROM renditions WHERE id = ?1")?
        .query_row([id.0.to_bytes()], |row| row.get(0))
        .optional()
}

//! The rows of an endpoint's queue. The earliest change of a notification goes first; later ones stand behind it, out of
//! the indexes that are walked, until it is told.

use postrider_core::domain::time::Timestamp;
use rusqlite::OptionalExtension as _;

use super::Writing;
use crate::queries::StoredWebhook;

/// A call by its endpoint's row and what it tells.
#[derive(Clone, Copy)]
pub(super) struct CallRow {
    pub(super) webhook_seq: i64,
    pub(super) change_n: i64,
    pub(super) notification_seq: i64,
    pub(super) attempts: u32,
}

/// The call that tells `change_n`, if the endpoint still waits for it.
pub(super) fn find(
    writing: &Writing<'_>,
    webhook_seq: i64,
    change_n: i64,
) -> rusqlite::Result<Option<CallRow>> {
    writing
        .prepare(
            "SELECT notification_seq, attempts FROM webhook_calls WHERE webhook_seq = ?1 AND change_n = ?2",
        )?
        .query_row((webhook_seq, change_n), |row| {
            Ok(CallRow { webhook_seq, change_n, notification_seq: row.get(0)?, attempts: row.get(1)? })
        })
        .optional()
}

/// Adds a call, unless it is there. Tells whether it is new.
pub(super) fn add(
    writing: &Writing<'_>,
    stored: &mut StoredWebhook,
    change_n: i64,
    notification_seq: i64,
    due_at: Timestamp,
) -> rusqlite::Result<bool> {
    let added = writing
        .prepare(
            "INSERT INTO webhook_calls (webhook_seq, change_n, notification_seq, attempts, due_at, state, hastened) \
             VALUES (?1, ?2, ?3, 0, ?4, CASE WHEN EXISTS (SELECT 1 FROM webhook_calls WHERE webhook_seq = ?1 \
             AND notification_seq = ?3 AND change_n < ?2) THEN 0 ELSE 1 END, 0) \
             ON CONFLICT (webhook_seq, change_n) DO NOTHING",
        )?
        .execute((stored.seq, change_n, notification_seq, due_at.as_millis()))?;
    stored.webhook.pending_calls += u64::from(added > 0);
    Ok(added > 0)
}

/// Puts what waited behind nothing behind the call just added before it.
pub(super) fn stand_behind(
    writing: &Writing<'_>,
    webhook_seq: i64,
    change_n: i64,
    notification_seq: i64,
) -> rusqlite::Result<()> {
    writing
        .prepare(
            "UPDATE webhook_calls INDEXED BY webhook_calls_by_notification SET state = 0 \
             WHERE webhook_seq = ?1 AND notification_seq = ?2 AND change_n > ?3 AND state = 1",
        )?
        .execute((webhook_seq, notification_seq, change_n))?;
    Ok(())
}

/// Takes a call in hand for its next try.
pub(super) fn take(writing: &Writing<'_>, call: CallRow, lease_until: Timestamp) -> rusqlite::Result<()> {
    writing
        .prepare(
            "UPDATE webhook_calls SET state = 2, due_at = ?3, attempts = ?4 WHERE webhook_seq = ?1 AND change_n = ?2",
        )?
        .execute((call.webhook_seq, call.change_n, lease_until.as_millis(), call.attempts))?;
    Ok(())
}

/// Puts a call back into the queue, due at `due_at`.
pub(super) fn put_back(writing: &Writing<'_>, call: CallRow, due_at: Timestamp) -> rusqlite::Result<()> {
    writing
        .prepare(
            "UPDATE webhook_calls SET due_at = ?4, state = CASE WHEN EXISTS (SELECT 1 FROM webhook_calls \
             WHERE webhook_seq = ?1 AND notification_seq = ?3 AND change_n < ?2) THEN 0 ELSE 1 END \
             WHERE webhook_seq = ?1 AND change_n = ?2",
        )?
        .execute((call.webhook_seq, call.change_n, call.notification_seq, due_at.as_millis()))?;
    Ok(())
}

/// Removes a call; the next of its notification comes to the front. Tells whether it was there.
pub(super) fn remove(
    writing: &Writing<'_>,
    stored: &mut StoredWebhook,
    change_n: i64,
) -> rusqlite::Result<bool> {
    let notification_seq: Option<i64> = writing
        .prepare(
            "DELETE FROM webhook_calls WHERE webhook_seq = ?1 AND change_n = ?2 RETURNING notification_seq",
        )?
        .query_row((stored.seq, change_n), |row| row.get(0))
        .optional()?;
    let Some(notification_seq) = notification_seq else { return Ok(false) };
    stored.webhook.pending_calls = stored.webhook.pending_calls.saturating_sub(1);
    writing
        .prepare(
            "UPDATE webhook_calls SET state = 1 WHERE webhook_seq = ?1 AND state = 0 AND change_n = \
             (SELECT min(change_n) FROM webhook_calls WHERE webhook_seq = ?1 AND notification_seq = ?2)",
        )?
        .execute((stored.seq, notification_seq))?;
    Ok(true)
}

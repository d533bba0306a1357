//! What keeps the feed and the queues in order, a bounded piece at every claim.

use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{
    WEBHOOK_CALLS_PENDING_MAX, WEBHOOK_FAN_OUT_MAX, WEBHOOK_FEED_MS_MAX, WEBHOOK_HASTEN_MAX,
    WEBHOOK_PRUNE_MAX,
};
use rusqlite::OptionalExtension as _;

use super::Writing;
use super::webhook_queue::{CallRow, add, put_back, remove};
use crate::queries::StoredWebhook;
use crate::rows::{decoded, instant};
use postrider_core::ports::codes::event_from_code;

/// Clears away what is too old, counting what an endpoint never got.
pub(super) fn prune(
    writing: &Writing<'_>,
    endpoints: &mut [StoredWebhook],
    now: Timestamp,
) -> rusqlite::Result<()> {
    let horizon = now.as_millis().saturating_sub(i64::try_from(WEBHOOK_FEED_MS_MAX).unwrap_or(i64::MAX));
    let old = writing
        .prepare(
            "SELECT n, event FROM changes INDEXED BY changes_by_at WHERE at < ?1 ORDER BY at, n LIMIT ?2",
        )?
        .query_map((horizon, WEBHOOK_PRUNE_MAX), |row| {
            Ok((row.get::<_, i64>(0)?, decoded(row, 1, event_from_code(row.get(1)?))?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    if old.is_empty() {
        return Ok(());
    }
    for stored in endpoints {
        let mut lost = 0;
        for (n, event) in &old {
            let was_pending = stored.webhook.pending_calls > 0 && remove(writing, stored, *n)?;
            let was_ahead = *n > stored.cursor && stored.webhook.wants(*event);
            lost += u64::from(was_pending || was_ahead);
        }
        if lost > 0 {
            stored.webhook.lost_calls += lost;
            writing.store_webhook(stored)?;
        }
    }
    for (n, _) in old {
        writing.prepare("DELETE FROM changes WHERE n = ?1")?.execute([n])?;
    }
    Ok(())
}

/// Clears away calls of deleted endpoints.
pub(super) fn clear_leftovers(writing: &Writing<'_>) -> rusqlite::Result<()> {
    let seq: Option<i64> = writing
        .prepare("SELECT webhook_seq FROM webhook_leftovers LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(seq) = seq else { return Ok(()) };
    let cleared = writing
        .prepare(
            "DELETE FROM webhook_calls WHERE webhook_seq = ?1 AND change_n IN \
             (SELECT change_n FROM webhook_calls WHERE webhook_seq = ?1 LIMIT ?2)",
        )?
        .execute((seq, WEBHOOK_PRUNE_MAX))?;
    if cleared < WEBHOOK_PRUNE_MAX {
        writing.prepare("DELETE FROM webhook_leftovers WHERE webhook_seq = ?1")?.execute([seq])?;
    }
    Ok(())
}

/// Makes calls of what the feed brought. Each endpoint that lags gets its share of the step, so that a long way behind
/// is nobody else's delay. Tells whether there is more for anybody who has room for it.
pub(super) fn fan_out(
    writing: &Writing<'_>,
    endpoints: &mut [StoredWebhook],
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let head: i64 =
        writing.prepare("SELECT coalesce(max(n), 0) FROM changes")?.query_row([], |row| row.get(0))?;
    let lagging = endpoints.iter().filter(|stored| stored.cursor < head).count();
    let Some(share) = WEBHOOK_FAN_OUT_MAX.checked_div(lagging) else { return Ok(false) };
    let mut has_more = false;
    for stored in endpoints.iter_mut().filter(|stored| stored.cursor < head) {
        let room = room(stored).min(share);
        if room == 0 {
            continue;
        }
        let changes = writing
            .prepare("SELECT n, at, notification_seq, event FROM changes WHERE n > ?1 ORDER BY n LIMIT ?2")?
            .query_map((stored.cursor, room), |row| {
                let event = decoded(row, 3, event_from_code(row.get(3)?))?;
                Ok((row.get::<_, i64>(0)?, instant(row, 1)?, row.get::<_, i64>(2)?, event))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for (n, at, notification_seq, event) in changes {
            stored.cursor = n;
            if stored.webhook.wants(event) {
                // Due since it happened: after an outage the oldest goes first.
                add(writing, stored, n, notification_seq, at.min(now))?;
            }
        }
        has_more |= stored.cursor < head && self::room(stored) > 0;
        writing.store_webhook(stored)?;
    }
    Ok(has_more)
}

fn room(stored: &StoredWebhook) -> usize {
    let pending = usize::try_from(stored.webhook.pending_calls).unwrap_or(usize::MAX);
    WEBHOOK_CALLS_PENDING_MAX.saturating_sub(pending)
}

/// Puts calls back into the queue whose claims have lapsed. They are no more than may be on their way.
pub(super) fn take_back_lapsed(
    writing: &Writing<'_>,
    stored: &StoredWebhook,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let lapsed = writing
        .prepare(
            "SELECT change_n, notification_seq, attempts, due_at FROM webhook_calls INDEXED BY webhook_calls_in_hand \
             WHERE state = 2 AND webhook_seq = ?1 AND due_at <= ?2",
        )?
        .query_map((stored.seq, now.as_millis()), |row| {
            let call = CallRow {
                webhook_seq: stored.seq,
                change_n: row.get(0)?,
                notification_seq: row.get(1)?,
                attempts: row.get(2)?,
            };
            Ok((call, instant(row, 3)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (call, due_at) in lapsed {
        put_back(writing, call, due_at)?;
    }
    Ok(())
}

/// The endpoint is back: what failed before is due again, each call once, as old as what it tells. Tells whether there
/// is more.
pub(super) fn hasten(
    writing: &Writing<'_>,
    stored: &mut StoredWebhook,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    if !stored.hasten {
        return Ok(false);
    }
    let hastened = writing
        .prepare(
            "UPDATE webhook_calls SET hastened = 1, \
             due_at = coalesce((SELECT min(at, ?2) FROM changes WHERE n = change_n), ?2) \
             WHERE webhook_seq = ?1 AND change_n IN (SELECT change_n FROM webhook_calls \
             INDEXED BY webhook_calls_waiting WHERE state = 1 AND webhook_seq = ?1 AND due_at > ?2 AND hastened = 0 \
             ORDER BY due_at, change_n LIMIT ?3)",
        )?
        .execute((stored.seq, now.as_millis(), WEBHOOK_HASTEN_MAX))?;
    if hastened < WEBHOOK_HASTEN_MAX {
        stored.hasten = false;
        writing.store_webhook(stored)?;
    }
    Ok(stored.hasten)
}

//! Telling an endpoint again what happened.

use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{WEBHOOK_CALLS_PENDING_MAX, WEBHOOK_REPLAY_MAX};
use postrider_core::ports::webhooks::{Replay, ReplayCursor, Replayed};

use super::webhook_queue::{add, stand_behind};
use super::{WriteStep, Writing};
use crate::queries::load_webhook;
use crate::rows::{decoded, instant};
use postrider_core::ports::codes::event_from_code;

/// [`replay_webhook`](postrider_core::ports::webhooks::WebhookLedger::replay_webhook).
pub(crate) struct Replaying(pub(crate) Replay);

impl WriteStep for Replaying {
    type Output = Replayed;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Replayed> {
        let Replay { webhook, since, until, after, now } = self.0;
        let Some(mut stored) = load_webhook(writing.connection, webhook)? else {
            return Ok(Replayed::NotFound);
        };
        let (from, from_n) = match after {
            Some(after) => (after.at.max(since), i64::try_from(after.change).unwrap_or(i64::MAX)),
            None => (since, 0),
        };
        let changes = writing
            .prepare(
                "SELECT at, n, notification_seq, event FROM changes INDEXED BY changes_by_at \
                 WHERE (at, n) > (?1, ?2) AND at < ?3 ORDER BY at, n LIMIT ?4",
            )?
            .query_map((from.as_millis(), from_n, until.as_millis(), WEBHOOK_REPLAY_MAX), |row| {
                let event = decoded(row, 3, event_from_code(row.get(3)?))?;
                Ok((instant(row, 0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, event))
            })?
            .collect::<rusqlite::Result<Vec<(Timestamp, _, _, _)>>>()?;
        let is_last = changes.len() < WEBHOOK_REPLAY_MAX;
        let (mut calls, mut next, mut is_full) = (0, after, false);
        for (at, n, notification_seq, event) in changes {
            if stored.webhook.pending_calls >= WEBHOOK_CALLS_PENDING_MAX as u64 {
                is_full = true;
                break;
            }
            // What it was not looked through for yet comes anyway.
            if n <= stored.cursor
                && stored.webhook.wants(event)
                && add(writing, &mut stored, n, notification_seq, at.min(now))?
            {
                stand_behind(writing, stored.seq, n, notification_seq)?;
                calls += 1;
            }
            next = Some(ReplayCursor { at, change: n.unsigned_abs() });
        }
        writing.store_webhook(&stored)?;
        Ok(match is_full {
            true => Replayed::Full { calls, next },
            false => Replayed::Added { calls, next: next.filter(|_| !is_last) },
        })
    }
}

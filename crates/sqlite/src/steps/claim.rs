//! Claiming what is due.

use postrider_core::domain::lifecycle::Step;
use postrider_core::domain::notification::{Notification, Priority};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::limits::{CLAIM_BYTES_MAX, CLAIM_MAX};
use postrider_core::ports::ledger::{Claim, ClaimDue, Claims};
use rusqlite::OptionalExtension as _;

use super::{WriteStep, Writing};
use crate::rows::{StoredNotification, select_notification};
use postrider_core::ports::codes::priority_code;

/// [`claim_due`](postrider_core::ports::ledger::Ledger::claim_due).
pub(crate) struct Claiming(pub(crate) ClaimDue);

impl WriteStep for Claiming {
    type Output = Claims;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Claims> {
        let ClaimDue { now, lease_until, limit } = self.0;
        let limit = limit.min(CLAIM_MAX);
        let mut claims = Vec::new();
        let mut bytes = 0;
        let mut suppressed = 0;
        for priority in Priority::ALL {
            for mut stored in due(writing, priority, now, limit - claims.len() - suppressed)? {
                if bytes >= CLAIM_BYTES_MAX {
                    // More is due at once than one claim may carry: ask again without waiting.
                    return Ok(Claims { claims, next_due_at: Some(now), suppressed });
                }
                let Notification { to, category, .. } = &stored.notification;
                if let Some(cause) = writing.suppression(to, category, now)? {
                    suppress(writing, &mut stored, cause, now)?;
                    suppressed += 1;
                    continue;
                }
                let lifecycle = &stored.notification.lifecycle;
                let Ok(claimed) = lifecycle.apply(&Step::Claim { now, lease_until }) else { continue };
                writing.store(&mut stored, claimed, now, None)?;
                let (notification, event) = stored.with_event(writing.connection)?;
                bytes += event.data.len();
                claims.push(Claim { notification, event });
            }
        }
        // Places that the suppressed took may be wanted by others that are due.
        let next_due_at = if suppressed > 0 { Some(now) } else { next_due_at(writing, now)? };
        Ok(Claims { claims, next_due_at, suppressed })
    }
}

fn suppress(
    writing: &mut Writing<'_>,
    stored: &mut StoredNotification,
    cause: Cause,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let step = Step::Suppress { cause: cause.clone() };
    let Ok(after) = stored.notification.lifecycle.apply(&step) else { return Ok(()) };
    writing.store(stored, after, now, Some((&TimelineEntry::suppressed(now, cause), None)))
}

fn due(
    writing: &Writing<'_>,
    priority: Priority,
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<StoredNotification>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    // Read to the end before anything is changed: the index that is walked is the one that changes.
    writing
        .prepare(select_notification!(
            "INDEXED BY notifications_waiting WHERE status IN (0, 2) AND priority = ?1 AND due_at <= ?2 \
             ORDER BY due_at, seq LIMIT ?3"
        ))?
        .query_map((priority_code(priority), now.as_millis(), limit), StoredNotification::read)?
        .collect()
}

fn next_due_at(writing: &Writing<'_>, now: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    let mut next: Option<i64> = None;
    for priority in Priority::ALL {
        let due_at: Option<i64> = writing
            .prepare(
                "SELECT due_at FROM notifications INDEXED BY notifications_waiting \
                 WHERE status IN (0, 2) AND priority = ?1 AND due_at > ?2 ORDER BY due_at LIMIT 1",
            )?
            .query_row((priority_code(priority), now.as_millis()), |row| row.get(0))
            .optional()?;
        next = match (next, due_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    Ok(next.map(Timestamp::from_millis))
}

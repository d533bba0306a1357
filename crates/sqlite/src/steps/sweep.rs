//! Looking after what was left behind.

use postrider_core::domain::lifecycle::Step;
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::limits::SWEEP_MAX;
use postrider_core::ports::ledger::{Leases, Sweep, Swept};

use super::{WriteStep, Writing};
use crate::queries::forget_answers;
use crate::rows::{StoredNotification, select_notification};
use postrider_core::ports::codes::status_code;

/// [`sweep`](postrider_core::ports::ledger::Ledger::sweep).
pub(crate) struct Sweeping(pub(crate) Sweep);

impl WriteStep for Sweeping {
    type Output = Swept;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Swept> {
        let Sweep { now, leases, judge_at, on_unknown, max_attempts, limit } = self.0;
        let limit = limit.min(SWEEP_MAX);
        let horizon = match leases {
            Leases::Expired => now.as_millis(),
            Leases::All => i64::MAX,
        };
        let lost = watched(writing, Status::Sending, horizon, limit)?;
        // Found before the lost leases are recorded: what becomes unknown now is judged by a later sweep.
        let unknown = watched(writing, Status::Unknown, now.as_millis(), limit - lost.len())?;
        let mut swept = Swept::default();
        for mut stored in lost {
            let before = &stored.notification.lifecycle;
            let Ok(after) = before.apply(&Step::LeaseLost { judge_at }) else { continue };
            // Nothing changes while a notification is `sending`: its last change was the claim.
            let entry = TimelineEntry::lease_lost(now, before.fence, stored.notification.updated_at);
            writing.store(&mut stored, after, now, Some((&entry, None)))?;
            swept.leases_lost += 1;
        }
        for mut stored in unknown {
            let before = &stored.notification.lifecycle;
            let Ok(after) = before.apply(&Step::Judge { now, on_unknown, max_attempts }) else { continue };
            let entry = TimelineEntry::judged(now, &after);
            swept.count_judged(&after);
            writing.store(&mut stored, after, now, Some((&entry, None)))?;
        }
        swept.answers_forgotten = forget_answers(writing.connection, now)?;
        Ok(swept)
    }
}

/// Notifications in `status` whose time is not after `horizon_ms`, longest over first.
fn watched(
    writing: &Writing<'_>,
    status: Status,
    horizon_ms: i64,
    limit: usize,
) -> rusqlite::Result<Vec<StoredNotification>> {
    writing
        .prepare(select_notification!(
            "INDEXED BY notifications_watched WHERE status IN (1, 12) AND status = ?1 AND due_at <= ?2 \
             ORDER BY due_at, seq LIMIT ?3"
        ))?
        .query_map((status_code(status), horizon_ms, limit), StoredNotification::read)?
        .collect()
}

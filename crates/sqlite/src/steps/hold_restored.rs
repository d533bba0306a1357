//! Holding what a ledger that was put back to an earlier moment believes unsent.

use postrider_core::domain::lifecycle::{CAUSE_HELD_MAYBE_SENT, CAUSE_RESTORED_MAYBE_SENT, Step};
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::ports::codes::status_code;

use super::{WriteStep, Writing};
use crate::rows::{StoredNotification, select_notification};

/// The statuses from which something is sent without a person. What the budget holds goes out when the hold is over.
const OPEN: [Status; 5] = [Status::Queued, Status::Deferred, Status::Sending, Status::Unknown, Status::Held];

/// What was held of a restored ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoredHeld {
    /// Waited then, and may have been sent since.
    pub waiting: u64,
    /// Were on their way then, or unknown: may have left before.
    pub under_way: u64,
}

/// Holds a stretch of what is open, in the order of acceptance.
pub(crate) struct HoldRestored {
    pub(crate) after_seq: i64,
    pub(crate) limit: usize,
    pub(crate) now: Timestamp,
}

/// What one stretch came to.
pub(crate) struct Stretch {
    pub(crate) held: RestoredHeld,
    /// Where the next one begins; `None` if this was the last.
    pub(crate) next: Option<i64>,
}

impl WriteStep for HoldRestored {
    type Output = Stretch;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Stretch> {
        let open = OPEN.map(status_code);
        let found: Vec<StoredNotification> = writing
            .prepare(select_notification!(
                "WHERE seq > ?1 AND status IN (?2, ?3, ?4, ?5, ?6) ORDER BY seq LIMIT ?7"
            ))?
            .query_map(
                (self.after_seq, open[0], open[1], open[2], open[3], open[4], self.limit),
                StoredNotification::read,
            )?
            .collect::<rusqlite::Result<_>>()?;
        let next = if found.len() == self.limit { found.last().map(|last| last.seq) } else { None };
        let mut held = RestoredHeld::default();
        for mut stored in found {
            self.lose_lease(writing, &mut stored)?;
            let Ok(after) = stored.notification.lifecycle.apply(&Step::HoldRestored { now: self.now }) else {
                continue;
            };
            let waited = after.cause == Some(CAUSE_RESTORED_MAYBE_SENT);
            held.waiting += u64::from(waited);
            held.under_way += u64::from(!waited);
            let cause = if waited { CAUSE_RESTORED_MAYBE_SENT } else { CAUSE_HELD_MAYBE_SENT };
            let entry = TimelineEntry::held(self.now, cause);
            writing.store(&mut stored, after, self.now, Some((&entry, None)))?;
        }
        Ok(Stretch { held, next })
    }
}

impl HoldRestored {
    /// Its sender is not alive, or works on another ledger.
    fn lose_lease(&self, writing: &mut Writing<'_>, stored: &mut StoredNotification) -> rusqlite::Result<()> {
        let before = &stored.notification.lifecycle;
        let Ok(after) = before.apply(&Step::LeaseLost { judge_at: self.now }) else { return Ok(()) };
        let entry = TimelineEntry::lease_lost(self.now, before.fence, stored.notification.updated_at);
        writing.store(stored, after, self.now, Some((&entry, None)))
    }
}

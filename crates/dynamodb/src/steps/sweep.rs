//! Looking after what was left behind.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::{Lifecycle, Step as LifecycleStep};
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::limits::{ANSWERS_FORGOTTEN_MAX, IDEMPOTENCY_KEPT_MS, SWEEP_MAX};
use postrider_core::ports::ledger::{Leases, LedgerError, Sweep, Swept};

use super::answers::ForgetAnswer;
use crate::context::Context;
use crate::keys;
use crate::queries::Lanes;
use crate::table::{Index, Query};
use crate::together::together;
use crate::work::{Step, Work};

/// [`sweep`](postrider_core::ports::ledger::Ledger::sweep).
pub(crate) async fn sweep(context: &Context, sweep: Sweep) -> Result<Swept, LedgerError> {
    let limit = sweep.limit.min(SWEEP_MAX);
    let horizon = (sweep.leases == Leases::Expired).then_some(sweep.now);
    let lost = watched(context, Status::Sending, horizon, limit).await?;
    // Found before the lost leases are recorded: what becomes unknown now is judged by a later sweep.
    let unknown = watched(context, Status::Unknown, Some(sweep.now), limit - lost.len()).await?;
    let mut swept = Swept::default();
    let watched = |id, is_lease| Watched { id, sweep, horizon, is_lease };
    let lost: Vec<_> = lost.into_iter().map(|id| watched(id, true)).collect();
    for ended in carry_out_all(context, &lost).await? {
        swept.leases_lost += usize::from(ended.is_some());
    }
    let unknown: Vec<_> = unknown.into_iter().map(|id| watched(id, false)).collect();
    for judged in carry_out_all(context, &unknown).await?.iter().flatten() {
        swept.count_judged(judged);
    }
    swept.answers_forgotten = forget_answers(context, sweep.now).await?;
    Ok(swept)
}

async fn carry_out_all<S: Step>(context: &Context, steps: &[S]) -> Result<Vec<S::Output>, LedgerError> {
    together(steps.iter().map(|step| context.carry_out(step)).collect()).await
}

/// Notifications in `status` whose time is not after `horizon`, longest over first.
async fn watched(
    context: &Context,
    status: Status,
    horizon: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<NotificationId>, LedgerError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let lanes = context.every_shard().map(|shard| Query {
        to: horizon.map(keys::until),
        ..Query::forward(keys::watched(status, shard), limit)
    });
    let found = Lanes::new(context, Index::Due, lanes).take(limit).await?;
    Ok(found.iter().filter_map(|entry| keys::due_notification(&entry.sort)).map(|(id, _)| id).collect())
}

/// One that seemed over: a lost lease, or an outcome that stayed unknown.
struct Watched {
    id: NotificationId,
    sweep: Sweep,
    horizon: Option<Timestamp>,
    is_lease: bool,
}

impl Step for Watched {
    /// What it is now; `None` if somebody was faster.
    type Output = Option<Lifecycle>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Option<Lifecycle>, LedgerError> {
        let Sweep { now, judge_at, on_unknown, max_attempts, .. } = self.sweep;
        let Some(mut record) = work.record(self.id).await? else { return Ok(None) };
        let before = record.notification.lifecycle.clone();
        // The index may lag behind: since it was looked at, the notification may have been claimed anew.
        let is_over = self.horizon.is_none_or(|horizon| before.due_at.is_none_or(|due_at| due_at <= horizon));
        let step = if self.is_lease {
            LifecycleStep::LeaseLost { judge_at }
        } else {
            LifecycleStep::Judge { now, on_unknown, max_attempts }
        };
        let Ok(after) = before.apply(&step) else { return Ok(None) };
        if self.is_lease && !is_over {
            return Ok(None);
        }
        // Nothing changes while a notification is `sending`: its last change was the claim.
        let entry = if self.is_lease {
            TimelineEntry::lease_lost(now, before.fence, record.notification.updated_at)
        } else {
            TimelineEntry::judged(now, &after)
        };
        work.change(&mut record, after.clone(), now, Some(entry));
        work.save(&mut record);
        Ok(Some(after))
    }
}

/// Forgets answers whose time is over, oldest first.
async fn forget_answers(context: &Context, now: Timestamp) -> Result<usize, LedgerError> {
    let kept = i64::try_from(IDEMPOTENCY_KEPT_MS).unwrap_or(i64::MAX);
    let Some(horizon) = now.as_millis().checked_sub(kept).filter(|ms| *ms >= 0) else { return Ok(0) };
    let horizon = keys::until(Timestamp::from_millis(horizon));
    let lanes = context.every_shard().map(|shard| Query {
        to: Some(horizon.clone()),
        ..Query::forward(keys::answers(shard), ANSWERS_FORGOTTEN_MAX)
    });
    let over = Lanes::new(context, Index::Due, lanes).take(ANSWERS_FORGOTTEN_MAX).await?;
    let steps: Vec<_> = over.into_iter().map(|entry| ForgetAnswer { key: entry.key, now }).collect();
    let forgotten = carry_out_all(context, &steps).await?;
    Ok(forgotten.into_iter().filter(|forgotten| *forgotten).count())
}

//! Claiming what is due.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Step as LifecycleStep;
use postrider_core::domain::notification::Priority;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::limits::{CLAIM_BYTES_MAX, CLAIM_MAX, DYNAMODB_CALLS_AT_ONCE_MAX};
use postrider_core::ports::ledger::{Claim, ClaimDue, Claims, LedgerError};

use crate::context::Context;
use crate::keys;
use crate::queries::Lanes;
use crate::record::Record;
use crate::table::{Entry, Index, Query};
use crate::together::together;
use crate::work::{Step, Work};

/// [`claim_due`](postrider_core::ports::ledger::Ledger::claim_due): walks along what is due and claims one after the
/// other, several at the same time. Whoever else does so at that moment gets others.
pub(crate) async fn claim_due(context: &Context, request: ClaimDue) -> Result<Claims, LedgerError> {
    let limit = request.limit.min(CLAIM_MAX);
    let mut claims = Claims::default();
    let mut bytes = 0;
    for priority in Priority::ALL {
        let mut waiting = waiting(context, priority, limit + 1);
        loop {
            let Some(next) = waiting.peek().await? else { break };
            let due_at = keys::instant_of(&next.sort).unwrap_or(Timestamp::EPOCH);
            if due_at > request.now {
                claims.next_due_at = Some(claims.next_due_at.map_or(due_at, |known| known.min(due_at)));
                break;
            }
            let room = limit.saturating_sub(claims.claims.len() + claims.suppressed);
            if room == 0 || bytes >= CLAIM_BYTES_MAX {
                // More is due at once than one claim may carry: ask again without waiting.
                return Ok(Claims { next_due_at: Some(request.now), ..claims });
            }
            let due = take_due(&mut waiting, request.now, room.min(DYNAMODB_CALLS_AT_ONCE_MAX)).await?;
            for claimed in claim_all(context, due, request).await? {
                match claimed {
                    Claimed::Taken(claim) => {
                        bytes += claim.event.data.len();
                        claims.claims.push(*claim);
                    }
                    Claimed::Suppressed => claims.suppressed += 1,
                    Claimed::Gone => {}
                }
            }
        }
    }
    if claims.suppressed > 0 {
        // Places that the suppressed took may be wanted by others that are due.
        claims.next_due_at = Some(request.now);
    }
    Ok(claims)
}

/// What waits with `priority`, longest due first.
pub(crate) fn waiting(context: &Context, priority: Priority, limit: usize) -> Lanes<'_> {
    let statuses = [Status::Queued, Status::Deferred];
    let shards = context.every_shard();
    let lanes = shards.flat_map(|shard| statuses.map(|status| keys::waiting(status, priority, shard)));
    Lanes::new(context, Index::Due, lanes.map(|lane| Query::forward(lane, limit)))
}

async fn take_due(waiting: &mut Lanes<'_>, now: Timestamp, count: usize) -> Result<Vec<Entry>, LedgerError> {
    let mut due = Vec::new();
    while due.len() < count {
        match waiting.peek().await? {
            Some(next) if keys::instant_of(&next.sort).is_some_and(|due_at| due_at <= now) => {
                due.extend(waiting.next().await?);
            }
            _ => break,
        }
    }
    Ok(due)
}

async fn claim_all(
    context: &Context,
    due: Vec<Entry>,
    request: ClaimDue,
) -> Result<Vec<Claimed>, LedgerError> {
    let claims = due.into_iter().map(|entry| claim_one(context, entry, request));
    together(claims.collect()).await
}

async fn claim_one(context: &Context, entry: Entry, request: ClaimDue) -> Result<Claimed, LedgerError> {
    let Some(id) = id_of(&entry) else { return Ok(Claimed::Gone) };
    match context.carry_out(&ClaimOne { id, request }).await? {
        ClaimedRecord::Taken(record) => {
            let event = context.event_of(&record).await?;
            Ok(Claimed::Taken(Box::new(Claim { notification: record.notification, event })))
        }
        ClaimedRecord::Suppressed => Ok(Claimed::Suppressed),
        ClaimedRecord::Gone => Ok(Claimed::Gone),
    }
}

/// The notification an entry of the due index is about.
pub(super) fn id_of(entry: &Entry) -> Option<NotificationId> {
    let bytes = entry.sort.len().checked_sub(16).and_then(|at| entry.sort.get(at..));
    bytes.and_then(|bytes| bytes.try_into().ok()).map(NotificationId::from_bytes)
}

enum Claimed {
    Taken(Box<Claim>),
    Suppressed,
    Gone,
}

/// What became of one that seemed due.
enum ClaimedRecord {
    Taken(Box<Record>),
    Suppressed,
    /// Somebody else has it, or the index lags behind.
    Gone,
}

struct ClaimOne {
    id: NotificationId,
    request: ClaimDue,
}

impl Step for ClaimOne {
    type Output = ClaimedRecord;

    async fn run(&self, work: &mut Work<'_>) -> Result<ClaimedRecord, LedgerError> {
        let ClaimDue { now, lease_until, .. } = self.request;
        let Some(mut record) = work.record(self.id).await? else { return Ok(ClaimedRecord::Gone) };
        let lifecycle = &record.notification.lifecycle;
        let Ok(claimed) = lifecycle.apply(&LifecycleStep::Claim { now, lease_until }) else {
            return Ok(ClaimedRecord::Gone);
        };
        if let Some(cause) = work.suppression(&record.notification.to, now).await? {
            let step = LifecycleStep::Suppress { cause: cause.clone() };
            let Ok(after) = record.notification.lifecycle.apply(&step) else {
                return Ok(ClaimedRecord::Gone);
            };
            work.change(&mut record, after, now, Some(TimelineEntry::suppressed(now, cause)));
            work.save(&mut record);
            return Ok(ClaimedRecord::Suppressed);
        }
        work.change(&mut record, claimed, now, None);
        work.save(&mut record);
        Ok(ClaimedRecord::Taken(Box::new(record)))
    }
}

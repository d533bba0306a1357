//! Claiming what is due.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Step as LifecycleStep;
use postrider_core::domain::notification::Priority;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::limits::{CLAIM_BYTES_MAX, CLAIM_MAX, DYNAMODB_CALLS_AT_ONCE_MAX};
use postrider_core::ports::ledger::{Claim, ClaimDue, Claims, LedgerError};

use crate::context::Context;
use crate::keys;
use crate::queries::Lanes;
use crate::record::Record;
use crate::table::{Consistency, Entry, Index, Item, Query};
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
            for claimed in claim_all(context, &due, request).await? {
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
    let lanes = context.every_shard().map(|shard| keys::waiting(priority, shard));
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

/// Claims what seems due, all of it read at once.
async fn claim_all(context: &Context, due: &[Entry], request: ClaimDue) -> Result<Vec<Claimed>, LedgerError> {
    let keys: Vec<_> = due.iter().map(|entry| entry.key.clone()).collect();
    let mut found = context.calls.get_all(&keys, Consistency::Strong).await?;
    let mut claims = Vec::with_capacity(due.len());
    for entry in due {
        let Some((id, _)) = keys::due_notification(&entry.sort) else { continue };
        claims.push(claim_one(context, ClaimOne { id, was: found.remove(&entry.key), request }));
    }
    together(claims).await
}

async fn claim_one(context: &Context, step: ClaimOne) -> Result<Claimed, LedgerError> {
    match context.carry_out(&step).await? {
        ClaimedRecord::Taken(record) => {
            let event = context.event_of(&record).await?;
            Ok(Claimed::Taken(Box::new(Claim { notification: record.notification, event })))
        }
        ClaimedRecord::Suppressed => Ok(Claimed::Suppressed),
        ClaimedRecord::Gone => Ok(Claimed::Gone),
    }
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
    /// Its item as it was read just now.
    was: Option<Item>,
    request: ClaimDue,
}

impl Step for ClaimOne {
    type Output = ClaimedRecord;

    async fn run(&self, work: &mut Work<'_>) -> Result<ClaimedRecord, LedgerError> {
        let ClaimDue { now, lease_until, .. } = self.request;
        if !work.is_repeated() {
            work.take(keys::notification(self.id), self.was.clone());
        }
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

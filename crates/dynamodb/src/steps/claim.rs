//! Claiming what is due.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Step as LifecycleStep;
use postrider_core::domain::notification::{Notification, Priority};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::limits::{CLAIM_BYTES_MAX, CLAIM_MAX, DYNAMODB_CALLS_AT_ONCE_MAX};
use postrider_core::ports::ledger::{Claim, ClaimDue, Claims, LedgerError};

use super::due::DueQueue;
use crate::context::Context;
use crate::keys;
use crate::record::Record;
use crate::table::{Consistency, Entry, Item};
use crate::together::together;
use crate::work::{Step, Work};

/// [`claim_due`](postrider_core::ports::ledger::Ledger::claim_due): walks along what is due and claims one after the
/// other, several at the same time. Whoever else does so at that moment gets others.
pub(crate) async fn claim_due(context: &Context, request: ClaimDue) -> Result<Claims, LedgerError> {
    let mut claims = Claims::default();
    match claim_into(&mut claims, context, request).await {
        Ok(()) => {}
        // Those that were claimed are the caller's, whatever became of the others; these it can ask for again.
        Err(LedgerError::Unavailable { .. }) if !claims.claims.is_empty() => {
            claims.next_due_at = Some(request.now);
        }
        Err(error) => return Err(error),
    }
    if claims.suppressed > 0 {
        // Places that the suppressed took may be wanted by others that are due.
        claims.next_due_at = Some(request.now);
    }
    Ok(claims)
}

async fn claim_into(claims: &mut Claims, context: &Context, request: ClaimDue) -> Result<(), LedgerError> {
    let mut taking = Taking { context, request, room: request.limit.min(CLAIM_MAX), bytes: 0 };
    for priority in Priority::ALL {
        let mut due = DueQueue::new(context, priority, request.now, taking.room);
        let mut taken = Vec::new();
        let ended = taking.take_from(&mut due, &mut taken, &mut claims.suppressed).await;
        taken.sort_unstable_by(|(a, _): &(Vec<u8>, Claim), (b, _)| a.cmp(b));
        claims.claims.extend(taken.into_iter().map(|(_, claim)| claim));
        if ended? == Ended::Full {
            // More is due at once than one claim may carry: ask again without waiting.
            claims.next_due_at = Some(request.now);
            return Ok(());
        }
        claims.next_due_at = [claims.next_due_at, due.next_due_at].into_iter().flatten().min();
    }
    Ok(())
}

/// Why no more is taken of one priority.
#[derive(PartialEq, Eq)]
enum Ended {
    /// Nothing more is due.
    Empty,
    /// There is no more room, and more is due.
    Full,
}

/// A claim under way.
struct Taking<'a> {
    context: &'a Context,
    request: ClaimDue,
    /// How many more may be taken.
    room: usize,
    /// Bytes of events that were taken.
    bytes: usize,
}

impl Taking<'_> {
    /// Claims what is due in one queue; what was claimed is in `taken` whether or not something fails then.
    async fn take_from(
        &mut self,
        due: &mut DueQueue<'_>,
        taken: &mut Vec<(Vec<u8>, Claim)>,
        suppressed: &mut usize,
    ) -> Result<Ended, LedgerError> {
        while due.has_next().await? {
            if self.room == 0 || self.bytes >= CLAIM_BYTES_MAX {
                return Ok(Ended::Full);
            }
            let entries = due.take(self.room.min(DYNAMODB_CALLS_AT_ONCE_MAX)).await?;
            let room_before = self.room;
            let mut failed = None;
            for claimed in claim_all(self.context, &entries, self.request).await? {
                match claimed {
                    Ok(Claimed::Taken(sort, claim)) => {
                        self.bytes += claim.event.data.len();
                        taken.push((sort, *claim));
                        self.room -= 1;
                    }
                    Ok(Claimed::Suppressed) => {
                        *suppressed += 1;
                        self.room -= 1;
                    }
                    Ok(Claimed::Gone) => {}
                    Err(error) => failed = Some(error),
                }
            }
            due.is_contended |= room_before - self.room < entries.len();
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(Ended::Empty)
    }
}

/// Claims what seems due, all of it read at once, and each recipient looked up once a category.
async fn claim_all(
    context: &Context,
    due: &[Entry],
    request: ClaimDue,
) -> Result<Vec<Result<Claimed, LedgerError>>, LedgerError> {
    let keys: Vec<_> = due.iter().map(|entry| entry.key.clone()).collect();
    let mut found = context.calls.get_all(&keys, Consistency::Strong).await?;
    let mut seeming = Vec::with_capacity(due.len());
    let mut recipients: Vec<(EmailAddress, Category)> = Vec::new();
    for entry in due {
        let Some((item, (id, _))) = found.remove(&entry.key).zip(keys::due_notification(&entry.sort)) else {
            continue;
        };
        let record = Record::read(&item.body).map_err(|garbled| context.garbled(&entry.key, &garbled))?;
        if record.notification.lifecycle.is_due(request.now) {
            let Notification { to, category, .. } = record.notification;
            let to = (to, category);
            if !recipients.contains(&to) {
                recipients.push(to.clone());
            }
            seeming.push((id, entry.sort.clone(), item, to));
        }
    }
    let causes = recipients.iter().map(|(to, category)| context.suppression(to, category, request.now));
    let causes: Vec<Option<Cause>> = together(causes.collect()).await?;
    let claims = seeming.into_iter().map(|(id, sort, was, to)| {
        let of_it = recipients.iter().zip(&causes).find(|(recipient, _)| **recipient == to);
        let suppressed = of_it.and_then(|(_, cause)| cause.clone());
        claim_one(context, sort, ClaimOne { id, was, suppressed, request })
    });
    // One that fails must not hide that others were claimed.
    Ok(futures_util::future::join_all(claims).await)
}

async fn claim_one(context: &Context, sort: Vec<u8>, step: ClaimOne) -> Result<Claimed, LedgerError> {
    match context.carry_out(&step).await? {
        ClaimedRecord::Taken(record) => {
            let event = context.event_of(&record).await?;
            Ok(Claimed::Taken(sort, Box::new(Claim { notification: record.notification, event })))
        }
        ClaimedRecord::Suppressed => Ok(Claimed::Suppressed),
        ClaimedRecord::Gone => Ok(Claimed::Gone),
    }
}

enum Claimed {
    /// With its place in the queue.
    Taken(Vec<u8>, Box<Claim>),
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
    was: Item,
    /// Why its recipient gets no mail, if that is so.
    suppressed: Option<Cause>,
    request: ClaimDue,
}

impl Step for ClaimOne {
    type Output = ClaimedRecord;

    async fn run(&self, work: &mut Work<'_>) -> Result<ClaimedRecord, LedgerError> {
        let ClaimDue { now, lease_until, .. } = self.request;
        if !work.is_repeated() {
            work.take(keys::notification(self.id), Some(self.was.clone()));
        }
        let Some(mut record) = work.record(self.id).await? else { return Ok(ClaimedRecord::Gone) };
        let lifecycle = &record.notification.lifecycle;
        let Ok(claimed) = lifecycle.apply(&LifecycleStep::Claim { now, lease_until }) else {
            return Ok(ClaimedRecord::Gone);
        };
        if let Some(cause) = self.suppressed.clone() {
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
        work.remember(keys::notification(self.id));
        Ok(ClaimedRecord::Taken(Box::new(record)))
    }
}

//! Puts dead letters back into the queue, by cause or by id, dedup intact.

use crate::domain::id::NotificationId;
use crate::domain::outcome::Cause;
use crate::domain::status::Status;
use crate::domain::time::Timestamp;
use crate::limits::{PAGE_MAX, REDRIVE_MAX};
use crate::ports::ledger::{Intervened, Intervention, Ledger, LedgerError, ListQuery};

/// Which dead letters to redrive.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Those with this cause.
    pub cause: Option<Cause>,
    /// These; empty means any.
    pub ids: Vec<NotificationId>,
    /// Only those accepted before this one: where the step before ended. Without it, a second step meets again what
    /// the first one queued and what died again since. Not for `ids`, which name each one.
    pub after: Option<NotificationId>,
    /// How many at most, up to [`REDRIVE_MAX`].
    pub limit: usize,
}

/// What a redrive did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Redriven {
    /// Queued again, or to be queued.
    pub redriven: Vec<NotificationId>,
    /// Asked for by id, but not dead letters, with the status each has; `None` if there is none.
    pub skipped: Vec<(NotificationId, Option<Status>)>,
    /// Whether more dead letters match than the limit let through.
    pub has_more: bool,
    /// Where the next step begins, if there is more and it was not asked for by id.
    pub next: Option<NotificationId>,
}

/// Redrives the selected dead letters, the newest first, or only says which with `dry_run`.
///
/// # Errors
/// The ledger's, in which case some may already be queued again; asking again is safe.
pub async fn redrive(
    ledger: &dyn Ledger,
    selection: &Selection,
    dry_run: bool,
    now: Timestamp,
) -> Result<Redriven, LedgerError> {
    let mut result = Redriven::default();
    let limit = selection.limit.min(REDRIVE_MAX);
    let chosen = if selection.ids.is_empty() {
        find_by_cause(ledger, selection, limit, &mut result).await?
    } else {
        find_by_id(ledger, selection, limit, &mut result).await?
    };
    for id in chosen {
        if dry_run {
            result.redriven.push(id);
            continue;
        }
        match ledger.intervene(id, Intervention::Retry, now).await? {
            Intervened::Done(_) => result.redriven.push(id),
            Intervened::NotFound => result.skipped.push((id, None)),
            Intervened::Forbidden(status) => result.skipped.push((id, Some(status))),
            // Only a report that came later made a dead letter of it: what was erased is canceled, or had left.
            Intervened::Erased => result.skipped.push((id, Some(Status::Failed))),
        }
    }
    Ok(result)
}

async fn find_by_cause(
    ledger: &dyn Ledger,
    selection: &Selection,
    limit: usize,
    result: &mut Redriven,
) -> Result<Vec<NotificationId>, LedgerError> {
    let mut chosen = Vec::new();
    let mut after = selection.after;
    loop {
        let query = ListQuery {
            statuses: Status::DEAD_LETTERS.to_vec(),
            cause: selection.cause.clone(),
            after,
            limit: PAGE_MAX,
            ..ListQuery::default()
        };
        let page = ledger.list(query).await?;
        for notification in page.notifications {
            if chosen.len() == limit {
                result.has_more = true;
                result.next = chosen.last().copied();
                return Ok(chosen);
            }
            chosen.push(notification.id);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(chosen),
        }
    }
}

async fn find_by_id(
    ledger: &dyn Ledger,
    selection: &Selection,
    limit: usize,
    result: &mut Redriven,
) -> Result<Vec<NotificationId>, LedgerError> {
    let mut chosen = Vec::new();
    for id in &selection.ids {
        if chosen.len() == limit {
            result.has_more = true;
            break;
        }
        match ledger.find(*id).await? {
            None => result.skipped.push((*id, None)),
            Some(record) => {
                let lifecycle = &record.notification.lifecycle;
                let cause_matches =
                    selection.cause.is_none() || selection.cause.as_ref() == lifecycle.cause.as_ref();
                if lifecycle.status.is_dead_letter() && cause_matches {
                    chosen.push(*id);
                } else {
                    result.skipped.push((*id, Some(lifecycle.status)));
                }
            }
        }
    }
    Ok(chosen)
}

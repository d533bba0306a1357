//! The suppression list, read.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::suppression::Suppression;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{PAGE_SCAN_MAX, SUPPRESSIONS_PAGE_MAX};
use postrider_core::ports::feedback::{SuppressionPage, SuppressionQuery};
use postrider_core::ports::ledger::LedgerError;

use super::Lanes;
use crate::context::Context;
use crate::keys;
use crate::steps::read_suppression;
use crate::table::{Consistency, Entry, Index, Query};

/// The entries of one address that hold at `now`.
pub(crate) async fn suppressions_of(
    context: &Context,
    address: &EmailAddress,
    now: Timestamp,
) -> Result<Vec<Suppression>, LedgerError> {
    let mut query = Query::forward(keys::recipient(context.recipient(address)), SUPPRESSIONS_PAGE_MAX);
    (query.from, query.to) = (Some(b"s".to_vec()), Some(b"t".to_vec()));
    let page = context.calls.query(&query).await?;
    let mut entries = Vec::new();
    for item in &page.found {
        let read = read_suppression(item).map_err(|garbled| context.garbled(&item.key, &garbled))?;
        entries.extend(Some(read.1).filter(|entry| entry.holds(now)));
    }
    Ok(entries)
}

/// One page of the list, newest first.
///
/// A cursor is a place on the list. Places within one millisecond are given by chance, so that two entries may have the
/// same: a page never ends between them.
pub(crate) async fn list_suppressions(
    context: &Context,
    query: SuppressionQuery,
    now: Timestamp,
) -> Result<SuppressionPage, LedgerError> {
    let limit = query.limit.clamp(1, SUPPRESSIONS_PAGE_MAX);
    let Some(to) = query.after.map_or(Some(u64::MAX), |after| after.checked_sub(1)) else {
        return Ok(SuppressionPage::default());
    };
    let lanes = context.every_shard().map(|shard| Query {
        to: Some(to.to_be_bytes().to_vec()),
        ..Query::backward(keys::suppressions_by_time(shard), limit + 1)
    });
    let mut lanes = Lanes::new(context, Index::Time, lanes);
    let mut page: Vec<(u64, Suppression)> = Vec::new();
    let mut seen = 0;
    loop {
        let entries = lanes.take(limit + 1).await?;
        seen += entries.len();
        let Some(last) = entries.last().map(place) else { return Ok(ended(page)) };
        for (place, entry) in load(context, &entries).await? {
            let is_wanted = entry.holds(now) && query.reason.is_none_or(|reason| reason == entry.reason);
            if !is_wanted {
                continue;
            }
            if page.len() >= limit && page.last().is_some_and(|(last, _)| *last != place) {
                return Ok(cut(page, limit));
            }
            page.push((place, entry));
        }
        if seen >= PAGE_SCAN_MAX {
            let mut page = ended(page);
            page.next = Some(last);
            return Ok(page);
        }
    }
}

fn place(entry: &Entry) -> u64 {
    entry.sort.as_slice().try_into().map_or(0, u64::from_be_bytes)
}

fn ended(page: Vec<(u64, Suppression)>) -> SuppressionPage {
    SuppressionPage { entries: page.into_iter().map(|(_, entry)| entry).collect(), next: None }
}

/// A page that has a next one. What shares the last place beyond the limit moves there, as a whole.
fn cut(mut page: Vec<(u64, Suppression)>, limit: usize) -> SuppressionPage {
    if page.len() > limit {
        let last = page.last().map(|(place, _)| *place);
        let whole = page.iter().take_while(|(place, _)| Some(*place) != last).count();
        // Unless nothing else is on it: then there is no other way to go on.
        if whole > 0 {
            page.truncate(whole);
        }
    }
    let next = page.last().map(|(place, _)| *place);
    SuppressionPage { next, ..ended(page) }
}

/// What the entries of the index lead to, in their order.
async fn load(context: &Context, entries: &[Entry]) -> Result<Vec<(u64, Suppression)>, LedgerError> {
    let keys: Vec<_> = entries.iter().map(|entry| entry.key.clone()).collect();
    let found = context.calls.get_all(&keys, Consistency::Eventual).await?;
    let mut loaded = Vec::new();
    for item in keys.iter().filter_map(|key| found.get(key)) {
        loaded.push(read_suppression(item).map_err(|garbled| context.garbled(&item.key, &garbled))?);
    }
    Ok(loaded)
}

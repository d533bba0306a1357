//! Forgetting the words of mail servers that changes of an erased notification quote, wherever the feed keeps them.
//!
//! Fresh changes are looked at before pages: what is numbered in between is found there.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::ports::ledger::LedgerError;

use super::change::{Change, least_number};
use super::endpoint::Endpoint;
use super::feed::{read_fresh, read_page, save_fresh, save_page};
use super::keys;
use super::line::Line;
use super::registry::Registry;
use crate::context::Context;
use crate::table::{Key, Query};
use crate::work::{Step, Work};

/// How much later than its instant a change may have its number, as a replay reckons too.
const NUMBERED_LATE_MS: u64 = 60_000;
/// Items that are looked at together.
const AT_ONCE: usize = 20;

/// Takes the words out of everything that tells of `entries` of the notification `id`.
pub(crate) async fn forget_words(
    context: &Context,
    id: NotificationId,
    entries: &[TimelineEntry],
) -> Result<(), LedgerError> {
    let mut instants: Vec<Timestamp> =
        entries.iter().filter(|entry| entry.words.is_some()).map(|entry| entry.at).collect();
    instants.sort_unstable();
    instants.dedup();
    if instants.is_empty() || context.carry_out(&EverAny).await? == 0 {
        return Ok(());
    }
    let shard = context.shard(id);
    for at in &instants {
        let from = keys::fresh_change(shard, *at, id, 0, 0).sk;
        let to = keys::fresh_change(shard, *at, id, u64::MAX, u8::MAX).sk;
        let query = Query { from: Some(from), to: Some(to), ..Query::forward(keys::fresh(shard), AT_ONCE) };
        forget_in(context, query, id, Place::Fresh, None).await?;
    }
    for at in instants {
        let from = least_number(at).to_be_bytes().to_vec();
        let query = Query { from: Some(from), ..Query::forward(keys::feed(shard), AT_ONCE) };
        let last = least_number(at.plus_ms(NUMBERED_LATE_MS)).to_be_bytes().to_vec();
        forget_in(context, query, id, Place::Page, Some(last)).await?;
    }
    for endpoint in Endpoint::load_all(context).await? {
        context.carry_out(&ForgettingLine { endpoint, id }).await?;
    }
    Ok(())
}

/// How many endpoints were ever made: before the first there is no feed.
struct EverAny;

impl Step for EverAny {
    type Output = u64;

    async fn run(&self, work: &mut Work<'_>) -> Result<u64, LedgerError> {
        Ok(Registry::load(work).await?.generation)
    }
}

#[derive(Clone, Copy)]
enum Place {
    Fresh,
    Page,
}

/// Goes through what `query` finds. The first item beyond `last` is the last one that is looked at: a page stands under the
/// last of its numbers.
async fn forget_in(
    context: &Context,
    query: Query,
    id: NotificationId,
    place: Place,
    last: Option<Vec<u8>>,
) -> Result<(), LedgerError> {
    let mut query = query;
    loop {
        let page = context.calls.query(&query).await?;
        for item in page.found {
            let is_last = last.as_ref().is_some_and(|last| item.key.sk > *last);
            context.carry_out(&Forgetting { key: item.key, id, place }).await?;
            if is_last {
                return Ok(());
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Forgets the words in one item of the feed.
struct Forgetting {
    key: Key,
    id: NotificationId,
    place: Place,
}

impl Step for Forgetting {
    type Output = ();

    async fn run(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        let (key, context) = (&self.key, work.context);
        let Some(body) = work.body(key).await? else { return Ok(()) };
        match self.place {
            Place::Fresh => {
                let mut change = read_fresh(body).map_err(|garbled| context.garbled(key, &garbled))?;
                if forget(&mut change, self.id) {
                    save_fresh(work, key, &change);
                }
            }
            Place::Page => {
                let mut changes = read_page(body).map_err(|garbled| context.garbled(key, &garbled))?;
                let forgotten = changes.iter_mut().map(|numbered| forget(&mut numbered.change, self.id));
                if forgotten.filter(|forgotten| *forgotten).count() > 0 {
                    save_page(work, key, &changes);
                }
            }
        }
        Ok(())
    }
}

fn forget(change: &mut Change, id: NotificationId) -> bool {
    change.notification == id && change.entry.words.take().is_some()
}

/// Forgets the words in what an endpoint waits for.
struct ForgettingLine {
    endpoint: Endpoint,
    id: NotificationId,
}

impl Step for ForgettingLine {
    type Output = ();

    async fn run(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        // The line keeps its length and its place, so what its endpoint counts stays as it is.
        let mut endpoint = self.endpoint.clone();
        let mut line = Line::load(work, &endpoint, self.id).await?;
        let forgotten = line.calls.iter_mut().map(|call| forget(&mut call.change, self.id));
        if forgotten.filter(|forgotten| *forgotten).count() > 0 {
            line.save(work, &mut endpoint);
        }
        Ok(())
    }
}

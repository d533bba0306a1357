//! Forgetting what is too old: our clock says what is, the service's housekeeping only clears away after us.

use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{WEBHOOK_FEED_MS_MAX, WEBHOOK_PRUNE_MAX};
use postrider_core::ports::ledger::LedgerError;

use super::change::Numbered;
use super::endpoint::Endpoint;
use super::feed::{Head, read_page, save_page};
use super::keys;
use super::upkeep::Losing;
use crate::context::Context;
use crate::table::{Key, Query};
use crate::work::{Step, Work};

/// Clears away what is too old, a bounded number of changes, counting what an endpoint never got.
pub(super) async fn forget_old(
    context: &Context,
    heads: &mut [Head],
    endpoints: &mut [Endpoint],
    now: Timestamp,
) -> Result<(), LedgerError> {
    let mut left = WEBHOOK_PRUNE_MAX;
    for (shard, head) in (0..).zip(heads) {
        while left > 0 && head.oldest.is_some_and(|at| is_old(at, now)) {
            let page = context.calls.query(&Query::forward(keys::feed(shard), 1)).await?;
            let (mut old, mut key) = (Vec::new(), None);
            if let Some(item) = page.found.into_iter().next() {
                old = read_page(&item.body).map_err(|garbled| context.garbled(&item.key, &garbled))?;
                let count = old.iter().take_while(|numbered| is_old(numbered.change.at(), now)).count();
                old.truncate(count);
                key = Some(item.key);
            }
            if let Some(last) = old.last() {
                count_lost(context, endpoints, shard, &old, last.n).await?;
            }
            *head = context.carry_out(&Forgetting { shard, key, old: &old }).await?;
            left = left.saturating_sub(old.len().max(1));
        }
    }
    Ok(())
}

fn is_old(at: Timestamp, now: Timestamp) -> bool {
    now.ms_since(at) > WEBHOOK_FEED_MS_MAX
}

async fn count_lost(
    context: &Context,
    endpoints: &mut [Endpoint],
    shard: u8,
    old: &[Numbered],
    last: u64,
) -> Result<(), LedgerError> {
    for endpoint in endpoints {
        if endpoint.webhook.pending_calls == 0 && endpoint.cursor(shard) >= last {
            continue;
        }
        let step = Losing { id: endpoint.webhook.id, shard, old };
        if let Some(after) = context.carry_out(&step).await? {
            *endpoint = after;
        }
    }
    Ok(())
}

/// Takes the first changes of a shard off their page.
struct Forgetting<'a> {
    shard: u8,
    /// The page they are on.
    key: Option<Key>,
    old: &'a [Numbered],
}

impl Step for Forgetting<'_> {
    type Output = Head;

    async fn run(&self, work: &mut Work<'_>) -> Result<Head, LedgerError> {
        let context = work.context;
        let mut head = Head::load(work, self.shard).await?;
        // The one after tells how old the feed is then.
        let pages = context.calls.query(&Query::forward(keys::feed(self.shard), 2)).await?;
        let mut oldest = None;
        for item in pages.found {
            let key = item.key.clone();
            let mut changes = read_page(&item.body).map_err(|garbled| context.garbled(&key, &garbled))?;
            if self.key.as_ref() == Some(&key) {
                work.take(key.clone(), Some(item));
                let before = changes.len();
                let last = self.old.last().map_or(0, |numbered| numbered.n);
                changes.retain(|numbered| numbered.n > last);
                if changes.is_empty() {
                    work.delete(&key);
                } else if changes.len() < before {
                    save_page(work, &key, &changes);
                }
            }
            oldest = oldest.or(changes.first().map(|numbered| numbered.change.at()));
        }
        if head.oldest != oldest {
            head.oldest = oldest;
            head.save(work, self.shard);
        }
        Ok(head)
    }
}

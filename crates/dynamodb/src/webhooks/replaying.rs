//! Telling an endpoint again what happened.

use postrider_core::domain::id::WebhookId;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::WEBHOOK_REPLAY_MAX;
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{Replay, ReplayCursor, Replayed};

use super::change::{Numbered, least_number, shard_of};
use super::endpoint::Endpoint;
use super::feed::{PAGE_CHANGES_MAX, read_feed};
use super::upkeep::{add_all, read_lines};
use crate::context::Context;
use crate::together::together;
use crate::work::{Step, Work};

/// How much later a change's number may be than what it tells, where clocks differ or a write took long. A replay looks
/// that far beyond its end.
const NUMBERED_LATE_MS_MAX: u64 = 60_000;

/// [`replay_webhook`](postrider_core::ports::webhooks::WebhookLedger::replay_webhook). Walks along the feed by number.
pub(super) async fn replay(context: &Context, replay: &Replay) -> Result<Replayed, LedgerError> {
    let Replay { webhook, since, until, after, now } = *replay;
    let from = after.map_or(0, |after| after.change.saturating_add(1)).max(least_number(since));
    let to = least_number(until.plus_ms(NUMBERED_LATE_MS_MAX));
    let is_in = |numbered: &Numbered| (since..until).contains(&numbered.change.at());
    let shards = context.every_shard();
    let feeds = shards.map(|shard| read_feed(context, shard, (from, to), WEBHOOK_REPLAY_MAX, is_in));
    let mut changes: Vec<_> = together(feeds.collect()).await?.into_iter().flatten().collect();
    changes.sort_unstable_by_key(|numbered| numbered.n);
    let is_last = changes.len() < WEBHOOK_REPLAY_MAX;
    changes.truncate(WEBHOOK_REPLAY_MAX);

    let (mut calls, mut next) = (0, after);
    let mut rest = changes.as_slice();
    loop {
        let part = rest.get(..PAGE_CHANGES_MAX).unwrap_or(rest);
        let step = ReplayingPart { webhook, changes: part, now };
        let Some((added, looked_at)) = context.carry_out(&step).await? else {
            return Ok(Replayed::NotFound);
        };
        calls += added;
        let (done, left) = rest.split_at(looked_at);
        rest = left;
        next = done.last().map(|it| ReplayCursor { at: it.change.at(), change: it.n }).or(next);
        if looked_at < part.len() {
            return Ok(Replayed::Full { calls, next });
        }
        if rest.is_empty() {
            return Ok(Replayed::Added { calls, next: next.filter(|_| !is_last) });
        }
    }
}

/// Makes calls anew for some changes, as long as there is room. Tells how many calls it made, and how many changes it
/// looked at.
struct ReplayingPart<'a> {
    webhook: WebhookId,
    changes: &'a [Numbered],
    now: Timestamp,
}

impl Step for ReplayingPart<'_> {
    type Output = Option<(usize, usize)>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Self::Output, LedgerError> {
        let Some(mut endpoint) = Endpoint::load(work, self.webhook).await? else { return Ok(None) };
        read_lines(work, &endpoint, self.changes.iter().map(|numbered| numbered.change.notification)).await?;
        let (mut added, mut looked_at) = (0, 0);
        for numbered in self.changes {
            if endpoint.room() == 0 {
                break;
            }
            looked_at += 1;
            // What it was not looked through for yet comes anyway.
            let was_looked_at = numbered.n <= endpoint.cursor(shard_of(numbered.n));
            if was_looked_at && endpoint.webhook.wants(numbered.change.event) {
                added += add_all(work, &mut endpoint, std::slice::from_ref(numbered), self.now).await?;
            }
        }
        if added > 0 {
            endpoint.save(work);
        }
        Ok(Some((added, looked_at)))
    }
}

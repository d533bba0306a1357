//! Making calls of what the feed brought.

use postrider_core::domain::id::WebhookId;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::ClaimCalls;

use super::change::Numbered;
use super::endpoint::Endpoint;
use super::feed::{Head, PAGE_CHANGES_MAX, read_feed};
use super::line::Line;
use super::taking::{DueLine, Taken, places, take};
use super::upkeep::{Touched, read_lines};
use crate::context::Context;
use crate::work::{Step, Work};

/// How calls are made of what the feed brought.
#[derive(Clone, Copy)]
pub(super) struct FanOut<'a> {
    /// Where the feed stands, by shard.
    pub(super) heads: &'a [Head],
    /// Changes one endpoint is looked through for at most.
    pub(super) share: usize,
    pub(super) now: Timestamp,
    /// If calls may be claimed in the write that makes them. Usually they are, and then nobody ever waits.
    pub(super) at_once: Option<ClaimCalls>,
}

impl FanOut<'_> {
    /// Makes calls for one endpoint. Tells whether there is more for it, and room; and what was claimed.
    pub(super) async fn run(
        self,
        context: &Context,
        endpoint: &mut Endpoint,
        touched: &mut Touched,
    ) -> Result<(bool, Taken), LedgerError> {
        let mut left = self.share;
        let mut taken = Taken::default();
        while left > 0 && lags(endpoint, self.heads) && endpoint.room() > 0 {
            let id = endpoint.webhook.id;
            let step = FanningOut { id, fan_out: self, most: left.min(PAGE_CHANGES_MAX) };
            let Some(made) = context.carry_out(&step).await? else { return Ok((false, taken)) };
            *endpoint = made.endpoint;
            touched.extend(made.touched);
            taken.calls.extend(made.taken.calls);
            taken.is_any_gone |= made.taken.is_any_gone;
            if made.looked_at == 0 {
                break;
            }
            left = left.saturating_sub(made.looked_at);
        }
        Ok((lags(endpoint, self.heads) && endpoint.room() > 0, taken))
    }
}

/// Whether there are changes that the endpoint was not looked through for.
pub(super) fn lags(endpoint: &Endpoint, heads: &[Head]) -> bool {
    endpoint.webhook.is_enabled() && (0..).zip(heads).any(|(shard, head)| endpoint.cursor(shard) < head.last)
}

struct FanningOut<'a> {
    id: WebhookId,
    fan_out: FanOut<'a>,
    most: usize,
}

/// What one write made.
struct Made {
    endpoint: Endpoint,
    looked_at: usize,
    touched: Touched,
    taken: Taken,
}

impl Step for FanningOut<'_> {
    type Output = Option<Made>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Option<Made>, LedgerError> {
        let FanOut { heads, now, at_once, .. } = self.fan_out;
        let Some(mut endpoint) = Endpoint::load(work, self.id).await? else { return Ok(None) };
        let mut made =
            Made { endpoint: endpoint.clone(), looked_at: 0, touched: Vec::new(), taken: Taken::default() };
        if !endpoint.webhook.is_enabled() {
            return Ok(Some(made));
        }
        // What waits already, or comes back from a claim that lapsed, may go before what is new.
        let is_idle = endpoint.waiting == 0 && endpoint.in_hand.iter().all(|call| call.until > now);
        let most = self.most.min(endpoint.room());
        let mut wanted = Vec::new();
        for (shard, head) in (0..).zip(heads) {
            let cursor = endpoint.cursor(shard);
            let left = most - made.looked_at;
            if cursor >= head.last || left == 0 {
                continue;
            }
            let changes = read_feed(work.context, shard, (cursor + 1, head.last), left, |_| true).await?;
            // Fewer than there may be: these are the last.
            let reached = if changes.len() < left { Some(head.last) } else { changes.last().map(|it| it.n) };
            endpoint.advance(shard, reached.unwrap_or(head.last));
            made.looked_at += changes.len();
            wanted.extend(changes.into_iter().filter(|numbered| is_wanted(&endpoint, numbered)));
        }
        made.touched = wanted.iter().map(|numbered| numbered.change.notification).collect();
        made.touched.sort_unstable();
        made.touched.dedup();
        read_lines(work, &endpoint, made.touched.iter().copied()).await?;
        add_all(work, &mut endpoint, &wanted, now).await?;
        if let Some(request) = at_once.filter(|_| is_idle && !lags(&endpoint, heads)) {
            let lines = first_due(work, &endpoint, &made.touched, request).await?;
            made.taken = take(work, &mut endpoint, lines, request).await?;
        }
        endpoint.save(work);
        made.endpoint = endpoint;
        Ok(Some(made))
    }
}

/// Lines that were just added to and can be claimed from, longest due first, as many as there are places.
async fn first_due(
    work: &mut Work<'_>,
    endpoint: &Endpoint,
    touched: &Touched,
    request: ClaimCalls,
) -> Result<Vec<(DueLine, Line)>, LedgerError> {
    let mut lines = Vec::with_capacity(touched.len());
    for notification in touched {
        let line = Line::load(work, endpoint, *notification).await?;
        if let Some(call) = line.first_waiting().filter(|call| call.due_at <= request.now) {
            let due = DueLine { at: call.due_at, n: call.n, notification: *notification };
            lines.push((due, line));
        }
    }
    lines.sort_by_key(|(due, _)| *due);
    lines.truncate(places(endpoint, request));
    Ok(lines)
}

/// Whether the endpoint is to hear of a change that it has not been looked through for yet.
pub(super) fn is_wanted(endpoint: &Endpoint, numbered: &Numbered) -> bool {
    numbered.change.generation >= endpoint.born && endpoint.webhook.wants(numbered.change.event)
}

/// Adds calls for `changes`, whose lines are in hand. Tells how many are new.
pub(super) async fn add_all(
    work: &mut Work<'_>,
    endpoint: &mut Endpoint,
    changes: &[Numbered],
    now: Timestamp,
) -> Result<usize, LedgerError> {
    let mut added = 0;
    for numbered in changes {
        let mut line = Line::load(work, endpoint, numbered.change.notification).await?;
        // Due since it happened: after an outage the oldest goes first.
        if line.add(numbered, numbered.change.at().min(now)) {
            added += 1;
            line.save(work, endpoint);
        }
    }
    Ok(added)
}

//! Claiming calls.

use std::collections::HashSet;

use postrider_core::domain::id::{NotificationId, WebhookId};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{WEBHOOK_CLAIM_MAX, WEBHOOK_FAN_OUT_MAX};
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{ClaimCalls, WebhookCall, WebhookCalls};

use super::endpoint::{Endpoint, InHand};
use super::feed::{Head, number_shard};
use super::forgetting::forget_old;
use super::keys;
use super::line::Line;
use super::upkeep::{LINES_MAX, Touched, fan_out, hasten, lags, read_lines, take_back_lapsed};
use crate::context::Context;
use crate::keys::{instant_of, notification};
use crate::table::{Index, Key, Query};
use crate::together::together;
use crate::work::{Step, Work};

/// [`claim_calls`](postrider_core::ports::webhooks::WebhookLedger::claim_calls).
pub(super) async fn claim_calls(context: &Context, request: ClaimCalls) -> Result<WebhookCalls, LedgerError> {
    let request = ClaimCalls { limit: request.limit.min(WEBHOOK_CLAIM_MAX), ..request };
    let now = request.now;
    let mut endpoints = Endpoint::load_all(context).await?;
    if endpoints.is_empty() {
        return Ok(WebhookCalls::default());
    }
    let numbered =
        together(context.every_shard().map(|shard| number_shard(context, shard)).collect()).await?;
    let mut has_more = numbered.iter().any(|(_, has_more)| *has_more);
    let mut heads: Vec<Head> = numbered.into_iter().map(|(head, _)| head).collect();
    forget_old(context, &mut heads, &mut endpoints, now).await?;
    endpoints.retain(|endpoint| endpoint.webhook.is_enabled());
    // Each endpoint that lags gets its share of the step, so that a long way behind is nobody else's delay.
    let lagging = endpoints.iter().filter(|endpoint| lags(endpoint, &heads)).count();
    let share = WEBHOOK_FAN_OUT_MAX.checked_div(lagging).unwrap_or_default();
    let queues = endpoints.into_iter().map(|endpoint| Queue::open(context, endpoint, &heads, share, request));
    let mut queues = together(queues.collect()).await?;
    let quotas = quotas(&queues, request);
    let claiming = queues.iter_mut().zip(quotas).map(|(queue, quota)| queue.claim(context, quota, request));
    let mut claimed = Vec::new();
    for (index, calls) in together(claiming.collect()).await?.into_iter().enumerate() {
        claimed.extend(calls.into_iter().map(|(rank, due_at, call)| (rank, due_at, index, call)));
    }
    claimed.sort_by_key(|(rank, due_at, index, call)| (*rank, *due_at, *index, call.change));
    has_more |= queues.iter().any(|queue| queue.has_more);
    let next = queues.iter().filter_map(|queue| queue.next_due_at(now)).min();
    let next_due_at = if has_more { Some(now) } else { next };
    Ok(WebhookCalls { calls: claimed.into_iter().map(|(.., call)| call).collect(), next_due_at })
}

/// How many calls each queue gives: one of each endpoint before the second of any, so that whoever is slow holds its own
/// places and no others.
fn quotas(queues: &[Queue], request: ClaimCalls) -> Vec<usize> {
    let mut candidates = Vec::new();
    for (index, queue) in queues.iter().enumerate() {
        let in_hand = queue.endpoint.in_hand.len();
        let due = queue.due.iter().take(request.per_endpoint.saturating_sub(in_hand));
        candidates.extend(due.enumerate().map(|(rank, due)| (in_hand + rank, due.at, index)));
    }
    candidates.sort_unstable();
    candidates.truncate(request.limit);
    let mut quotas = vec![0; queues.len()];
    for (.., index) in candidates {
        quotas[index] += 1;
    }
    quotas
}

/// The queue of one endpoint, as far as one claim looks at it.
struct Queue {
    endpoint: Endpoint,
    /// Lines whose first call is due, or may be.
    due: Vec<DueLine>,
    /// When the next one becomes due.
    next: Option<Timestamp>,
    /// Whether there is more to do at once.
    has_more: bool,
}

/// A line that may be claimed from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct DueLine {
    at: Timestamp,
    n: u64,
    notification: NotificationId,
}

impl Queue {
    /// Brings the queue up to date, and looks what is due.
    async fn open(
        context: &Context,
        mut endpoint: Endpoint,
        heads: &[Head],
        share: usize,
        request: ClaimCalls,
    ) -> Result<Self, LedgerError> {
        let (now, mut touched) = (request.now, Touched::new());
        let mut has_more = fan_out(context, &mut endpoint, heads, share, now, &mut touched).await?;
        take_back_lapsed(context, &mut endpoint, now, &mut touched).await?;
        has_more |= hasten(context, &mut endpoint, now, &mut touched).await?;
        let mut queue = Self { endpoint, due: Vec::new(), next: None, has_more };
        if queue.endpoint.waiting > 0 {
            queue.look(context, &touched, request).await?;
        }
        Ok(queue)
    }

    /// Looks into the due index. It may lag behind: what is known to have been written just now counts as well, and while
    /// it shows less than there is, there is more to do.
    async fn look(
        &mut self,
        context: &Context,
        touched: &[NotificationId],
        request: ClaimCalls,
    ) -> Result<(), LedgerError> {
        let now = request.now;
        // Others may claim the first of them meanwhile.
        let limit = (request.limit.min(request.per_endpoint) * 2 + 16).min(WEBHOOK_CLAIM_MAX);
        let mut query = Query::forward(self.endpoint.due_partition(), limit);
        let page = context.calls.query_index(Index::Due, &query).await?;
        let mut shown = HashSet::new();
        for entry in &page.found {
            let Some(line) = due_line(&entry.key, &entry.sort) else { continue };
            shown.insert(line.notification);
            if line.at <= now {
                self.due.push(line);
            } else {
                self.next = self.next.or(Some(line.at));
            }
        }
        for notification in touched {
            if shown.insert(*notification) && page.next.is_none() {
                self.due.push(DueLine { at: now, n: u64::MAX, notification: *notification });
            }
        }
        if page.next.is_none() {
            self.has_more |= (shown.len() as u64) < self.endpoint.waiting;
        } else if self.next.is_none() {
            query = Query { from: Some(keys::due(now.plus_ms(1), 0)), limit: 1, ..query };
            let page = context.calls.query_index(Index::Due, &query).await?;
            self.next = page.found.first().and_then(|entry| instant_of(&entry.sort));
        }
        Ok(())
    }

    /// Claims up to `quota` calls. Tells each with its rank among those on their way, and when it was due.
    async fn claim(
        &mut self,
        context: &Context,
        quota: usize,
        request: ClaimCalls,
    ) -> Result<Vec<(usize, Timestamp, WebhookCall)>, LedgerError> {
        let due = std::mem::take(&mut self.due);
        let mut due = due.as_slice();
        let mut calls = Vec::new();
        while calls.len() < quota && !due.is_empty() {
            let most = (quota - calls.len()).min(LINES_MAX);
            let step = Claiming { id: self.endpoint.webhook.id, due, most, request };
            let Some(claimed) = context.carry_out(&step).await? else { return Ok(calls) };
            self.endpoint = claimed.endpoint;
            self.has_more |= claimed.is_any_gone;
            calls.extend(claimed.calls);
            due = due.get(claimed.looked_at.max(1)..).unwrap_or_default();
        }
        Ok(calls)
    }

    fn next_due_at(&self, now: Timestamp) -> Option<Timestamp> {
        let lapses = self.endpoint.in_hand.iter().map(|call| call.until);
        lapses.chain(self.next).filter(|at| *at > now).min()
    }
}

fn due_line(key: &Key, sort: &[u8]) -> Option<DueLine> {
    let n = u64::from_be_bytes(sort.get(6..)?.try_into().ok()?);
    Some(DueLine { at: instant_of(sort)?, n, notification: keys::notification_of(key)? })
}

/// Claims calls of one endpoint.
struct Claiming<'a> {
    id: WebhookId,
    due: &'a [DueLine],
    most: usize,
    request: ClaimCalls,
}

/// What a claim came to.
struct Claimed {
    endpoint: Endpoint,
    calls: Vec<(usize, Timestamp, WebhookCall)>,
    /// How many of the lines it looked at.
    looked_at: usize,
    /// Whether there was a call about a notification that is not there any more.
    is_any_gone: bool,
}

impl Step for Claiming<'_> {
    type Output = Option<Claimed>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Option<Claimed>, LedgerError> {
        let ClaimCalls { now, lease_until, per_endpoint, .. } = self.request;
        let Some(mut endpoint) = Endpoint::load(work, self.id).await? else { return Ok(None) };
        let in_hand = endpoint.in_hand.len();
        let room = if endpoint.webhook.is_enabled() { per_endpoint.saturating_sub(in_hand) } else { 0 };
        let (lines, looked_at) = self.due_lines(work, &endpoint, self.most.min(room)).await?;
        let notifications = lines.iter().map(|(due, _)| notification(due.notification));
        work.read_all(&notifications.collect::<Vec<_>>()).await?;
        let mut calls = Vec::with_capacity(lines.len());
        let mut is_any_gone = false;
        for (due, mut line) in lines {
            match (work.record(due.notification).await?, line.first_waiting_mut()) {
                (Some(record), Some(call)) => {
                    call.attempts = call.attempts.saturating_add(1);
                    call.in_hand = true;
                    call.due_at = lease_until;
                    let on_its_way = InHand { n: call.n, notification: due.notification, until: lease_until };
                    let told = WebhookCall {
                        webhook: endpoint.webhook.id,
                        url: endpoint.webhook.url.clone(),
                        secrets: endpoint.webhook.secrets_at(now),
                        change: call.n,
                        attempt: call.attempts,
                        event: call.change.event,
                        at: call.change.at(),
                        notification: record.notification,
                        status: call.change.status,
                        entry: call.change.entry.clone(),
                    };
                    calls.push((in_hand + calls.len(), due.at, told));
                    endpoint.in_hand.push(on_its_way);
                }
                _ => {
                    // What it tells of is no longer there: the notification was removed.
                    line.calls.clear();
                    is_any_gone = true;
                }
            }
            line.save(work, &mut endpoint);
        }
        if !calls.is_empty() || is_any_gone {
            endpoint.save(work);
        }
        Ok(Some(Claimed { endpoint, calls, looked_at, is_any_gone }))
    }
}

impl Claiming<'_> {
    /// The first `most` lines that are due indeed, longest due first, and how many it looked at for them.
    async fn due_lines(
        &self,
        work: &mut Work<'_>,
        endpoint: &Endpoint,
        most: usize,
    ) -> Result<(Vec<(DueLine, Line)>, usize), LedgerError> {
        let (mut lines, mut looked_at) = (Vec::with_capacity(most), 0);
        for part in self.due.chunks(most.max(1)) {
            if lines.len() >= most {
                break;
            }
            read_lines(work, endpoint, part.iter().map(|due| due.notification)).await?;
            for due in part.iter().take(most - lines.len()) {
                looked_at += 1;
                let line = Line::load(work, endpoint, due.notification).await?;
                let first = line.first_waiting().filter(|call| call.due_at <= self.request.now);
                if let Some(call) = first {
                    lines.push((DueLine { at: call.due_at, n: call.n, ..*due }, line));
                }
            }
        }
        lines.sort_by_key(|(due, _)| *due);
        Ok((lines, looked_at))
    }
}

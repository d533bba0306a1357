//! What keeps the queues of endpoints in order, a bounded piece at every claim.

use postrider_core::domain::id::{NotificationId, WebhookId};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::WEBHOOK_HASTEN_MAX;
use postrider_core::ports::ledger::LedgerError;

use super::change::Numbered;
use super::endpoint::Endpoint;
use super::feed::{Head, PAGE_CHANGES_MAX, read_feed};
use super::keys;
use super::line::Line;
use crate::context::Context;
use crate::table::{Index, Key, Query};
use crate::work::{Step, Work};

/// Lines one write can change: with their endpoint, they stay below what DynamoDB writes together.
pub(super) const LINES_MAX: usize = PAGE_CHANGES_MAX;

/// Notifications whose lines were changed. The due index may not show that yet.
pub(super) type Touched = Vec<NotificationId>;

/// Takes the lines of `notifications` into hand, in as few calls as it takes.
pub(super) async fn read_lines(
    work: &mut Work<'_>,
    endpoint: &Endpoint,
    notifications: impl Iterator<Item = NotificationId>,
) -> Result<(), LedgerError> {
    let lines: Vec<Key> =
        notifications.map(|id| keys::line(endpoint.webhook.id, endpoint.born, id)).collect();
    match lines.is_empty() {
        true => Ok(()),
        false => work.read_all(&lines).await,
    }
}

/// Makes calls of what the feed brought, for one endpoint: looks through `share` changes at most. Tells whether there is
/// more for it, and room.
pub(super) async fn fan_out(
    context: &Context,
    endpoint: &mut Endpoint,
    heads: &[Head],
    share: usize,
    now: Timestamp,
    touched: &mut Touched,
) -> Result<bool, LedgerError> {
    let mut left = share;
    while left > 0 && lags(endpoint, heads) && endpoint.room() > 0 {
        let step = FanOut { id: endpoint.webhook.id, heads, most: left.min(PAGE_CHANGES_MAX), now };
        let Some((after, looked_at, new)) = context.carry_out(&step).await? else { return Ok(false) };
        *endpoint = after;
        touched.extend(new);
        if looked_at == 0 {
            break;
        }
        left = left.saturating_sub(looked_at);
    }
    Ok(lags(endpoint, heads) && endpoint.room() > 0)
}

/// Whether there are changes that the endpoint was not looked through for.
pub(super) fn lags(endpoint: &Endpoint, heads: &[Head]) -> bool {
    endpoint.webhook.is_enabled() && (0..).zip(heads).any(|(shard, head)| endpoint.cursor(shard) < head.last)
}

struct FanOut<'a> {
    id: WebhookId,
    heads: &'a [Head],
    most: usize,
    now: Timestamp,
}

impl Step for FanOut<'_> {
    type Output = Option<(Endpoint, usize, Touched)>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Self::Output, LedgerError> {
        let Some(mut endpoint) = Endpoint::load(work, self.id).await? else { return Ok(None) };
        if !endpoint.webhook.is_enabled() {
            return Ok(Some((endpoint, 0, Vec::new())));
        }
        let most = self.most.min(endpoint.room());
        let mut looked_at = 0;
        let mut wanted = Vec::new();
        for (shard, head) in (0..).zip(self.heads) {
            let cursor = endpoint.cursor(shard);
            let left = most - looked_at;
            if cursor >= head.last || left == 0 {
                continue;
            }
            let changes = read_feed(work.context, shard, (cursor + 1, head.last), left, |_| true).await?;
            // Fewer than there may be: these are the last.
            let reached = if changes.len() < left { Some(head.last) } else { changes.last().map(|it| it.n) };
            endpoint.advance(shard, reached.unwrap_or(head.last));
            looked_at += changes.len();
            wanted.extend(changes.into_iter().filter(|numbered| is_wanted(&endpoint, numbered)));
        }
        read_lines(work, &endpoint, wanted.iter().map(|numbered| numbered.change.notification)).await?;
        let touched: Touched = wanted.iter().map(|numbered| numbered.change.notification).collect();
        add_all(work, &mut endpoint, &wanted, self.now).await?;
        endpoint.save(work);
        Ok(Some((endpoint, looked_at, touched)))
    }
}

/// Whether the endpoint is to hear of a change that it has not been looked through for yet.
fn is_wanted(endpoint: &Endpoint, numbered: &Numbered) -> bool {
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

/// Counts for one endpoint what is too old to be told, and takes it out of its lines.
pub(super) struct Losing<'a> {
    pub(super) id: WebhookId,
    pub(super) shard: u8,
    /// The first changes of the shard, all too old.
    pub(super) old: &'a [Numbered],
}

impl Step for Losing<'_> {
    type Output = Option<Endpoint>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Option<Endpoint>, LedgerError> {
        let Some(mut endpoint) = Endpoint::load(work, self.id).await? else { return Ok(None) };
        let before = endpoint.clone();
        if endpoint.webhook.pending_calls > 0 {
            read_lines(work, &endpoint, self.old.iter().map(|old| old.change.notification)).await?;
        }
        for numbered in self.old {
            let was_ahead = numbered.n > endpoint.cursor(self.shard) && is_wanted(&endpoint, numbered);
            let mut was_pending = false;
            if before.webhook.pending_calls > 0 {
                let mut line = Line::load(work, &endpoint, numbered.change.notification).await?;
                was_pending = line.remove(numbered.n);
                if was_pending {
                    line.save(work, &mut endpoint);
                    endpoint.in_hand.retain(|call| call.n != numbered.n);
                }
            }
            endpoint.webhook.lost_calls += u64::from(was_ahead || was_pending);
        }
        // So that whoever does this again does not count it again.
        if let Some(last) = self.old.last() {
            endpoint.advance(self.shard, last.n);
        }
        if endpoint != before {
            endpoint.save(work);
        }
        Ok(Some(endpoint))
    }
}

/// Puts calls back into the queue whose claims have lapsed. They are no more than may be on their way.
pub(super) async fn take_back_lapsed(
    context: &Context,
    endpoint: &mut Endpoint,
    now: Timestamp,
    touched: &mut Touched,
) -> Result<(), LedgerError> {
    while endpoint.in_hand.iter().any(|call| call.until <= now) {
        let Some((after, new)) = context.carry_out(&TakingBack { id: endpoint.webhook.id, now }).await?
        else {
            return Ok(());
        };
        *endpoint = after;
        touched.extend(new);
    }
    Ok(())
}

struct TakingBack {
    id: WebhookId,
    now: Timestamp,
}

impl Step for TakingBack {
    type Output = Option<(Endpoint, Touched)>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Self::Output, LedgerError> {
        let Some(mut endpoint) = Endpoint::load(work, self.id).await? else { return Ok(None) };
        let is_lapsed = |call: &&super::endpoint::InHand| call.until <= self.now;
        let lapsed: Vec<_> = endpoint.in_hand.iter().filter(is_lapsed).take(LINES_MAX).copied().collect();
        read_lines(work, &endpoint, lapsed.iter().map(|call| call.notification)).await?;
        for lapsed in &lapsed {
            let mut line = Line::load(work, &endpoint, lapsed.notification).await?;
            if let Some(call) = line.call_mut(lapsed.n) {
                call.in_hand = false;
                line.save(work, &mut endpoint);
            }
        }
        endpoint.in_hand.retain(|call| !lapsed.contains(call));
        if !lapsed.is_empty() {
            endpoint.save(work);
        }
        Ok(Some((endpoint, lapsed.iter().map(|call| call.notification).collect())))
    }
}

/// The endpoint is back: what failed before is due again, each call once, as old as what it tells. Walks along the due
/// index, a bounded way at every claim. Tells whether there is more.
pub(super) async fn hasten(
    context: &Context,
    endpoint: &mut Endpoint,
    now: Timestamp,
    touched: &mut Touched,
) -> Result<bool, LedgerError> {
    let mut walked = 0;
    while let Some(place) = endpoint.hasten.clone()
        && walked < WEBHOOK_HASTEN_MAX
    {
        let mut query = Query::forward(endpoint.due_partition(), LINES_MAX);
        query.from = Some(place.clone().max(keys::due(now.plus_ms(1), 0)));
        let page = context.calls.query_index(Index::Due, &query).await?;
        walked += LINES_MAX;
        let next = page.next.map(|next| [next.sort, vec![0]].concat());
        let lines = page.found.iter().filter_map(|entry| keys::notification_of(&entry.key)).collect();
        let step = Hastening { id: endpoint.webhook.id, lines, place, next, now };
        let Some((after, new)) = context.carry_out(&step).await? else { return Ok(false) };
        *endpoint = after;
        touched.extend(new);
    }
    Ok(endpoint.hasten.is_some())
}

struct Hastening {
    id: WebhookId,
    lines: Vec<NotificationId>,
    /// Where in the due index they are.
    place: Vec<u8>,
    /// Where to go on.
    next: Option<Vec<u8>>,
    now: Timestamp,
}

impl Step for Hastening {
    type Output = Option<(Endpoint, Touched)>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Self::Output, LedgerError> {
        let Some(mut endpoint) = Endpoint::load(work, self.id).await? else { return Ok(None) };
        if endpoint.hasten.as_ref() != Some(&self.place) {
            // Somebody else walks there already.
            return Ok(Some((endpoint, Vec::new())));
        }
        read_lines(work, &endpoint, self.lines.iter().copied()).await?;
        let mut touched = Vec::new();
        for notification in &self.lines {
            let mut line = Line::load(work, &endpoint, *notification).await?;
            let may_be = |call: &&mut super::line::Call| call.due_at > self.now && !call.hastened;
            if let Some(call) = line.first_waiting_mut().filter(may_be) {
                call.hastened = true;
                call.due_at = call.change.at().min(self.now);
                line.save(work, &mut endpoint);
                touched.push(*notification);
            }
        }
        endpoint.hasten.clone_from(&self.next);
        endpoint.save(work);
        Ok(Some((endpoint, touched)))
    }
}

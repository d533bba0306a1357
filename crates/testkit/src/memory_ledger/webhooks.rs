//! Endpoints, the feed of changes, and the calls that tell of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use postrider_core::domain::id::{NotificationId, WebhookId};
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::domain::webhook::{Waiting, Webhook, WebhookChange, WebhookEvent};
use postrider_core::limits::{
    WEBHOOK_CALLS_PENDING_MAX, WEBHOOK_CLAIM_MAX, WEBHOOK_FAN_OUT_MAX, WEBHOOK_FEED_MS_MAX,
    WEBHOOK_HASTEN_MAX, WEBHOOK_PRUNE_MAX, WEBHOOK_REPLAY_MAX, WEBHOOKS_MAX,
};
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{
    CallFinished, CallOutcome, ClaimCalls, FinishCall, NewWebhook, Replay, ReplayCursor, Replayed,
    WebhookCall, WebhookCalls, WebhookCreated, WebhookLedger,
};

use super::MemoryLedger;
use super::state::State;

/// Endpoints in the order in which they were made, and what there is to tell them.
#[derive(Debug, Default)]
pub(super) struct Webhooks {
    endpoints: Vec<Endpoint>,
    changes: BTreeMap<u64, Change>,
    last_change: u64,
}

#[derive(Debug)]
struct Endpoint {
    webhook: Webhook,
    cursor: u64,
    hasten: bool,
    calls: BTreeMap<u64, Call>,
}

#[derive(Clone, Debug)]
struct Change {
    at: Timestamp,
    notification: NotificationId,
    entry: TimelineEntry,
    event: WebhookEvent,
    status: Status,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    notification: NotificationId,
    attempts: u32,
    due_at: Timestamp,
    in_hand: bool,
    hastened: bool,
}

impl Endpoint {
    /// Whether an earlier change of the same notification is still to be told.
    fn is_behind(&self, change: u64) -> bool {
        let notification = self.calls.get(&change).map(|call| call.notification);
        self.calls.range(..change).any(|(_, earlier)| Some(earlier.notification) == notification)
    }

    fn add(&mut self, change: u64, notification: NotificationId, due_at: Timestamp) -> bool {
        let is_new = !self.calls.contains_key(&change);
        let fresh = Call { notification, attempts: 0, due_at, in_hand: false, hastened: false };
        self.calls.entry(change).or_insert(fresh);
        is_new
    }

    fn room(&self) -> usize {
        WEBHOOK_CALLS_PENDING_MAX.saturating_sub(self.calls.len())
    }

    /// As the port tells it.
    fn shown(&self) -> Webhook {
        Webhook { pending_calls: self.calls.len() as u64, ..self.webhook.clone() }
    }

    /// Calls that are not on their way and stand behind none, with their times.
    fn waiting(&self) -> Vec<(Timestamp, u64)> {
        let mut waiting: Vec<_> = self
            .calls
            .iter()
            .filter(|(change, call)| !call.in_hand && !self.is_behind(**change))
            .map(|(change, call)| (call.due_at, *change))
            .collect();
        waiting.sort_unstable();
        waiting
    }

    fn take_back_lapsed(&mut self, now: Timestamp) {
        for call in self.calls.values_mut().filter(|call| call.due_at <= now) {
            call.in_hand = false;
        }
    }

    fn hasten(&mut self, changes: &BTreeMap<u64, Change>, now: Timestamp) {
        if !self.hasten {
            return;
        }
        let may = |change: &u64| self.calls.get(change).is_some_and(|call| !call.hastened);
        let failed: Vec<_> =
            self.waiting().into_iter().filter(|(due_at, change)| *due_at > now && may(change)).collect();
        self.hasten = failed.len() >= WEBHOOK_HASTEN_MAX;
        for (_, change) in failed.into_iter().take(WEBHOOK_HASTEN_MAX) {
            if let Some(call) = self.calls.get_mut(&change) {
                call.hastened = true;
                call.due_at = changes.get(&change).map_or(now, |change| change.at.min(now));
            }
        }
    }
}

impl Webhooks {
    /// Adds to the feed what `entry` tells, if there is anybody to tell.
    pub(super) fn note(
        &mut self,
        notification: NotificationId,
        entry: &TimelineEntry,
        before: Option<Status>,
        status: Status,
    ) {
        let Some(event) = WebhookEvent::of(entry.kind, before, status) else { return };
        if self.endpoints.is_empty() {
            return;
        }
        self.last_change += 1;
        let change = Change { at: entry.at, notification, entry: entry.clone(), event, status };
        self.changes.insert(self.last_change, change);
    }

    /// Takes the words of mail servers out of what there is to tell about a notification.
    pub(super) fn forget_words(&mut self, notification: NotificationId) {
        let about = self.changes.values_mut().filter(|change| change.notification == notification);
        about.for_each(|change| change.entry.words = None);
    }

    fn endpoint(&mut self, id: WebhookId) -> Option<&mut Endpoint> {
        self.endpoints.iter_mut().find(|endpoint| endpoint.webhook.id == id)
    }

    fn by_time(&self) -> Vec<(Timestamp, u64)> {
        let mut changes: Vec<_> = self.changes.iter().map(|(n, change)| (change.at, *n)).collect();
        changes.sort_unstable();
        changes
    }

    fn prune(&mut self, now: Timestamp) {
        let is_old = |at: Timestamp| now.ms_since(at) > WEBHOOK_FEED_MS_MAX;
        let old = self.by_time().into_iter().filter(|(at, _)| is_old(*at)).take(WEBHOOK_PRUNE_MAX);
        for (_, n) in old.collect::<Vec<_>>() {
            let Some(change) = self.changes.remove(&n) else { continue };
            for endpoint in &mut self.endpoints {
                let was_ahead = n > endpoint.cursor && endpoint.webhook.wants(change.event);
                let was_pending = endpoint.calls.remove(&n).is_some();
                endpoint.webhook.lost_calls += u64::from(was_ahead || was_pending);
            }
        }
    }

    /// Makes calls of what the feed brought. Tells whether there is more for anybody who has room for it.
    fn fan_out(&mut self, now: Timestamp) -> bool {
        let head = self.changes.last_key_value().map_or(0, |(n, _)| *n);
        let lags = |endpoint: &&mut Endpoint| endpoint.webhook.is_enabled() && endpoint.cursor < head;
        let lagging = self.endpoints.iter_mut().filter(lags).count();
        let Some(share) = WEBHOOK_FAN_OUT_MAX.checked_div(lagging) else { return false };
        let mut has_more = false;
        for endpoint in self.endpoints.iter_mut().filter(lags) {
            for (n, change) in self.changes.range(endpoint.cursor + 1..).take(endpoint.room().min(share)) {
                endpoint.cursor = *n;
                if endpoint.webhook.wants(change.event) {
                    endpoint.add(*n, change.notification, change.at.min(now));
                }
            }
            has_more |= endpoint.cursor < head && endpoint.room() > 0;
        }
        has_more
    }

    fn finish(&mut self, finish: FinishCall) -> CallFinished {
        let FinishCall { webhook, change, attempt, outcome, now } = finish;
        let Some(endpoint) = self.endpoint(webhook) else { return CallFinished::Stale };
        let Some(call) =
            endpoint.calls.get_mut(&change).filter(|call| call.attempts == attempt && attempt > 0)
        else {
            return CallFinished::Stale;
        };
        call.in_hand = false;
        let disabled = match outcome {
            CallOutcome::Delivered => {
                endpoint.calls.remove(&change);
                endpoint.hasten |= endpoint.webhook.succeeded(now) == Waiting::Hasten;
                None
            }
            CallOutcome::Retry { until } => {
                call.due_at = until;
                endpoint.webhook.failed(now)
            }
            CallOutcome::GiveUp => {
                endpoint.calls.remove(&change);
                endpoint.webhook.lost_calls += 1;
                endpoint.webhook.failed(now)
            }
            CallOutcome::DisableGone => {
                call.due_at = now;
                endpoint.webhook.gone(now)
            }
        };
        CallFinished::Recorded { disabled }
    }

    fn replay(&mut self, replay: &Replay) -> Replayed {
        let is_in = |(at, n): &(Timestamp, u64)| {
            let is_after = replay.after.is_none_or(|after| (*at, *n) > (after.at, after.change));
            *at >= replay.since && *at < replay.until && is_after
        };
        let range: Vec<_> = self.by_time().into_iter().filter(is_in).take(WEBHOOK_REPLAY_MAX).collect();
        let is_last = range.len() < WEBHOOK_REPLAY_MAX;
        let Some(endpoint) = self.endpoints.iter_mut().find(|it| it.webhook.id == replay.webhook) else {
            return Replayed::NotFound;
        };
        let (mut calls, mut next) = (0, replay.after);
        for (at, n) in range {
            if endpoint.room() == 0 {
                return Replayed::Full { calls, next };
            }
            if let Some(change) = self.changes.get(&n)
                && n <= endpoint.cursor
                && endpoint.webhook.wants(change.event)
            {
                calls += usize::from(endpoint.add(n, change.notification, at.min(replay.now)));
            }
            next = Some(ReplayCursor { at, change: n });
        }
        Replayed::Added { calls, next: next.filter(|_| !is_last) }
    }
}

impl State {
    fn claim_calls(&mut self, request: ClaimCalls) -> WebhookCalls {
        let ClaimCalls { now, lease_until, limit, per_endpoint } = request;
        let limit = limit.min(WEBHOOK_CLAIM_MAX);
        let webhooks = &mut self.webhooks;
        webhooks.prune(now);
        let mut has_more = webhooks.fan_out(now);
        let mut candidates = Vec::new();
        for (index, endpoint) in webhooks.endpoints.iter_mut().enumerate() {
            if !endpoint.webhook.is_enabled() {
                continue;
            }
            endpoint.take_back_lapsed(now);
            endpoint.hasten(&webhooks.changes, now);
            has_more |= endpoint.hasten;
            let in_hand = endpoint.calls.values().filter(|call| call.in_hand).count();
            let due = endpoint.waiting().into_iter().filter(|(due_at, _)| *due_at <= now);
            let due = due.take(per_endpoint.saturating_sub(in_hand));
            candidates
                .extend(due.enumerate().map(|(rank, (at, change))| (in_hand + rank, at, index, change)));
        }
        candidates.sort_unstable();
        candidates.truncate(limit);
        let mut calls = Vec::new();
        for (_, _, index, n) in candidates {
            let endpoint = &mut webhooks.endpoints[index];
            let (Some(call), Some(change)) = (endpoint.calls.get_mut(&n), webhooks.changes.get(&n)) else {
                continue;
            };
            let Some(record) = self.records.get(&change.notification) else { continue };
            *call = Call { attempts: call.attempts + 1, in_hand: true, due_at: lease_until, ..*call };
            calls.push(WebhookCall {
                webhook: endpoint.webhook.id,
                url: endpoint.webhook.url.clone(),
                secrets: endpoint.webhook.secrets_at(now),
                change: n,
                attempt: call.attempts,
                event: change.event,
                at: change.at,
                notification: record.notification.clone(),
                status: change.status,
                entry: change.entry.clone(),
            });
        }
        let enabled = webhooks.endpoints.iter().filter(|endpoint| endpoint.webhook.is_enabled());
        let ahead = enabled.flat_map(|endpoint| {
            let lapses = endpoint.calls.values().filter(|call| call.in_hand).map(|call| call.due_at);
            lapses.chain(endpoint.waiting().into_iter().map(|(due_at, _)| due_at)).collect::<Vec<_>>()
        });
        let next_due_at = if has_more { Some(now) } else { ahead.filter(|due_at| *due_at > now).min() };
        WebhookCalls { calls, next_due_at }
    }
}

#[async_trait]
impl WebhookLedger for MemoryLedger {
    async fn create_webhook(&self, new: NewWebhook) -> Result<WebhookCreated, LedgerError> {
        let mut state = self.state();
        let webhooks = &mut state.webhooks;
        if let Some(known) = webhooks.endpoint(new.id) {
            return Ok(WebhookCreated::Created(Box::new(known.shown())));
        }
        if webhooks.endpoints.len() >= WEBHOOKS_MAX {
            return Ok(WebhookCreated::TooMany);
        }
        let cursor = webhooks.last_change;
        let endpoint = Endpoint { webhook: new.webhook(), cursor, hasten: false, calls: BTreeMap::new() };
        let shown = endpoint.shown();
        webhooks.endpoints.push(endpoint);
        Ok(WebhookCreated::Created(Box::new(shown)))
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, LedgerError> {
        Ok(self.state().webhooks.endpoints.iter().map(Endpoint::shown).collect())
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, LedgerError> {
        Ok(self.state().webhooks.endpoint(id).map(|endpoint| endpoint.shown()))
    }

    async fn update_webhook(
        &self,
        id: WebhookId,
        change: WebhookChange,
        now: Timestamp,
    ) -> Result<Option<Webhook>, LedgerError> {
        Ok(self.state().webhooks.endpoint(id).map(|endpoint| {
            endpoint.hasten |= endpoint.webhook.change(&change, now) == Waiting::Hasten;
            endpoint.shown()
        }))
    }

    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, LedgerError> {
        let mut state = self.state();
        let before = state.webhooks.endpoints.len();
        state.webhooks.endpoints.retain(|endpoint| endpoint.webhook.id != id);
        Ok(state.webhooks.endpoints.len() < before)
    }

    async fn claim_calls(&self, request: ClaimCalls) -> Result<WebhookCalls, LedgerError> {
        Ok(self.state().claim_calls(request))
    }

    async fn finish_call(&self, finish: FinishCall) -> Result<CallFinished, LedgerError> {
        Ok(self.state().webhooks.finish(finish))
    }

    async fn replay_webhook(&self, replay: Replay) -> Result<Replayed, LedgerError> {
        Ok(self.state().webhooks.replay(&replay))
    }
}

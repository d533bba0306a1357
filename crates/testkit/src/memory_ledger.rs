//! A ledger in memory: the shortest code that keeps the contract, to test others against and with.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::StoredEvent;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::{Lifecycle, OnUnknown, Step};
use postrider_core::domain::notification::{BusinessKey, Notification, NotificationRecord};
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::limits::{
    CLAIM_MAX, DEAD_LETTER_GROUPS_MAX, PAGE_MAX, PAGE_SCAN_MAX, SWEEP_MAX, TIMELINE_ENTRIES_MAX,
};
use postrider_core::ports::catalog::{RenditionId, SentCopy};
use postrider_core::ports::ledger::{
    AcceptResult, Acceptance, Accepted, AcceptedNotification, Claim, ClaimDue, Claims, Content,
    DeadLetterGroup, FinishAttempt, Finished, Intervened, Intervention, Leases, Ledger, LedgerError,
    ListQuery, NotificationPage, QueueStats, RememberedAnswer, Sweep, Swept,
};

/// Keeps everything in memory, under one lock. Durable as long as the value lives.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<NotificationId, Record>,
    keys: HashMap<BusinessKey, NotificationId>,
    answers: HashMap<Fingerprint, (Fingerprint, RememberedAnswer)>,
    renditions: HashMap<RenditionId, Vec<u8>>,
}

#[derive(Clone, Debug)]
struct Record {
    notification: Notification,
    event: StoredEvent,
    data_fingerprint: Fingerprint,
    entries: Vec<TimelineEntry>,
    copy: Option<SentCopy>,
}

impl MemoryLedger {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn update(&mut self, lifecycle: Lifecycle, now: Timestamp, entry: Option<TimelineEntry>) {
        self.notification.lifecycle = lifecycle;
        self.notification.updated_at = now;
        self.entries.extend(entry);
    }

    fn status(&self) -> Status {
        self.notification.lifecycle.status
    }

    fn as_duplicate(&self) -> AcceptedNotification {
        AcceptedNotification {
            id: self.notification.id,
            notification_type: self.notification.notification_type.clone(),
            to: self.notification.to.clone(),
            status: self.status(),
            duplicate: true,
        }
    }

    fn matches(&self, query: &ListQuery) -> bool {
        let notification = &self.notification;
        let lifecycle = &notification.lifecycle;
        query.order_id.as_ref().is_none_or(|id| notification.order_id.as_ref() == Some(id))
            && query.to.as_ref().is_none_or(|to| notification.to.normalized() == to.normalized())
            && query.notification_type.as_ref().is_none_or(|name| *name == notification.notification_type)
            && (query.statuses.is_empty() || query.statuses.contains(&lifecycle.status))
            && query.cause.as_ref().is_none_or(|cause| lifecycle.cause.as_ref() == Some(cause))
            && query.since.is_none_or(|since| notification.created_at >= since)
            && query.until.is_none_or(|until| notification.created_at < until)
    }
}

impl State {
    /// Waiting notifications in the order in which they are to go.
    fn waiting(&self) -> Vec<(NotificationId, Timestamp)> {
        let mut waiting: Vec<_> = self
            .records
            .values()
            .filter(|record| matches!(record.status(), Status::Queued | Status::Deferred))
            .filter_map(|record| {
                let notification = &record.notification;
                Some((notification.priority, notification.lifecycle.due_at?, notification.id))
            })
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, due_at, id)| (id, due_at)).collect()
    }

    /// Notifications in `status` whose time has come, longest over first.
    fn watched(&self, status: Status, horizon: Option<Timestamp>, limit: usize) -> Vec<NotificationId> {
        let mut found: Vec<_> = self
            .records
            .values()
            .filter(|record| record.status() == status)
            .filter_map(|record| Some((record.notification.lifecycle.due_at?, record.notification.id)))
            .filter(|(due_at, _)| horizon.is_none_or(|horizon| *due_at <= horizon))
            .collect();
        found.sort_unstable();
        found.truncate(limit);
        found.into_iter().map(|(_, id)| id).collect()
    }

    fn accept(&mut self, acceptance: &Acceptance) -> AcceptResult {
        if let Some(idempotency) = &acceptance.idempotency
            && let Some((request, answer)) = self.answers.get(&idempotency.key)
        {
            return if *request == idempotency.request {
                AcceptResult::Replayed(answer.clone())
            } else {
                AcceptResult::IdempotencyKeyReused
            };
        }
        for (_, plan) in &acceptance.notifications {
            if let Some(existing) = self.keys.get(&plan.business_key).and_then(|id| self.records.get(id))
                && existing.data_fingerprint != acceptance.data_fingerprint
            {
                return AcceptResult::BusinessKeyConflict {
                    existing: existing.notification.id,
                    notification_type: existing.notification.notification_type.clone(),
                };
            }
        }
        let accepted = self.store(acceptance);
        if let Some(idempotency) = &acceptance.idempotency {
            self.answers.insert(idempotency.key, (idempotency.request, (idempotency.answer)(&accepted)));
        }
        AcceptResult::Accepted(accepted)
    }

    fn store(&mut self, acceptance: &Acceptance) -> Accepted {
        let mut notifications = Vec::new();
        let mut events = Vec::new();
        for (id, plan) in &acceptance.notifications {
            if let Some(existing) = self.keys.get(&plan.business_key).and_then(|id| self.records.get(id)) {
                events.push(existing.event.clone());
                notifications.push(existing.as_duplicate());
                continue;
            }
            let due_at = match acceptance.send_at {
                Some(send_at) if send_at > acceptance.now => send_at,
                _ => acceptance.now,
            };
            let notification = Notification {
                id: *id,
                event_id: acceptance.event.id.clone(),
                notification_type: plan.notification_type.clone(),
                to: plan.to.clone(),
                order_id: plan.order_id.clone(),
                correlation_id: acceptance.event.correlation_id.clone(),
                priority: plan.priority,
                created_at: acceptance.now,
                updated_at: acceptance.now,
                send_at: acceptance.send_at,
                lifecycle: Lifecycle::accepted(due_at),
            };
            let record = Record {
                notification,
                event: acceptance.event.clone(),
                data_fingerprint: acceptance.data_fingerprint,
                entries: Vec::new(),
                copy: None,
            };
            notifications.push(AcceptedNotification { duplicate: false, ..record.as_duplicate() });
            self.keys.insert(plan.business_key, *id);
            self.records.insert(*id, record);
        }
        let all_known = !notifications.is_empty() && notifications.iter().all(|each| each.duplicate);
        let event_id = match events.first() {
            Some(first) if all_known && events.iter().all(|event| event.id == first.id) => first.id.clone(),
            _ => acceptance.event.id.clone(),
        };
        Accepted { event_id, notifications }
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn accept(&self, acceptance: Acceptance) -> Result<AcceptResult, LedgerError> {
        Ok(self.state().accept(&acceptance))
    }

    async fn claim_due(&self, request: ClaimDue) -> Result<Claims, LedgerError> {
        let mut state = self.state();
        let mut claims = Vec::new();
        let step = Step::Claim { now: request.now, lease_until: request.lease_until };
        for (id, due_at) in state.waiting() {
            if due_at > request.now || claims.len() == request.limit.min(CLAIM_MAX) {
                continue;
            }
            if let Some(record) = state.records.get_mut(&id)
                && let Ok(claimed) = record.notification.lifecycle.apply(&step)
            {
                record.update(claimed, request.now, None);
                claims.push(Claim { notification: record.notification.clone(), event: record.event.clone() });
            }
        }
        let next_due_at =
            state.waiting().into_iter().map(|(_, due_at)| due_at).filter(|at| *at > request.now).min();
        Ok(Claims { claims, next_due_at })
    }

    async fn finish_attempt(&self, finish: FinishAttempt) -> Result<Finished, LedgerError> {
        let mut state = self.state();
        let Some(record) = state.records.get_mut(&finish.id) else { return Ok(Finished::Stale) };
        let step = Step::Finish { fence: finish.fence, verdict: finish.verdict.clone() };
        let Ok(after) = record.notification.lifecycle.apply(&step) else { return Ok(Finished::Stale) };
        let entry = finish.entry(&record.notification.lifecycle);
        if let Some(copy) = finish.kept_copy() {
            record.copy = Some(copy.clone());
        }
        record.update(after, finish.now, Some(entry));
        Ok(Finished::Recorded(record.status()))
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, LedgerError> {
        let mut state = self.state();
        let limit = sweep.limit.min(SWEEP_MAX);
        let horizon = (sweep.leases == Leases::Expired).then_some(sweep.now);
        let lost = state.watched(Status::Sending, horizon, limit);
        let unknown = state.watched(Status::Unknown, Some(sweep.now), limit - lost.len());
        let mut swept = Swept::default();
        for id in lost {
            let Some(record) = state.records.get_mut(&id) else { continue };
            let before = record.notification.lifecycle.clone();
            if let Ok(after) = before.apply(&Step::LeaseLost { judge_at: sweep.judge_at }) {
                let entry =
                    TimelineEntry::lease_lost(sweep.now, before.fence, record.notification.updated_at);
                record.update(after, sweep.now, Some(entry));
                swept.leases_lost += 1;
            }
        }
        for id in unknown {
            let Some(record) = state.records.get_mut(&id) else { continue };
            let step = Step::Judge { now: sweep.now, on_unknown: sweep.on_unknown };
            if let Ok(after) = record.notification.lifecycle.apply(&step) {
                record.update(after, sweep.now, Some(TimelineEntry::judged(sweep.now, sweep.on_unknown)));
                match sweep.on_unknown {
                    OnUnknown::Resend => swept.resent += 1,
                    OnUnknown::Hold => swept.held += 1,
                }
            }
        }
        Ok(swept)
    }

    async fn intervene(
        &self,
        id: NotificationId,
        intervention: Intervention,
        now: Timestamp,
    ) -> Result<Intervened, LedgerError> {
        let mut state = self.state();
        let Some(record) = state.records.get_mut(&id) else { return Ok(Intervened::NotFound) };
        Ok(match record.notification.lifecycle.apply(&intervention.step(now)) {
            Ok(after) => {
                record.update(after, now, Some(intervention.entry(now)));
                Intervened::Done(Box::new(record.notification.clone()))
            }
            Err(forbidden) => Intervened::Forbidden(forbidden.status),
        })
    }

    async fn find(&self, id: NotificationId) -> Result<Option<NotificationRecord>, LedgerError> {
        let state = self.state();
        Ok(state.records.get(&id).map(|record| {
            let left_out = record.entries.len().saturating_sub(TIMELINE_ENTRIES_MAX);
            let entries = record.entries[left_out..].to_vec();
            NotificationRecord { notification: record.notification.clone(), entries }
        }))
    }

    async fn content(&self, id: NotificationId) -> Result<Option<Content>, LedgerError> {
        let state = self.state();
        Ok(state.records.get(&id).map(|record| Content {
            notification: record.notification.clone(),
            event: record.event.clone(),
            copy: record.copy.clone(),
        }))
    }

    async fn list(&self, query: ListQuery) -> Result<NotificationPage, LedgerError> {
        let state = self.state();
        let limit = query.limit.clamp(1, PAGE_MAX);
        let mut page = NotificationPage::default();
        let older = state.records.iter().rev().filter(|(id, _)| query.after.is_none_or(|after| **id < after));
        let mut last_seen = None;
        for (seen, (id, record)) in older.enumerate() {
            if seen == PAGE_SCAN_MAX {
                page.next = last_seen;
                break;
            }
            last_seen = Some(*id);
            if !record.matches(&query) {
                continue;
            }
            if page.notifications.len() == limit {
                page.next = page.notifications.last().map(|last| last.id);
                break;
            }
            page.notifications.push(record.notification.clone());
        }
        Ok(page)
    }

    async fn dead_letter_groups(&self) -> Result<Vec<DeadLetterGroup>, LedgerError> {
        let state = self.state();
        let mut groups: Vec<DeadLetterGroup> = Vec::new();
        for record in state.records.values().filter(|record| record.status().is_dead_letter()) {
            let Some(cause) = record.notification.lifecycle.cause.clone() else { continue };
            let at = record.notification.created_at;
            match groups.iter_mut().find(|group| group.cause == cause) {
                Some(group) => {
                    group.count += 1;
                    group.oldest_at = group.oldest_at.min(at);
                    group.newest_at = group.newest_at.max(at);
                }
                None => groups.push(DeadLetterGroup { cause, count: 1, oldest_at: at, newest_at: at }),
            }
        }
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cause.cmp(&b.cause)));
        groups.truncate(DEAD_LETTER_GROUPS_MAX);
        Ok(groups)
    }

    async fn recall_answer(
        &self,
        key: Fingerprint,
    ) -> Result<Option<(Fingerprint, RememberedAnswer)>, LedgerError> {
        Ok(self.state().answers.get(&key).cloned())
    }

    async fn remember_answer(
        &self,
        key: Fingerprint,
        request: Fingerprint,
        answer: RememberedAnswer,
        _now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.state().answers.entry(key).or_insert((request, answer));
        Ok(())
    }

    async fn store_rendition(&self, id: RenditionId, bundle: Vec<u8>) -> Result<(), LedgerError> {
        self.state().renditions.entry(id).or_insert(bundle);
        Ok(())
    }

    async fn rendition(&self, id: RenditionId) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.state().renditions.get(&id).cloned())
    }

    async fn queue_stats(&self, now: Timestamp) -> Result<QueueStats, LedgerError> {
        let state = self.state();
        let open = [Status::Queued, Status::Sending, Status::Deferred, Status::Unknown];
        let mut counts = Vec::new();
        for status in open.into_iter().chain(Status::DEAD_LETTERS) {
            let count = state.records.values().filter(|record| record.status() == status).count();
            if count > 0 {
                counts.push((status, count as u64));
            }
        }
        let oldest_due_at =
            state.waiting().into_iter().map(|(_, due_at)| due_at).filter(|at| *at <= now).min();
        Ok(QueueStats { counts, oldest_due_at })
    }

    async fn probe(&self, _now: Timestamp) -> Result<(), LedgerError> {
        Ok(())
    }
}

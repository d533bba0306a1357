//! A ledger in memory: the shortest code that keeps the contract, to test others against and with.

mod budget;
mod erasure;
mod feedback;
mod keys;
mod state;
mod stats;
mod webhooks;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Step;
use postrider_core::domain::notification::NotificationRecord;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::limits::{
    CLAIM_MAX, DEAD_LETTER_GROUPS_MAX, PAGE_MAX, PAGE_SCAN_MAX, SWEEP_MAX, TIMELINE_ENTRIES_MAX,
};
use postrider_core::ports::catalog::RenditionId;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::{
    AcceptResult, Acceptance, Claim, ClaimDue, Claims, Content, DeadLetterGroup, FinishAttempt, Finished,
    Intervened, Intervention, Leases, Ledger, LedgerError, ListQuery, NotificationPage, QueueStats,
    RememberedAnswer, Sweep, Swept,
};

use state::{Record, State};

/// Keeps everything in memory, under one lock. Durable as long as the value lives.
#[derive(Debug)]
pub struct MemoryLedger(Mutex<State>);

impl MemoryLedger {
    /// An empty ledger.
    #[must_use]
    pub fn new(rules: RecipientRules) -> Self {
        Self(Mutex::new(State::new(rules)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let (mut seen, mut suppressed) = (0, 0);
        let step = Step::Claim { now: request.now, lease_until: request.lease_until };
        for (id, due_at) in state.waiting() {
            if due_at > request.now || seen == request.limit.min(CLAIM_MAX) {
                continue;
            }
            seen += 1;
            let Some(Record { notification, .. }) = state.records.get(&id) else { continue };
            if let Some(cause) = state.suppression(&notification.to, &notification.category, request.now) {
                state.suppress_waiting(id, cause, request.now);
                suppressed += 1;
                continue;
            }
            let Some(record) = state.records.get(&id) else { continue };
            if let Ok(claimed) = record.notification.lifecycle.apply(&step) {
                state.update(id, claimed, request.now, None);
                let claim = |record: &Record| Claim {
                    notification: record.notification.clone(),
                    event: record.event.clone(),
                };
                claims.extend(state.records.get(&id).map(claim));
            }
        }
        let next_due_at =
            state.waiting().into_iter().map(|(_, due_at)| due_at).filter(|at| *at > request.now).min();
        let next_due_at = if suppressed > 0 { Some(request.now) } else { next_due_at };
        Ok(Claims { claims, next_due_at, suppressed })
    }

    async fn finish_attempt(&self, finish: FinishAttempt) -> Result<Finished, LedgerError> {
        let mut state = self.state();
        let Some(record) = state.records.get_mut(&finish.id) else { return Ok(Finished::Stale) };
        let step = Step::Finish { fence: finish.fence, verdict: finish.verdict.clone() };
        let Ok(after) = record.notification.lifecycle.apply(&step) else {
            state.learn(&finish);
            return Ok(Finished::Stale);
        };
        let entry = finish.entry(&record.notification.lifecycle);
        if let Some(copy) = finish.kept_copy() {
            record.copy = Some(copy.clone());
        }
        state.update(finish.id, after, finish.now, Some(entry));
        let effects = state.learn(&finish);
        let Some(status) = state.records.get(&finish.id).map(Record::status) else {
            return Ok(Finished::Stale);
        };
        Ok(if effects.is_empty() {
            Finished::Recorded(status)
        } else {
            Finished::RecordedWithReports { status, effects }
        })
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, LedgerError> {
        let mut state = self.state();
        let limit = sweep.limit.min(SWEEP_MAX);
        let horizon = (sweep.leases == Leases::Expired).then_some(sweep.now);
        let lost = state.watched(Status::Sending, horizon, limit);
        let unknown = state.watched(Status::Unknown, Some(sweep.now), limit - lost.len());
        let mut swept = Swept::default();
        for id in lost {
            let Some(record) = state.records.get(&id) else { continue };
            let before = record.notification.lifecycle.clone();
            if let Ok(after) = before.apply(&Step::LeaseLost { judge_at: sweep.judge_at }) {
                let entry =
                    TimelineEntry::lease_lost(sweep.now, before.fence, record.notification.updated_at);
                state.update(id, after, sweep.now, Some(entry));
                swept.leases_lost += 1;
            }
        }
        for id in unknown {
            let Some(record) = state.records.get(&id) else { continue };
            let Sweep { now, on_unknown, max_attempts, .. } = sweep;
            if let Ok(after) =
                record.notification.lifecycle.apply(&Step::Judge { now, on_unknown, max_attempts })
            {
                let entry = TimelineEntry::judged(now, &after);
                swept.count_judged(&after);
                state.update(id, after, now, Some(entry));
            }
        }
        swept.answers_forgotten = state.forget_answers(sweep.now);
        Ok(swept)
    }

    async fn intervene(
        &self,
        id: NotificationId,
        intervention: Intervention,
        now: Timestamp,
    ) -> Result<Intervened, LedgerError> {
        let mut state = self.state();
        let Some(record) = state.records.get(&id) else { return Ok(Intervened::NotFound) };
        let Ok(after) = record.notification.lifecycle.apply(&intervention.step(now)) else {
            return Ok(Intervened::refused_by(&record.notification.lifecycle));
        };
        state.update(id, after, now, Some(intervention.entry(now)));
        let done = |record: &Record| Intervened::Done(Box::new(record.notification.clone()));
        Ok(state.records.get(&id).map_or(Intervened::NotFound, done))
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
        now: Timestamp,
    ) -> Result<Option<(Fingerprint, RememberedAnswer)>, LedgerError> {
        Ok(self.state().answer(key, now).cloned())
    }

    async fn remember_answer(
        &self,
        key: Fingerprint,
        request: Fingerprint,
        answer: RememberedAnswer,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut state = self.state();
        if state.answer(key, now).is_none() {
            state.answers.insert(key, (now, (request, answer)));
        }
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
        let is_due = |at: &Timestamp| *at > Timestamp::EPOCH && *at <= now;
        let oldest_due_at = state.waiting().into_iter().map(|(_, due_at)| due_at).filter(is_due).min();
        Ok(QueueStats { counts, oldest_due_at })
    }

    async fn probe(&self, _now: Timestamp) -> Result<(), LedgerError> {
        Ok(())
    }
}

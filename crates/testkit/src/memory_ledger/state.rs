//! What is kept, and what becomes of it.

use std::collections::{BTreeMap, HashMap};

use postrider_core::domain::api_key::KeyRing;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::StoredEvent;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::notification::{BusinessKey, Notification};
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::{RecipientKey, Suppression};
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::limits::{ANSWERS_FORGOTTEN_MAX, IDEMPOTENCY_KEPT_MS};
use postrider_core::ports::budget::StoredBudget;
use postrider_core::ports::catalog::{RenditionId, SentCopy};
use postrider_core::ports::feedback::{Feedback, RecipientRules};
use postrider_core::ports::ledger::{
    AcceptResult, Acceptance, Accepted, AcceptedNotification, Claim, ListQuery, RememberedAnswer,
};

use super::webhooks::Webhooks;

#[derive(Debug)]
pub(super) struct State {
    pub(super) rules: RecipientRules,
    pub(super) records: BTreeMap<NotificationId, Record>,
    pub(super) keys: HashMap<BusinessKey, NotificationId>,
    /// By key: when it was given, for which request, and what.
    pub(super) answers: HashMap<Fingerprint, (Timestamp, (Fingerprint, RememberedAnswer))>,
    pub(super) renditions: HashMap<RenditionId, Vec<u8>>,
    pub(super) suppressions: BTreeMap<u64, Suppression>,
    pub(super) soft_bounces: HashMap<(RecipientKey, NotificationId), Timestamp>,
    pub(super) provider_ids: HashMap<String, NotificationId>,
    pub(super) early_reports: HashMap<String, Vec<Feedback>>,
    pub(super) webhooks: Webhooks,
    pub(super) budget: Option<StoredBudget>,
    pub(super) api_keys: KeyRing,
}

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) notification: Notification,
    pub(super) event: StoredEvent,
    pub(super) data_fingerprint: Fingerprint,
    pub(super) entries: Vec<TimelineEntry>,
    pub(super) copy: Option<SentCopy>,
}

impl Record {
    pub(super) fn status(&self) -> Status {
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

    pub(super) fn matches(&self, query: &ListQuery) -> bool {
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
    pub(super) fn new(rules: RecipientRules) -> Self {
        Self {
            rules,
            records: BTreeMap::new(),
            keys: HashMap::new(),
            answers: HashMap::new(),
            renditions: HashMap::new(),
            suppressions: BTreeMap::new(),
            soft_bounces: HashMap::new(),
            provider_ids: HashMap::new(),
            early_reports: HashMap::new(),
            webhooks: Webhooks::default(),
            budget: None,
            api_keys: KeyRing::default(),
        }
    }

    /// Stores what a step made of `id`, with the entry it leaves on the timeline, if any.
    pub(super) fn update(
        &mut self,
        id: NotificationId,
        lifecycle: Lifecycle,
        now: Timestamp,
        entry: Option<TimelineEntry>,
    ) {
        let Some(record) = self.records.get_mut(&id) else { return };
        if let Some(entry) = &entry {
            self.webhooks.note(id, entry, Some(record.status()), lifecycle.status);
        }
        record.notification.lifecycle = lifecycle;
        record.notification.updated_at = now;
        record.entries.extend(entry);
    }

    /// Waiting notifications in the order in which they are to go.
    pub(super) fn waiting(&self) -> Vec<(NotificationId, Timestamp)> {
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
    pub(super) fn watched(
        &self,
        status: Status,
        horizon: Option<Timestamp>,
        limit: usize,
    ) -> Vec<NotificationId> {
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

    /// The answer under `key`, unless its time is over.
    pub(super) fn answer(
        &self,
        key: Fingerprint,
        now: Timestamp,
    ) -> Option<&(Fingerprint, RememberedAnswer)> {
        let (given_at, answer) = self.answers.get(&key)?;
        (now.ms_since(*given_at) < IDEMPOTENCY_KEPT_MS).then_some(answer)
    }

    /// Forgets the oldest answers whose time is over and tells how many.
    pub(super) fn forget_answers(&mut self, now: Timestamp) -> usize {
        let mut over: Vec<_> = self
            .answers
            .iter()
            .filter(|(_, (given_at, _))| now.ms_since(*given_at) >= IDEMPOTENCY_KEPT_MS)
            .map(|(key, (given_at, _))| (*given_at, *key))
            .collect();
        over.sort_unstable_by_key(|(given_at, _)| *given_at);
        over.truncate(ANSWERS_FORGOTTEN_MAX);
        for (_, key) in &over {
            self.answers.remove(key);
        }
        over.len()
    }

    pub(super) fn accept(&mut self, acceptance: &Acceptance) -> AcceptResult {
        if let Some(idempotency) = &acceptance.idempotency
            && let Some((request, answer)) = self.answer(idempotency.key, acceptance.now)
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
            let answer = (idempotency.request, (idempotency.answer)(&accepted));
            self.answers.insert(idempotency.key, (acceptance.now, answer));
        }
        AcceptResult::Accepted(accepted)
    }

    fn store(&mut self, acceptance: &Acceptance) -> Accepted {
        let mut notifications = Vec::new();
        let mut events = Vec::new();
        let mut claims = Vec::new();
        for (id, plan) in &acceptance.notifications {
            if let Some(existing) = self.keys.get(&plan.business_key).and_then(|id| self.records.get(id)) {
                events.push(existing.event.clone());
                notifications.push(existing.as_duplicate());
                continue;
            }
            let suppressed = self.suppression(&plan.to, &plan.category, acceptance.now);
            let (lifecycle, entry) = acceptance.beginning(suppressed.as_ref());
            let notification = Notification {
                id: *id,
                event_id: acceptance.event.id.clone(),
                notification_type: plan.notification_type.clone(),
                to: plan.to.clone(),
                order_id: plan.order_id.clone(),
                correlation_id: acceptance.event.correlation_id.clone(),
                priority: plan.priority,
                category: plan.category.clone(),
                created_at: acceptance.now,
                updated_at: acceptance.now,
                send_at: acceptance.send_at,
                lifecycle,
            };
            if notification.lifecycle.status == Status::Sending {
                claims.push(Claim { notification: notification.clone(), event: acceptance.event.clone() });
            }
            let record = Record {
                notification,
                event: acceptance.event.clone(),
                data_fingerprint: acceptance.data_fingerprint,
                entries: entry.into_iter().collect(),
                copy: None,
            };
            for entry in &record.entries {
                self.webhooks.note(*id, entry, None, record.status());
            }
            notifications.push(AcceptedNotification { duplicate: false, ..record.as_duplicate() });
            self.keys.insert(plan.business_key, *id);
            self.records.insert(*id, record);
        }
        let all_known = !notifications.is_empty() && notifications.iter().all(|each| each.duplicate);
        let event_id = match events.first() {
            Some(first) if all_known && events.iter().all(|event| event.id == first.id) => first.id.clone(),
            _ => acceptance.event.id.clone(),
        };
        Accepted { event_id, notifications, claims }
    }
}

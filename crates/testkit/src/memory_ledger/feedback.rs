//! What comes back, and the suppression list.

use async_trait::async_trait;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::feedback::Reference;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::{Step, Verdict};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::{Consequence, RecipientKey, Suppression, SuppressionReason};
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::{TimelineEntry, TimelineKind};
use postrider_core::limits::{
    EARLY_REPORT_MS_MAX, PROVIDER_ID_BYTES_MAX, SUPPRESSIONS_PAGE_MAX, TIMELINE_REPORTS_MAX,
};
use postrider_core::ports::feedback::{
    Feedback, FeedbackEffect, FeedbackLedger, FeedbackRecorded, NewSuppression, SuppressionPage,
    SuppressionQuery, early_reports_max,
};
use postrider_core::ports::ledger::{FinishAttempt, LedgerError};

use super::MemoryLedger;
use super::state::State;

#[async_trait]
impl FeedbackLedger for MemoryLedger {
    async fn record_feedback(&self, feedback: Feedback) -> Result<FeedbackRecorded, LedgerError> {
        Ok(self.state().record_feedback(feedback))
    }

    async fn suppress(&self, entry: NewSuppression) -> Result<Suppression, LedgerError> {
        Ok(self.state().suppress(entry))
    }

    async fn unsuppress(&self, address: EmailAddress) -> Result<usize, LedgerError> {
        let mut state = self.state();
        let key = state.recipient(&address);
        let before = state.suppressions.len();
        state.suppressions.retain(|_, entry| entry.recipient != key);
        state.soft_bounces.retain(|(recipient, _), _| *recipient != key);
        Ok(before - state.suppressions.len())
    }

    async fn suppressions_of(
        &self,
        address: EmailAddress,
        now: Timestamp,
    ) -> Result<Vec<Suppression>, LedgerError> {
        let state = self.state();
        let key = state.recipient(&address);
        let mut found: Vec<_> = state
            .suppressions
            .values()
            .filter(|entry| entry.recipient == key && entry.holds(now))
            .cloned()
            .collect();
        found.sort_by(|a, b| a.category.cmp(&b.category));
        Ok(found)
    }

    async fn list_suppressions(
        &self,
        query: SuppressionQuery,
        now: Timestamp,
    ) -> Result<SuppressionPage, LedgerError> {
        let state = self.state();
        let limit = query.limit.clamp(1, SUPPRESSIONS_PAGE_MAX);
        let mut matching =
            state.suppressions.range(..query.after.unwrap_or(u64::MAX)).rev().filter(|(_, entry)| {
                entry.holds(now) && query.reason.is_none_or(|reason| reason == entry.reason)
            });
        let taken: Vec<_> = matching.by_ref().take(limit).collect();
        let next = matching.next().and_then(|_| taken.last().map(|(seq, _)| **seq));
        Ok(SuppressionPage { entries: taken.into_iter().map(|(_, entry)| entry.clone()).collect(), next })
    }

    async fn forget_suppressed_address(&self, address: EmailAddress) -> Result<usize, LedgerError> {
        let mut state = self.state();
        let key = state.recipient(&address);
        let about = state.suppressions.values_mut().filter(|entry| entry.recipient == key);
        Ok(about.map(|entry| entry.address = None).count())
    }
}

impl State {
    fn recipient(&self, address: &EmailAddress) -> RecipientKey {
        RecipientKey::of(&self.rules.secret, address)
    }

    /// The cause for which `to` gets no mail of `category` at `now`, if there is one.
    pub(super) fn suppression(
        &self,
        to: &EmailAddress,
        category: &Category,
        now: Timestamp,
    ) -> Option<Cause> {
        let key = self.recipient(to);
        let mut about: Vec<_> = self.suppressions.values().filter(|entry| entry.recipient == key).collect();
        about.sort_by_key(|entry| entry.category.is_some());
        let entry = about.into_iter().find(|entry| entry.holds(now) && entry.covers(category))?;
        Some(entry.reason.cause())
    }

    /// Takes a waiting notification out of the queue because of the list.
    pub(super) fn suppress_waiting(&mut self, id: NotificationId, cause: Cause, now: Timestamp) {
        let Some(record) = self.records.get(&id) else { return };
        let step = Step::Suppress { cause: cause.clone() };
        if let Ok(after) = record.notification.lifecycle.apply(&step) {
            self.update(id, after, now, Some(TimelineEntry::suppressed(now, cause)));
        }
    }

    pub(super) fn suppress(&mut self, new: NewSuppression) -> Suppression {
        let fresh = Suppression {
            recipient: self.recipient(&new.address),
            address: Some(new.address),
            category: new.category,
            reason: new.reason,
            source: new.source,
            since: new.since,
            expires_at: new.expires_at,
        };
        let same =
            |entry: &Suppression| entry.recipient == fresh.recipient && entry.category == fresh.category;
        if let Some(known) = self.suppressions.values_mut().find(|entry| same(entry)) {
            *known = known.clone().merged(fresh, new.now);
            return known.clone();
        }
        let seq = self.suppressions.last_key_value().map_or(1, |(last, _)| last + 1);
        self.suppressions.insert(seq, fresh.clone());
        fresh
    }

    fn record_feedback(&mut self, feedback: Feedback) -> FeedbackRecorded {
        let mut unknown_id = None;
        for reference in &feedback.references {
            let id = match reference {
                Reference::Notification(id) => Some(*id),
                Reference::Provider(provider_id) => {
                    let id = self.provider_ids.get(provider_id).copied();
                    unknown_id = unknown_id.or_else(|| id.is_none().then(|| provider_id.clone()));
                    id
                }
            };
            if let Some(id) = id.filter(|id| self.records.contains_key(id)) {
                return self.apply(id, &feedback);
            }
        }
        let Some(provider_id) = unknown_id.filter(|id| id.len() <= PROVIDER_ID_BYTES_MAX) else {
            return FeedbackRecorded::Orphan;
        };
        let early = self.early_reports.entry(provider_id).or_default();
        if let Some(known) =
            early.iter_mut().find(|known| known.report.fingerprint == feedback.report.fingerprint)
        {
            known.now = feedback.now;
            return FeedbackRecorded::Kept;
        }
        if early.len() >= early_reports_max(&feedback.report) {
            return FeedbackRecorded::Orphan;
        }
        early.push(feedback);
        FeedbackRecorded::Kept
    }

    fn apply(&mut self, id: NotificationId, feedback: &Feedback) -> FeedbackRecorded {
        let Some(record) = self.records.get(&id) else { return FeedbackRecorded::Orphan };
        let fingerprint = feedback.report.fingerprint;
        if record.entries.iter().any(|entry| entry.report.is_some_and(|it| it.fingerprint == fingerprint)) {
            return FeedbackRecorded::Repeated(id);
        }
        let Some(impact) = feedback.impact(&record.notification) else { return FeedbackRecorded::Orphan };
        if record.entries.len() >= TIMELINE_REPORTS_MAX && !impact.says_more_than(&record.notification) {
            return FeedbackRecorded::Dropped(id);
        }
        let sent = record.entries.iter().rev().find(|entry| entry.kind == TimelineKind::Sent);
        let sent_at = sent.map(|entry| entry.at);
        let before = record.status();
        let status = impact.lifecycle.status;
        let updated_at = record.notification.updated_at;
        let changed_at = if status == Status::Sending { updated_at } else { feedback.now.max(updated_at) };
        let to = record.notification.to.clone();
        self.update(id, impact.lifecycle, changed_at, Some(impact.entry));
        let suppressed = match impact.consequence {
            Consequence::None => None,
            Consequence::Suppress(reason) => Some(reason),
            Consequence::CountSoftBounce => self.count_soft_bounce(id, &to, feedback.now),
        };
        if let Some(reason) = suppressed {
            self.suppress(feedback.suppression(&to, reason, self.rules.soft_bounces));
        }
        let kind = feedback.report.kind;
        FeedbackRecorded::Recorded(FeedbackEffect { id, kind, before, status, sent_at, suppressed })
    }

    fn count_soft_bounce(
        &mut self,
        id: NotificationId,
        to: &EmailAddress,
        now: Timestamp,
    ) -> Option<SuppressionReason> {
        let rule = self.rules.soft_bounces;
        if rule.count == 0 {
            return None;
        }
        let key = self.recipient(to);
        self.soft_bounces
            .retain(|(recipient, _), at| *recipient != key || now.ms_since(*at) < rule.window_ms);
        self.soft_bounces.entry((key, id)).or_insert(now);
        let count = self.soft_bounces.keys().filter(|(recipient, _)| *recipient == key).count();
        (count >= rule.count as usize).then_some(SuppressionReason::RepeatedSoftBounces)
    }

    /// What an attempt teaches besides its outcome, also when it ended too late.
    pub(super) fn learn(&mut self, finish: &FinishAttempt) -> Vec<FeedbackEffect> {
        let Some(record) = self.records.get(&finish.id) else { return Vec::new() };
        if finish.fence == 0 || finish.fence > record.notification.lifecycle.fence {
            return Vec::new();
        }
        let to = record.notification.to.clone();
        if let Some(entry) = finish.suppression(&to) {
            self.suppress(entry);
        }
        match finish.words.ses_message_id().filter(|_| finish.verdict == Verdict::Sent) {
            Some(provider_id) => self.learn_provider_id(provider_id, finish.id, finish.now),
            None => Vec::new(),
        }
    }

    /// The mail service's own id of a message is known now: reports that came before are applied.
    pub(super) fn learn_provider_id(
        &mut self,
        provider_id: &str,
        id: NotificationId,
        now: Timestamp,
    ) -> Vec<FeedbackEffect> {
        self.provider_ids.entry(provider_id.to_owned()).or_insert(id);
        let mut effects = Vec::new();
        for early in self.early_reports.remove(provider_id).unwrap_or_default() {
            if now.ms_since(early.now) > EARLY_REPORT_MS_MAX {
                continue;
            }
            if let FeedbackRecorded::Recorded(effect) = self.apply(id, &early) {
                effects.push(effect);
            }
        }
        effects
    }
}

//! A ledger that fails when a test says so.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::api_key::ApiKey;
use postrider_core::domain::budget::BudgetRecord;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::id::{ApiKeyId, NotificationId, WebhookId};
use postrider_core::domain::notification::NotificationRecord;
use postrider_core::domain::suppression::Suppression;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{Webhook, WebhookChange};
use postrider_core::ports::budget::{BudgetLedger, StoredBudget};
use postrider_core::ports::catalog::RenditionId;
use postrider_core::ports::erasure::{Cleared, Erased, Erasure, ErasureLedger};
use postrider_core::ports::feedback::{
    Feedback, FeedbackLedger, FeedbackRecorded, NewSuppression, SuppressionPage, SuppressionQuery,
};
use postrider_core::ports::keys::{KeyCreated, KeyLedger, NewKey};
use postrider_core::ports::ledger::{
    AcceptResult, Acceptance, ClaimDue, Claims, Content, DeadLetterGroup, FinishAttempt, Finished,
    Intervened, Intervention, Ledger, LedgerError, ListQuery, NotificationPage, QueueStats, RememberedAnswer,
    Sweep, Swept,
};
use postrider_core::ports::stats::{Stats, StatsLedger, StatsQuery};
use postrider_core::ports::webhooks::{
    CallFinished, ClaimCalls, FinishCall, NewWebhook, Replay, Replayed, WebhookCalls, WebhookCreated,
    WebhookLedger,
};

/// What happens to one call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// None: the call goes through.
    Pass,
    /// The ledger does nothing and says so: [`LedgerError::Unavailable`].
    Refuse,
    /// The ledger does what it was asked, but the answer is lost on the way, as when a process dies in between. The
    /// caller sees [`LedgerError::Unavailable`] all the same.
    LoseAnswer,
    /// None, but before the answer is there a sender ends this attempt.
    FinishMeanwhile(Box<FinishAttempt>),
    /// The ledger is past saving: [`LedgerError::Fatal`].
    Break,
}

/// Passes every call on to another ledger, except where its plan says otherwise.
pub struct FaultyLedger {
    inner: Arc<dyn Ledger>,
    plan: Mutex<VecDeque<Fault>>,
    hides_keys: AtomicBool,
    yields: bool,
}

impl FaultyLedger {
    /// A wrapper that lets everything pass until faults are planned.
    #[must_use]
    pub fn new(inner: Arc<dyn Ledger>) -> Self {
        Self { inner, plan: Mutex::new(VecDeque::new()), hides_keys: AtomicBool::new(false), yields: false }
    }

    /// The same, whose every call waits once before it has its effect and once after: points at which whoever calls can
    /// be interrupted.
    #[must_use]
    pub fn interruptible(self) -> Self {
        Self { yields: true, ..self }
    }

    /// Adds to the plan: one fault for each of the next calls, whichever method they call.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// Whether API keys cannot be read from now on. Apart from the plan, because every request may read them before whatever
    /// a plan is about.
    pub fn hide_keys(&self, hides: bool) {
        self.hides_keys.store(hides, Ordering::Relaxed);
    }

    /// Lets every call pass from now on.
    pub fn forget_plan(&self) {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, LedgerError>> + Send,
    ) -> Result<T, LedgerError> {
        if !self.yields {
            return self.met_by_a_fault(call).await;
        }
        tokio::task::yield_now().await;
        let result = self.met_by_a_fault(call).await;
        tokio::task::yield_now().await;
        result
    }

    async fn met_by_a_fault<T>(
        &self,
        call: impl Future<Output = Result<T, LedgerError>> + Send,
    ) -> Result<T, LedgerError> {
        let fault =
            self.plan.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or(Fault::Pass);
        match fault {
            Fault::Pass => call.await,
            Fault::Refuse => Err(LedgerError::Unavailable { reason: "a test refused the step".to_owned() }),
            Fault::LoseAnswer => {
                call.await?;
                Err(LedgerError::Unavailable { reason: "a test lost the answer".to_owned() })
            }
            Fault::FinishMeanwhile(attempt) => {
                let answer = call.await?;
                self.inner.finish_attempt(*attempt).await?;
                Ok(answer)
            }
            Fault::Break => Err(LedgerError::Fatal { reason: "a test broke the ledger".to_owned() }),
        }
    }
}

#[async_trait]
impl Ledger for FaultyLedger {
    async fn accept(&self, acceptance: Acceptance) -> Result<AcceptResult, LedgerError> {
        self.call(self.inner.accept(acceptance)).await
    }

    async fn claim_due(&self, request: ClaimDue) -> Result<Claims, LedgerError> {
        self.call(self.inner.claim_due(request)).await
    }

    async fn finish_attempt(&self, finish: FinishAttempt) -> Result<Finished, LedgerError> {
        self.call(self.inner.finish_attempt(finish)).await
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, LedgerError> {
        self.call(self.inner.sweep(sweep)).await
    }

    async fn intervene(
        &self,
        id: NotificationId,
        intervention: Intervention,
        now: Timestamp,
    ) -> Result<Intervened, LedgerError> {
        self.call(self.inner.intervene(id, intervention, now)).await
    }

    async fn find(&self, id: NotificationId) -> Result<Option<NotificationRecord>, LedgerError> {
        self.call(self.inner.find(id)).await
    }

    async fn content(&self, id: NotificationId) -> Result<Option<Content>, LedgerError> {
        self.call(self.inner.content(id)).await
    }

    async fn list(&self, query: ListQuery) -> Result<NotificationPage, LedgerError> {
        self.call(self.inner.list(query)).await
    }

    async fn dead_letter_groups(&self) -> Result<Vec<DeadLetterGroup>, LedgerError> {
        self.call(self.inner.dead_letter_groups()).await
    }

    async fn recall_answer(
        &self,
        key: Fingerprint,
        now: Timestamp,
    ) -> Result<Option<(Fingerprint, RememberedAnswer)>, LedgerError> {
        self.call(self.inner.recall_answer(key, now)).await
    }

    async fn remember_answer(
        &self,
        key: Fingerprint,
        request: Fingerprint,
        answer: RememberedAnswer,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.call(self.inner.remember_answer(key, request, answer, now)).await
    }

    async fn store_rendition(&self, id: RenditionId, bundle: Vec<u8>) -> Result<(), LedgerError> {
        self.call(self.inner.store_rendition(id, bundle)).await
    }

    async fn rendition(&self, id: RenditionId) -> Result<Option<Vec<u8>>, LedgerError> {
        self.call(self.inner.rendition(id)).await
    }

    async fn queue_stats(&self, now: Timestamp) -> Result<QueueStats, LedgerError> {
        self.call(self.inner.queue_stats(now)).await
    }

    async fn probe(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.call(self.inner.probe(now)).await
    }
}

#[async_trait]
impl BudgetLedger for FaultyLedger {
    async fn budget(&self) -> Result<Option<StoredBudget>, LedgerError> {
        // Processes look at it by a clock of their own, between whatever a plan is about.
        self.inner.budget().await
    }

    async fn store_budget(&self, record: BudgetRecord, replaces: u64) -> Result<bool, LedgerError> {
        self.call(self.inner.store_budget(record, replaces)).await
    }
}

#[async_trait]
impl StatsLedger for FaultyLedger {
    async fn stats(&self, query: StatsQuery) -> Result<Stats, LedgerError> {
        self.call(self.inner.stats(query)).await
    }
}

#[async_trait]
impl ErasureLedger for FaultyLedger {
    async fn erase(&self, erasure: Erasure) -> Result<Erased, LedgerError> {
        self.call(self.inner.erase(erasure)).await
    }

    async fn finish_erasing(&self, address: EmailAddress) -> Result<Cleared, LedgerError> {
        self.call(self.inner.finish_erasing(address)).await
    }
}

#[async_trait]
impl KeyLedger for FaultyLedger {
    async fn create_key(&self, new: NewKey) -> Result<KeyCreated, LedgerError> {
        self.call(self.inner.create_key(new)).await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, LedgerError> {
        if self.hides_keys.load(Ordering::Relaxed) {
            return Err(LedgerError::Unavailable { reason: "a test hid the keys".to_owned() });
        }
        self.inner.keys().await
    }

    async fn revoke_key(&self, id: ApiKeyId, now: Timestamp) -> Result<Option<ApiKey>, LedgerError> {
        self.call(self.inner.revoke_key(id, now)).await
    }
}

#[async_trait]
impl FeedbackLedger for FaultyLedger {
    async fn record_feedback(&self, feedback: Feedback) -> Result<FeedbackRecorded, LedgerError> {
        self.call(self.inner.record_feedback(feedback)).await
    }

    async fn suppress(&self, entry: NewSuppression) -> Result<Suppression, LedgerError> {
        self.call(self.inner.suppress(entry)).await
    }

    async fn unsuppress(&self, address: EmailAddress) -> Result<usize, LedgerError> {
        self.call(self.inner.unsuppress(address)).await
    }

    async fn suppressions_of(
        &self,
        address: EmailAddress,
        now: Timestamp,
    ) -> Result<Vec<Suppression>, LedgerError> {
        self.call(self.inner.suppressions_of(address, now)).await
    }

    async fn list_suppressions(
        &self,
        query: SuppressionQuery,
        now: Timestamp,
    ) -> Result<SuppressionPage, LedgerError> {
        self.call(self.inner.list_suppressions(query, now)).await
    }

    async fn forget_suppressed_address(&self, address: EmailAddress) -> Result<usize, LedgerError> {
        self.call(self.inner.forget_suppressed_address(address)).await
    }
}

#[async_trait]
impl WebhookLedger for FaultyLedger {
    async fn create_webhook(&self, new: NewWebhook) -> Result<WebhookCreated, LedgerError> {
        self.call(self.inner.create_webhook(new)).await
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, LedgerError> {
        self.call(self.inner.webhooks()).await
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, LedgerError> {
        self.call(self.inner.webhook(id)).await
    }

    async fn update_webhook(
        &self,
        id: WebhookId,
        change: WebhookChange,
        now: Timestamp,
    ) -> Result<Option<Webhook>, LedgerError> {
        self.call(self.inner.update_webhook(id, change, now)).await
    }

    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, LedgerError> {
        self.call(self.inner.delete_webhook(id)).await
    }

    async fn claim_calls(&self, request: ClaimCalls) -> Result<WebhookCalls, LedgerError> {
        self.call(self.inner.claim_calls(request)).await
    }

    async fn finish_call(&self, finish: FinishCall) -> Result<CallFinished, LedgerError> {
        self.call(self.inner.finish_call(finish)).await
    }

    async fn replay_webhook(&self, replay: Replay) -> Result<Replayed, LedgerError> {
        self.call(self.inner.replay_webhook(replay)).await
    }
}

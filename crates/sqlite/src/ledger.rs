//! The port, implemented.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::api_key::{ApiKey, KeyRing};
use postrider_core::domain::budget::BudgetRecord;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::id::{ApiKeyId, NotificationId, WebhookId};
use postrider_core::domain::notification::NotificationRecord;
use postrider_core::domain::suppression::Suppression;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{Webhook, WebhookChange};
use postrider_core::limits::{LEDGER_WAIT_MS_MAX, SWEEP_MAX};
use postrider_core::ports::budget::{BudgetLedger, StoredBudget};
use postrider_core::ports::catalog::RenditionId;
use postrider_core::ports::erasure::{Cleared, Erased, Erasure, ErasureLedger};
use postrider_core::ports::feedback::{
    Feedback, FeedbackLedger, FeedbackRecorded, NewSuppression, RecipientRules, SuppressionPage,
    SuppressionQuery,
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
use rusqlite::Transaction;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::checkpoint::{Checkpoints, CheckpointsError};
use crate::fault::{Fault, unavailable};
use crate::lock::ProcessLock;
use crate::opening::{self, BUSY_TIMEOUT, OpenError};
use crate::queries;
use crate::readers::Readers;
use crate::steps::{
    Accept, Claiming, ClaimingCalls, CreateKey, CreateWebhook, DeleteWebhook, Erasing, Finishing,
    FinishingCall, ForgetAddress, ForgetEarlyReports, HoldRestored, Intervening, Probe, RecordFeedback,
    RememberAnswer, Replaying, RestoredHeld, RevokeKey, StoreBudget, StoreRendition, Stretch, Suppress,
    Sweeping, Unsuppress, UpdateWebhook, has_early_reports,
};
use crate::unclear::Unclear;
use crate::writer::Writer;

/// A ledger in one SQLite file, owned by this process as long as the value lives.
///
/// Its methods need a Tokio runtime with time enabled.
pub struct SqliteLedger {
    readers: Readers,
    writer: Arc<Writer>,
    rules: RecipientRules,
    /// For one walk at a time: whoever looks something up must find a reader free.
    counting: Arc<Semaphore>,
    unclear: Unclear,
    /// Given back last, when nothing of this process touches the file any more. The writer's thread holds it as well.
    _lock: Arc<ProcessLock>,
}

impl SqliteLedger {
    /// Opens the ledger at `path`, creating it if there is none in an existing directory. Blocks; the work does not
    /// grow with the ledger.
    ///
    /// # Errors
    /// [`OpenError`], saying what is in the way and what to do. Nothing is ever replaced or deleted.
    pub fn open(path: impl AsRef<Path>, rules: RecipientRules) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let sqlite = |error| OpenError::sqlite(path, error);
        let opened = opening::open(path, &rules)?;
        let mut connection = opened.writer;
        let fault = Arc::new(Fault::default());
        let readers = Readers::open(path, Arc::clone(&fault)).map_err(sqlite)?;
        let background = opening::connect_checkpointer(path).map_err(sqlite)?;
        let checkpoints = Checkpoints::start(&mut connection, background, BUSY_TIMEOUT, Arc::clone(&fault))
            .map_err(|error| match error {
            CheckpointsError::Sqlite(error) => OpenError::sqlite(path, error),
            CheckpointsError::Thread(error) => OpenError::io(path, error),
        })?;
        let lock = Arc::new(opened.lock);
        let writer =
            Writer::start(connection, checkpoints, Arc::clone(&fault), Arc::clone(&lock), rules.clone())
                .map_err(|error| OpenError::io(path, error))?;
        let unclear = Unclear::new(path, Arc::clone(&fault), Arc::clone(&lock));
        let counting = Arc::new(Semaphore::new(1));
        Ok(Self { readers, writer: Arc::new(writer), rules, counting, unclear, _lock: lock })
    }

    /// Finishes what waits, brings everything into the database file and ends the threads. Steps that come later are
    /// refused as unavailable. Takes at most [`LEDGER_CLOSE_MS_MAX`](postrider_core::limits::LEDGER_CLOSE_MS_MAX): the
    /// next start does what is left to do. Dropping the ledger does the same, blocking.
    pub async fn close(&self) {
        let writer = Arc::clone(&self.writer);
        // Fails only if the runtime is going down; dropping the ledger then does the work.
        let _ = tokio::task::spawn_blocking(move || writer.close()).await;
    }

    /// Holds whatever would be sent without a person: the ledger is a copy of an earlier moment, put back, and what was
    /// open then may have been sent since. What is wished for a time that has not come stays.
    ///
    /// # Errors
    /// The ledger's. What was held stays held.
    pub async fn hold_restored(&self, now: Timestamp) -> Result<RestoredHeld, LedgerError> {
        let mut held = RestoredHeld::default();
        let mut after_seq = Some(i64::MIN);
        while let Some(after) = after_seq {
            let step = HoldRestored { after_seq: after, limit: SWEEP_MAX, now };
            let stretch: Stretch = self.writer.submit(step).await?;
            held.waiting += stretch.held.waiting;
            held.under_way += stretch.held.under_way;
            after_seq = stretch.next;
        }
        Ok(held)
    }

    /// Runs a long `walk`, one at a time.
    pub(crate) async fn walk_alone<T, W>(&self, walk: W) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let wait = Duration::from_millis(LEDGER_WAIT_MS_MAX);
        let turn = timeout(wait, Arc::clone(&self.counting).acquire_owned()).await.ok().and_then(Result::ok);
        let Some(turn) = turn else {
            return Err(unavailable(format!(
                "it has been counting for others for {LEDGER_WAIT_MS_MAX} ms; ask for statistics less often"
            )));
        };
        let taking_turns = move |snapshot: &Transaction<'_>| {
            // Held by the walk, not by whoever asked for it: it goes on when they go away.
            let _turn = turn;
            walk(snapshot)
        };
        self.readers.read(taking_turns).await
    }

    /// Whether a walk is under way.
    #[cfg(test)]
    pub(crate) fn is_walking(&self) -> bool {
        self.counting.available_permits() == 0
    }

    /// Where tests reach the writer with steps of their own.
    #[cfg(test)]
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }
}

impl Drop for SqliteLedger {
    fn drop(&mut self) {
        self.writer.close();
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn accept(&self, acceptance: Acceptance) -> Result<AcceptResult, LedgerError> {
        self.writer.submit(Accept(acceptance)).await
    }

    async fn claim_due(&self, request: ClaimDue) -> Result<Claims, LedgerError> {
        self.writer.submit(Claiming(request)).await
    }

    async fn finish_attempt(&self, finish: FinishAttempt) -> Result<Finished, LedgerError> {
        self.writer.submit(Finishing(finish)).await
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, LedgerError> {
        self.writer.submit(Sweeping(sweep)).await
    }

    async fn intervene(
        &self,
        id: NotificationId,
        intervention: Intervention,
        now: Timestamp,
    ) -> Result<Intervened, LedgerError> {
        self.writer.submit(Intervening { id, intervention, now }).await
    }

    async fn find(&self, id: NotificationId) -> Result<Option<NotificationRecord>, LedgerError> {
        self.readers.read(move |snapshot| queries::find(snapshot, id)).await
    }

    async fn content(&self, id: NotificationId) -> Result<Option<Content>, LedgerError> {
        self.readers.read(move |snapshot| queries::content(snapshot, id)).await
    }

    async fn list(&self, query: ListQuery) -> Result<NotificationPage, LedgerError> {
        self.readers.read(move |snapshot| queries::list(snapshot, &query)).await
    }

    async fn dead_letter_groups(&self) -> Result<Vec<DeadLetterGroup>, LedgerError> {
        self.readers.read(|snapshot| queries::dead_letter_groups(snapshot)).await
    }

    async fn recall_answer(
        &self,
        key: Fingerprint,
        now: Timestamp,
    ) -> Result<Option<(Fingerprint, RememberedAnswer)>, LedgerError> {
        self.readers.read(move |snapshot| queries::recall_answer(snapshot, key, now)).await
    }

    async fn remember_answer(
        &self,
        key: Fingerprint,
        request: Fingerprint,
        answer: RememberedAnswer,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.writer.submit(RememberAnswer { key, request, answer, now }).await
    }

    async fn store_rendition(&self, id: RenditionId, bundle: Vec<u8>) -> Result<(), LedgerError> {
        self.writer.submit(StoreRendition { id, bundle }).await
    }

    async fn rendition(&self, id: RenditionId) -> Result<Option<Vec<u8>>, LedgerError> {
        self.readers.read(move |snapshot| queries::rendition(snapshot, id)).await
    }

    async fn queue_stats(&self, now: Timestamp) -> Result<QueueStats, LedgerError> {
        self.readers.read(move |snapshot| queries::queue_stats(snapshot, now)).await
    }

    async fn probe(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.writer.submit(Probe { now }).await
    }
}

#[async_trait]
impl BudgetLedger for SqliteLedger {
    async fn budget(&self) -> Result<Option<StoredBudget>, LedgerError> {
        self.readers.read(|snapshot| queries::budget(snapshot)).await
    }

    async fn store_budget(&self, record: BudgetRecord, replaces: u64) -> Result<bool, LedgerError> {
        self.writer.submit(StoreBudget { record, replaces }).await
    }
}

#[async_trait]
impl StatsLedger for SqliteLedger {
    async fn stats(&self, query: StatsQuery) -> Result<Stats, LedgerError> {
        self.walk_alone(move |snapshot| queries::stats(snapshot, &query)).await
    }
}

#[async_trait]
impl ErasureLedger for SqliteLedger {
    async fn erase(&self, erasure: Erasure) -> Result<Erased, LedgerError> {
        self.writer.submit(self.unclear.made_by(Erasing(erasure))).await
    }

    /// The write-ahead log still has what was there before; it is brought into the file and cut off, unless somebody reads
    /// it at this moment.
    async fn finish_erasing(&self, address: EmailAddress) -> Result<Cleared, LedgerError> {
        let about = address.clone();
        if self.readers.read(move |snapshot| has_early_reports(snapshot, &about)).await? {
            self.writer.submit(self.unclear.made_by(ForgetEarlyReports(address))).await?;
        }
        self.unclear.clear(&self.writer).await
    }
}

#[async_trait]
impl KeyLedger for SqliteLedger {
    async fn create_key(&self, new: NewKey) -> Result<KeyCreated, LedgerError> {
        self.writer.submit(CreateKey(new)).await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, LedgerError> {
        self.readers.read(|snapshot| queries::key_ring(snapshot).map(KeyRing::into_keys)).await
    }

    async fn revoke_key(&self, id: ApiKeyId, now: Timestamp) -> Result<Option<ApiKey>, LedgerError> {
        self.writer.submit(RevokeKey { id, now }).await
    }
}

#[async_trait]
impl FeedbackLedger for SqliteLedger {
    async fn record_feedback(&self, feedback: Feedback) -> Result<FeedbackRecorded, LedgerError> {
        self.writer.submit(RecordFeedback(feedback)).await
    }

    async fn suppress(&self, entry: NewSuppression) -> Result<Suppression, LedgerError> {
        self.writer.submit(Suppress(entry)).await
    }

    async fn unsuppress(&self, address: EmailAddress) -> Result<usize, LedgerError> {
        self.writer.submit(Unsuppress(address)).await
    }

    async fn suppressions_of(
        &self,
        address: EmailAddress,
        now: Timestamp,
    ) -> Result<Vec<Suppression>, LedgerError> {
        let secret = self.rules.secret.clone();
        self.readers.read(move |snapshot| queries::suppressions_of(snapshot, &secret, &address, now)).await
    }

    async fn list_suppressions(
        &self,
        query: SuppressionQuery,
        now: Timestamp,
    ) -> Result<SuppressionPage, LedgerError> {
        self.readers.read(move |snapshot| queries::list_suppressions(snapshot, query, now)).await
    }

    async fn forget_suppressed_address(&self, address: EmailAddress) -> Result<usize, LedgerError> {
        // Asked first, because most have no entry, and the writer has others to serve.
        let (secret, about) = (self.rules.secret.clone(), address.clone());
        if !self.readers.read(move |snapshot| queries::has_suppressions(snapshot, &secret, &about)).await? {
            return Ok(0);
        }
        self.writer.submit(self.unclear.made_by(ForgetAddress(address))).await
    }
}

#[async_trait]
impl WebhookLedger for SqliteLedger {
    async fn create_webhook(&self, new: NewWebhook) -> Result<WebhookCreated, LedgerError> {
        self.writer.submit(CreateWebhook(new)).await
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, LedgerError> {
        self.readers.read(|snapshot| queries::webhooks(snapshot)).await
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, LedgerError> {
        self.readers.read(move |snapshot| queries::webhook(snapshot, id)).await
    }

    async fn update_webhook(
        &self,
        id: WebhookId,
        change: WebhookChange,
        now: Timestamp,
    ) -> Result<Option<Webhook>, LedgerError> {
        self.writer.submit(UpdateWebhook { id, change, now }).await
    }

    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, LedgerError> {
        self.writer.submit(DeleteWebhook(id)).await
    }

    async fn claim_calls(&self, request: ClaimCalls) -> Result<WebhookCalls, LedgerError> {
        self.writer.submit(ClaimingCalls(request)).await
    }

    async fn finish_call(&self, finish: FinishCall) -> Result<CallFinished, LedgerError> {
        self.writer.submit(FinishingCall(finish)).await
    }

    async fn replay_webhook(&self, replay: Replay) -> Result<Replayed, LedgerError> {
        self.writer.submit(Replaying(replay)).await
    }
}

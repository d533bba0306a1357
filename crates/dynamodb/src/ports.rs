//! The ports, each call handed to the step or the query that does it.

use async_trait::async_trait;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::api_key::ApiKey;
use postrider_core::domain::budget::BudgetRecord;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::id::{ApiKeyId, NotificationId};
use postrider_core::domain::notification::NotificationRecord;
use postrider_core::domain::suppression::Suppression;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::TIMELINE_ENTRIES_MAX;
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

use crate::context::Context;
use crate::keys;
use crate::ledger::DynamoLedger;
use crate::queries;
use crate::record::Record;
use crate::steps;
use crate::table::{Change, Condition, Indexed, Item, Write};

#[async_trait]
impl Ledger for DynamoLedger {
    async fn accept(&self, acceptance: Acceptance) -> Result<AcceptResult, LedgerError> {
        let step = steps::Accept::new(acceptance, &self.context).await?;
        self.context.carry_out(&step).await
    }

    async fn claim_due(&self, request: ClaimDue) -> Result<Claims, LedgerError> {
        steps::claim_due(&self.context, request).await
    }

    async fn finish_attempt(&self, finish: FinishAttempt) -> Result<Finished, LedgerError> {
        self.context.carry_out(&steps::Finishing(finish)).await
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, LedgerError> {
        steps::sweep(&self.context, sweep).await
    }

    async fn intervene(
        &self,
        id: NotificationId,
        intervention: Intervention,
        now: Timestamp,
    ) -> Result<Intervened, LedgerError> {
        self.context.carry_out(&steps::Intervening { id, intervention, now }).await
    }

    async fn find(&self, id: NotificationId) -> Result<Option<NotificationRecord>, LedgerError> {
        let Some(record) = find(&self.context, id).await? else { return Ok(None) };
        let mut entries = self.context.timeline_of(&record).await?;
        entries.drain(..entries.len().saturating_sub(TIMELINE_ENTRIES_MAX));
        Ok(Some(NotificationRecord { notification: record.notification, entries }))
    }

    async fn content(&self, id: NotificationId) -> Result<Option<Content>, LedgerError> {
        let Some(record) = find(&self.context, id).await? else { return Ok(None) };
        let event = self.context.event_of(&record).await?;
        Ok(Some(Content { notification: record.notification, event, copy: record.copy }))
    }

    async fn list(&self, query: ListQuery) -> Result<NotificationPage, LedgerError> {
        queries::list(&self.context, &query).await
    }

    async fn dead_letter_groups(&self) -> Result<Vec<DeadLetterGroup>, LedgerError> {
        queries::dead_letter_groups(&self.context).await
    }

    async fn recall_answer(
        &self,
        key: Fingerprint,
        now: Timestamp,
    ) -> Result<Option<(Fingerprint, RememberedAnswer)>, LedgerError> {
        steps::recall(&self.context, key, now).await
    }

    async fn remember_answer(
        &self,
        key: Fingerprint,
        request: Fingerprint,
        answer: RememberedAnswer,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.context.carry_out(&steps::RememberAnswer { key, request, answer, now }).await
    }

    async fn store_rendition(&self, id: RenditionId, bundle: Vec<u8>) -> Result<(), LedgerError> {
        queries::store_rendition(&self.context, id, &bundle).await
    }

    async fn rendition(&self, id: RenditionId) -> Result<Option<Vec<u8>>, LedgerError> {
        queries::rendition(&self.context, id).await
    }

    async fn queue_stats(&self, now: Timestamp) -> Result<QueueStats, LedgerError> {
        queries::queue_stats(&self.context, now).await
    }

    async fn probe(&self, now: Timestamp) -> Result<(), LedgerError> {
        let token = self.context.calls.new_token();
        let item = Item {
            key: keys::heartbeat(),
            version: 1,
            token,
            indexed: Indexed::default(),
            label: Some("heartbeat".into()),
            expires_at: None,
            body: now.as_millis().to_be_bytes().to_vec(),
        };
        let write = Write { change: Change::Put(Box::new(item)), condition: Condition::None };
        self.context.calls.write(&[write], token).await.map(|_| ())
    }
}

#[async_trait]
impl BudgetLedger for DynamoLedger {
    async fn budget(&self) -> Result<Option<StoredBudget>, LedgerError> {
        steps::budget(&self.context).await
    }

    async fn store_budget(&self, record: BudgetRecord, replaces: u64) -> Result<bool, LedgerError> {
        steps::store_budget(&self.context, &record, replaces).await
    }
}

#[async_trait]
impl StatsLedger for DynamoLedger {
    async fn stats(&self, query: StatsQuery) -> Result<Stats, LedgerError> {
        queries::stats(&self.context, &query).await
    }
}

#[async_trait]
impl ErasureLedger for DynamoLedger {
    async fn erase(&self, erasure: Erasure) -> Result<Erased, LedgerError> {
        steps::erase(&self.context, erasure).await
    }

    /// Reports that wait for their message go within fifteen days by themselves: nothing leads to them by their address.
    async fn finish_erasing(&self, _address: EmailAddress) -> Result<Cleared, LedgerError> {
        Ok(Cleared::Wholly)
    }
}

#[async_trait]
impl KeyLedger for DynamoLedger {
    async fn create_key(&self, new: NewKey) -> Result<KeyCreated, LedgerError> {
        self.context.carry_out(&steps::CreateKey(new)).await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, LedgerError> {
        steps::api_keys(&self.context).await
    }

    async fn revoke_key(&self, id: ApiKeyId, now: Timestamp) -> Result<Option<ApiKey>, LedgerError> {
        self.context.carry_out(&steps::RevokeKey { id, now }).await
    }
}

#[async_trait]
impl FeedbackLedger for DynamoLedger {
    async fn record_feedback(&self, feedback: Feedback) -> Result<FeedbackRecorded, LedgerError> {
        self.context.carry_out(&steps::RecordFeedback(feedback)).await
    }

    async fn suppress(&self, entry: NewSuppression) -> Result<Suppression, LedgerError> {
        self.context.carry_out(&steps::Suppress(entry)).await
    }

    async fn unsuppress(&self, address: EmailAddress) -> Result<usize, LedgerError> {
        self.context.carry_out(&steps::Unsuppress(address)).await
    }

    async fn suppressions_of(
        &self,
        address: EmailAddress,
        now: Timestamp,
    ) -> Result<Vec<Suppression>, LedgerError> {
        queries::suppressions_of(&self.context, &address, now).await
    }

    async fn list_suppressions(
        &self,
        query: SuppressionQuery,
        now: Timestamp,
    ) -> Result<SuppressionPage, LedgerError> {
        queries::list_suppressions(&self.context, query, now).await
    }

    async fn forget_suppressed_address(&self, address: EmailAddress) -> Result<usize, LedgerError> {
        self.context.carry_out(&steps::ForgetAddress(address)).await
    }
}

/// The notification `id`, as it is now.
async fn find(context: &Context, id: NotificationId) -> Result<Option<Record>, LedgerError> {
    let key = keys::notification(id);
    let Some(item) = context.calls.get(&key).await? else { return Ok(None) };
    let record = Record::read(&item.body).map_err(|garbled| context.garbled(&key, &garbled))?;
    Ok(Some(record).filter(|record| record.notification.id == id))
}

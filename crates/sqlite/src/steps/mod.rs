//! What the writer does, one file a step of the port.

mod accept;
mod answers;
mod budget;
mod claim;
mod erase;
mod feedback;
mod finish;
mod hold_restored;
mod intervene;
mod keys;
mod maintenance;
mod suppress;
mod sweep;
mod webhook_calls;
mod webhook_endpoints;
mod webhook_finish;
mod webhook_queue;
mod webhook_replay;
mod webhook_upkeep;

pub(crate) use accept::Accept;
pub(crate) use answers::RememberAnswer;
pub(crate) use budget::StoreBudget;
pub(crate) use claim::Claiming;
pub(crate) use erase::{Erasing, ForgetEarlyReports, has_early_reports};
pub(crate) use feedback::RecordFeedback;
pub(crate) use finish::Finishing;
pub use hold_restored::RestoredHeld;
pub(crate) use hold_restored::{HoldRestored, Stretch};
pub(crate) use intervene::Intervening;
pub(crate) use keys::{CreateKey, RevokeKey};
pub(crate) use maintenance::{Probe, StoreRendition};
pub(crate) use suppress::{ForgetAddress, Suppress, Unsuppress};
pub(crate) use sweep::Sweeping;
pub(crate) use webhook_calls::ClaimingCalls;
pub(crate) use webhook_endpoints::{CreateWebhook, DeleteWebhook, UpdateWebhook};
pub(crate) use webhook_finish::FinishingCall;
pub(crate) use webhook_replay::Replaying;

use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::ports::catalog::SentCopy;
use postrider_core::ports::feedback::RecipientRules;
use rusqlite::{CachedStatement, Connection, params};

use crate::rows::StoredNotification;
use postrider_core::ports::codes::{class_code, kind_code, source_code, status_code, truth_code};

/// One step of the port, run inside the writer's transaction. It may run twice: a group that failed is rolled back
/// and its steps are run again one by one.
pub(crate) trait WriteStep: Send + 'static {
    /// What it comes to.
    type Output: Send + 'static;

    /// Roughly how many bytes it holds while it waits.
    fn bytes(&self) -> usize {
        256
    }

    /// Carries it out.
    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Self::Output>;
}

/// A write transaction.
pub(crate) struct Writing<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) rules: &'c RecipientRules,
    count_changes: [i64; Status::ALL.len()],
    /// Whether the suppression list has any entry, once somebody asked. Most lists of most shops are short, and a keyed
    /// hash for every notification is not needed to find that out.
    has_suppressions: Option<bool>,
    /// Whether there is any endpoint to tell of changes, once somebody asked. Without one nothing is recorded for them.
    has_webhooks: Option<bool>,
}

impl<'c> Writing<'c> {
    pub(crate) fn new(connection: &'c Connection, rules: &'c RecipientRules) -> Self {
        Self {
            connection,
            rules,
            count_changes: [0; Status::ALL.len()],
            has_suppressions: None,
            has_webhooks: None,
        }
    }

    pub(crate) fn prepare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
        self.connection.prepare_cached(sql)
    }

    /// Counts a notification that is new in `status`.
    pub(crate) fn count_new(&mut self, status: Status) {
        self.count_changes[usize::from(status_code(status))] += 1;
    }

    /// Stores what a step made of `stored`, with the entry it leaves on the timeline, if any.
    pub(crate) fn store(
        &mut self,
        stored: &mut StoredNotification,
        lifecycle: Lifecycle,
        now: Timestamp,
        entry: Option<(&TimelineEntry, Option<&SentCopy>)>,
    ) -> rusqlite::Result<()> {
        if let Some((entry, copy)) = entry {
            stored.entries += 1;
            self.add_entry(stored.seq, stored.entries, entry, copy)?;
            let before = Some(stored.notification.lifecycle.status);
            self.note_change((stored.seq, stored.entries), entry, before, lifecycle.status)?;
        }
        let changed = self
            .prepare(
                "UPDATE notifications SET updated_at = ?2, status = ?3, due_at = ?4, fence = ?5, attempts = ?6, \
                 cause = ?7, entries = ?8, reported = ?9, reported_cause = ?10 WHERE seq = ?1",
            )?
            .execute(params![
                stored.seq,
                now.as_millis(),
                status_code(lifecycle.status),
                lifecycle.due_at.map(Timestamp::as_millis),
                lifecycle.fence,
                lifecycle.attempts,
                lifecycle.cause.as_ref().map(Cause::as_str),
                stored.entries,
                lifecycle.reported.as_ref().map(|reported| truth_code(reported.truth)),
                lifecycle.reported.as_ref().and_then(|reported| reported.cause.as_ref()).map(Cause::as_str),
            ])?;
        debug_assert_eq!(changed, 1);
        self.count_changes[usize::from(status_code(stored.notification.lifecycle.status))] -= 1;
        self.count_changes[usize::from(status_code(lifecycle.status))] += 1;
        stored.notification.lifecycle = lifecycle;
        stored.notification.updated_at = now;
        Ok(())
    }

    pub(super) fn add_entry(
        &self,
        seq: i64,
        n: i64,
        entry: &TimelineEntry,
        copy: Option<&SentCopy>,
    ) -> rusqlite::Result<()> {
        self.prepare(
            "INSERT INTO timeline (notification_seq, n, at, kind, attempt, claimed_at, mailer, cause, words, \
             rendition, composed_at, message_fingerprint, signature, report, source, class, status_code, occurred_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        )?
        .execute(params![
            seq,
            n,
            entry.at.as_millis(),
            kind_code(entry.kind),
            entry.attempt,
            entry.claimed_at.map(Timestamp::as_millis),
            entry.mailer,
            entry.cause.as_ref().map(Cause::as_str),
            entry.words.as_ref().map(Words::as_str),
            copy.map(|copy| copy.rendition.0.to_bytes()),
            copy.map(|copy| copy.composed_at.as_millis()),
            copy.map(|copy| copy.fingerprint.to_bytes()),
            copy.and_then(|copy| copy.signature.as_deref()),
            entry.report.map(|report| report.fingerprint.to_bytes()),
            entry.report.map(|report| source_code(report.source)),
            entry.report.and_then(|report| report.class).map(class_code),
            entry.report.and_then(|report| report.status).map(|status| status.to_string()),
            entry.report.and_then(|report| report.occurred_at).map(Timestamp::as_millis),
        ])?;
        Ok(())
    }

    /// Writes the counts that changed in this transaction. Called once, before the commit.
    pub(crate) fn store_counts(&self) -> rusqlite::Result<()> {
        for (code, change) in self.count_changes.iter().enumerate() {
            if *change != 0 {
                self.prepare(
                    "INSERT INTO status_counts (status, count) VALUES (?1, ?2) \
                     ON CONFLICT (status) DO UPDATE SET count = count + excluded.count",
                )?
                .execute((code, change))?;
            }
        }
        Ok(())
    }
}

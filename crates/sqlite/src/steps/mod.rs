//! What the writer does, one file a step of the port.

mod accept;
mod answers;
mod claim;
mod finish;
mod intervene;
mod maintenance;
mod sweep;

pub(crate) use accept::Accept;
pub(crate) use answers::RememberAnswer;
pub(crate) use claim::Claiming;
pub(crate) use finish::Finishing;
pub(crate) use intervene::Intervening;
pub(crate) use maintenance::{Probe, StoreRendition};
pub(crate) use sweep::Sweeping;

use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::ports::catalog::SentCopy;
use rusqlite::{CachedStatement, Connection, params};

use crate::codes::{kind_code, status_code};
use crate::rows::StoredNotification;

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
    count_changes: [i64; Status::ALL.len()],
}

impl<'c> Writing<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { connection, count_changes: [0; Status::ALL.len()] }
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
        }
        let changed = self
            .prepare(
                "UPDATE notifications SET updated_at = ?2, status = ?3, due_at = ?4, fence = ?5, attempts = ?6, \
                 cause = ?7, entries = ?8 WHERE seq = ?1",
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
            ])?;
        debug_assert_eq!(changed, 1);
        self.count_changes[usize::from(status_code(stored.notification.lifecycle.status))] -= 1;
        self.count_changes[usize::from(status_code(lifecycle.status))] += 1;
        stored.notification.lifecycle = lifecycle;
        stored.notification.updated_at = now;
        Ok(())
    }

    fn add_entry(
        &self,
        seq: i64,
        n: i64,
        entry: &TimelineEntry,
        copy: Option<&SentCopy>,
    ) -> rusqlite::Result<()> {
        self.prepare(
            "INSERT INTO timeline (notification_seq, n, at, kind, attempt, claimed_at, mailer, cause, words, \
             rendition, composed_at, message_fingerprint, signature) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
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

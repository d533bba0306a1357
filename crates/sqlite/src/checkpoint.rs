//! Moving the write-ahead log into the database without making anybody wait.
//!
//! A thread of its own copies pages while the writer goes on writing. Only the little that was added meanwhile is
//! left to the writer, which then starts the log over from its beginning; that keeps the log's size bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use postrider_core::ports::ledger::LedgerError;
use rusqlite::Connection;

use crate::fault::Fault;

/// Pages (4 KiB) the log gains before it is copied in the background: 64 MiB. Rarely enough that a page
/// changed often is copied once, often enough that one copy does not keep the disk from the commits.
const COPY_PAGES: u32 = 16_384;
/// Pages from which on the log is started over once a copy is done: 128 MiB.
const RESTART_PAGES: u32 = 32_768;
/// Pages that the writer may be left to copy itself: what was added while the background copied.
const LITTLE_PAGES: u32 = 2_048;
/// Pages after which starting over is tried again when a reader was in the way: 1 MiB.
const RETRY_PAGES: u32 = 256;
/// The part of the log that it must have gained as well. A backup reads for as long as copying the whole file takes; each
/// try makes the writer wait for it in vain, so tries become fewer the longer it goes on.
const RETRY_PART: u32 = 32;
/// Pages at which the writer copies whatever is left itself, because the background does not keep up: 256 MiB.
const PAGES_MAX: u32 = 65_536;
/// How long starting over waits for readers that still look at the log. They are short; the next try comes soon.
const RESTART_WAIT: Duration = Duration::from_millis(20);
/// How long cutting the log off waits for them. Commits wait meanwhile.
const CUT_OFF_WAIT: Duration = Duration::from_millis(200);
/// How long the last checkpoint waits for readers.
const FINISH_WAIT: Duration = Duration::from_millis(1_000);

/// The writer's side of checkpointing.
pub(crate) struct Checkpoints {
    /// Pages in the log after the latest commit.
    log_pages: Arc<AtomicU32>,
    /// Pages in the log when the last copy was asked for.
    asked_at: u32,
    /// Pages in the log from which on starting over is tried: more after a reader was in the way.
    restart_from: u32,
    copying: Arc<AtomicBool>,
    requests: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    busy_timeout: Duration,
}

impl Checkpoints {
    /// Starts the thread on a connection of its own and watches the commits of `writer`.
    pub(crate) fn start(
        writer: &mut Connection,
        background: Connection,
        busy_timeout: Duration,
        fault: Arc<Fault>,
    ) -> Result<Self, CheckpointsError> {
        let log_pages = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&log_pages);
        // Takes the place of SQLite's own checkpoints, which would run inside a commit.
        writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            counter.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let copying = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&copying);
        let (requests, asked) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("ledger-checkpoint".to_owned())
            .spawn(move || copy_when_asked(&background, &asked, &flag, &fault))?;
        Ok(Self {
            log_pages,
            asked_at: 0,
            restart_from: RESTART_PAGES,
            copying,
            requests: Some(requests),
            thread: Some(thread),
            busy_timeout,
        })
    }

    /// Called by the writer between two groups.
    pub(crate) fn after_commit(&mut self, writer: &Connection, fault: &Fault) {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.asked_at {
            // The log has been started over.
            self.asked_at = 0;
            self.restart_from = RESTART_PAGES;
        }
        if self.copying.load(Ordering::Acquire) {
            return;
        }
        let added = pages - self.asked_at;
        let little_is_left = self.asked_at > 0 && added <= LITTLE_PAGES;
        if pages >= self.restart_from && (little_is_left || pages >= PAGES_MAX) {
            self.restart_from = pages + RETRY_PAGES.max(pages / RETRY_PART);
            checkpoint(writer, "RESTART", RESTART_WAIT, self.busy_timeout, fault);
        } else if added >= COPY_PAGES || (pages >= self.restart_from && added > LITTLE_PAGES) {
            self.asked_at = pages;
            self.copying.store(true, Ordering::Release);
            if let Some(requests) = &self.requests {
                let _ = requests.try_send(());
            }
        }
    }

    /// Leaves everything in the database file and nothing in the log, unless a reader is in the way for too long. A copy
    /// that is under way in the background is waited for as a reader is. Tells whether the log is cut off.
    pub(crate) fn cut_log_off(&mut self, writer: &Connection, fault: &Fault) -> bool {
        if fault.check().is_err() || !checkpoint(writer, "TRUNCATE", CUT_OFF_WAIT, self.busy_timeout, fault) {
            return false;
        }
        self.asked_at = 0;
        self.restart_from = RESTART_PAGES;
        // Counted anew with the next commit.
        self.log_pages.store(0, Ordering::Relaxed);
        true
    }

    /// Ends the thread and leaves everything in the database file.
    pub(crate) fn finish(mut self, writer: &Connection, fault: &Fault) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if fault.check().is_ok() {
            checkpoint(writer, "TRUNCATE", FINISH_WAIT, self.busy_timeout, fault);
        }
    }
}

/// Why checkpointing could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointsError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Thread(#[from] std::io::Error),
}

fn copy_when_asked(connection: &Connection, asked: &Receiver<()>, copying: &AtomicBool, fault: &Fault) {
    while asked.recv().is_ok() {
        if fault.check().is_ok() {
            copy(connection, fault);
        }
        copying.store(false, Ordering::Release);
    }
}

/// Copies what the log has into the database, on a connection that is not the writer's: nobody waits for it.
pub(crate) fn copy(connection: &Connection, fault: &Fault) {
    judge(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(0)), fault);
}

/// Tells whether nobody was in the way.
fn checkpoint(
    writer: &Connection,
    mode: &str,
    wait: Duration,
    busy_timeout: Duration,
    fault: &Fault,
) -> bool {
    let run = || {
        writer.busy_timeout(wait)?;
        let result = writer.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(0));
        writer.busy_timeout(busy_timeout)?;
        result
    };
    judge(run(), fault)
}

/// A checkpoint that fails loses nothing, the log still has it all; but a failing disk must not go unnoticed. The pragma
/// answers first whether somebody was in the way, which is no failure.
fn judge(is_busy: rusqlite::Result<bool>, fault: &Fault) -> bool {
    match is_busy {
        Ok(is_busy) => !is_busy,
        Err(error) => {
            if let LedgerError::Unavailable { reason } = fault.judge(&error) {
                tracing::warn!(reason, "the write-ahead log could not be copied into the database");
            }
            false
        }
    }
}

//! What was erased from the database and may still stand in the write-ahead log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postrider_core::ports::erasure::Cleared;
use postrider_core::ports::ledger::LedgerError;
use tokio::sync::Mutex;

use crate::checkpoint;
use crate::fault::Fault;
use crate::lock::ProcessLock;
use crate::opening;
use crate::steps::{WriteStep, Writing};
use crate::writer::Writer;

/// Knows whether the log must be cut off, which makes the writer wait: whoever has nothing erased pays nothing.
pub(crate) struct Unclear {
    /// Set at first: the process before this one may have died between erasing and cutting off.
    is: Arc<AtomicBool>,
    /// Whoever finds nothing to do must not be told so while another is still about it.
    clearing: Mutex<()>,
    path: PathBuf,
    fault: Arc<Fault>,
    lock: Arc<ProcessLock>,
}

impl Unclear {
    pub(crate) fn new(path: &Path, fault: Arc<Fault>, lock: Arc<ProcessLock>) -> Self {
        Self {
            is: Arc::new(AtomicBool::new(true)),
            clearing: Mutex::new(()),
            path: path.to_owned(),
            fault,
            lock,
        }
    }

    /// The step, as one that erases something.
    pub(crate) fn made_by<S: WriteStep>(&self, step: S) -> Leaving<S> {
        Leaving { step, is: Arc::clone(&self.is) }
    }

    /// Cuts the log off if anything was erased since that was last done.
    pub(crate) async fn clear(&self, writer: &Writer) -> Result<Cleared, LedgerError> {
        let _turn = self.clearing.lock().await;
        // What is erased from here on counts for the next time.
        if !self.is.swap(false, Ordering::AcqRel) {
            return Ok(Cleared::Wholly);
        }
        // Whoever asked may be gone before it is done: then it is not.
        let mut unless_done = MarkAgain { is: &self.is, is_done: false };
        self.copy_aside().await;
        unless_done.is_done = writer.cut_log_off().await?;
        Ok(if unless_done.is_done { Cleared::Wholly } else { Cleared::InUse })
    }

    /// Leaves the writer little to copy itself. A connection of its own, because erasing is rare.
    async fn copy_aside(&self) {
        let (path, fault, lock) = (self.path.clone(), Arc::clone(&self.fault), Arc::clone(&self.lock));
        let copying = tokio::task::spawn_blocking(move || {
            if fault.check().is_err() {
                return;
            }
            match opening::connect_checkpointer(&path) {
                Ok(connection) => checkpoint::copy(&connection, &fault),
                // The writer copies more then; it meets what is in the way and judges it.
                Err(error) => tracing::debug!(%error, "the write-ahead log was not copied beforehand"),
            }
            // Nobody else may open the file while this touches it.
            drop(lock);
        });
        // It fails only if the runtime is going down, and with it whoever asked.
        let _ = copying.await;
    }
}

/// A step that leaves something in the log. It says so on the writer's thread, which also cuts off: after the commit.
pub(crate) struct Leaving<S> {
    step: S,
    is: Arc<AtomicBool>,
}

impl<S: WriteStep> WriteStep for Leaving<S> {
    type Output = S::Output;

    fn bytes(&self) -> usize {
        self.step.bytes()
    }

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<S::Output> {
        self.is.store(true, Ordering::Release);
        self.step.run(writing)
    }
}

struct MarkAgain<'a> {
    is: &'a AtomicBool,
    is_done: bool,
}

impl Drop for MarkAgain<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.is.store(true, Ordering::Release);
        }
    }
}

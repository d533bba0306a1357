//! The one thread that writes.
//!
//! Steps arrive through a bounded channel. The thread takes what is there, runs it in one transaction in the order of
//! arrival, commits, and only then answers: one sync of the disk serves the whole group.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use postrider_core::limits::{
    LEDGER_CLOSE_MS_MAX, LEDGER_GROUP_MAX, LEDGER_QUEUE_BYTES_MAX, LEDGER_QUEUE_MAX, LEDGER_WAIT_MS_MAX,
};
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::LedgerError;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::checkpoint::Checkpoints;
use crate::fault::{Fault, unavailable};
use crate::lock::ProcessLock;
use crate::steps::{WriteStep, Writing};

const WAIT: Duration = Duration::from_millis(LEDGER_WAIT_MS_MAX);

/// The handle through which steps reach the thread.
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    /// One permit a byte that waiting steps may hold.
    room: Arc<Semaphore>,
    fault: Arc<Fault>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Message {
    Step(Box<dyn Pending>),
    /// Brings everything into the database file and cuts the log off, then answers whether that could be done.
    CutLogOff(oneshot::Sender<bool>),
    Close,
}

impl Writer {
    /// Starts the thread on a connection that is open, locked and migrated.
    pub(crate) fn start(
        connection: Connection,
        checkpoints: Checkpoints,
        fault: Arc<Fault>,
        lock: Arc<ProcessLock>,
        rules: RecipientRules,
    ) -> std::io::Result<Self> {
        let (queue, steps) = mpsc::channel(LEDGER_QUEUE_MAX);
        let committer = Committer { connection, checkpoints, fault: Arc::clone(&fault), rules, _lock: lock };
        let thread = std::thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || committer.run(steps))?;
        let room = Arc::new(Semaphore::new(LEDGER_QUEUE_BYTES_MAX));
        Ok(Self { queue, room, fault, thread: Mutex::new(Some(thread)) })
    }

    /// Carries out one step and returns once it is durable.
    pub(crate) async fn submit<S: WriteStep>(&self, step: S) -> Result<S::Output, LedgerError> {
        self.submit_by(step, Instant::now() + WAIT).await
    }

    /// Carries out one step unless the thread gets to it only after `deadline`.
    pub(crate) async fn submit_by<S: WriteStep>(
        &self,
        step: S,
        deadline: Instant,
    ) -> Result<S::Output, LedgerError> {
        self.fault.check()?;
        let bytes = u32::try_from(step.bytes().min(LEDGER_QUEUE_BYTES_MAX)).unwrap_or(u32::MAX);
        let room = match Arc::clone(&self.room).try_acquire_many_owned(bytes) {
            Ok(room) => room,
            Err(_) => timeout(WAIT, Arc::clone(&self.room).acquire_many_owned(bytes))
                .await
                .map_err(|_| too_busy())?
                .map_err(|_| closed())?,
        };
        let place = match self.queue.try_reserve() {
            Ok(place) => place,
            Err(mpsc::error::TrySendError::Closed(())) => return Err(self.gone()),
            Err(mpsc::error::TrySendError::Full(())) => {
                timeout(WAIT, self.queue.reserve()).await.map_err(|_| too_busy())?.map_err(|_| self.gone())?
            }
        };
        let (reply, answer) = oneshot::channel();
        place.send(Message::Step(Box::new(Waiting { step, done: None, reply, deadline, _room: room })));
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Brings what was committed into the database file and cuts the write-ahead log off, unless a reader is in the
    /// way. Tells whether it is cut off.
    pub(crate) async fn cut_log_off(&self) -> Result<bool, LedgerError> {
        self.fault.check()?;
        let (reply, done) = oneshot::channel();
        let sent = timeout(WAIT, self.queue.send(Message::CutLogOff(reply))).await.map_err(|_| too_busy())?;
        sent.map_err(|_| self.gone())?;
        done.await.map_err(|_| self.gone())
    }

    /// Lets the thread finish what waits, then ends it. Blocks, but no longer than [`LEDGER_CLOSE_MS_MAX`]: a disk that
    /// hangs must not keep the process from ending. What was acknowledged is in the log by then, and the thread keeps
    /// the file locked for as long as it lives. Later steps are refused.
    pub(crate) fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        let deadline = Instant::now() + Duration::from_millis(LEDGER_CLOSE_MS_MAX);
        // A full queue only means that the thread is at work: it takes from it, and room comes.
        let mut message = Some(Message::Close);
        while !thread.is_finished() {
            if let Some(Err(mpsc::error::TrySendError::Full(back))) =
                message.take().map(|message| self.queue.try_send(message))
            {
                message = Some(back);
            }
            if Instant::now() >= deadline {
                tracing::warn!(
                    "the ledger did not close in time; what it holds is safe, the next start is slower"
                );
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if thread.join().is_err() {
            self.fault.set("its writer ended without finishing its work; start again and look at the log");
        }
    }

    /// Why the thread took no step, or dropped one without an answer.
    fn gone(&self) -> LedgerError {
        let closed_in_order = self.thread.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        if !closed_in_order {
            self.fault.set("its writer ended without finishing its work; start again and look at the log");
        }
        self.fault.check().err().unwrap_or_else(closed)
    }
}

fn closed() -> LedgerError {
    unavailable("it is closed, the process is stopping".to_owned())
}

fn too_busy() -> LedgerError {
    unavailable(format!(
        "it did not get to this step within {LEDGER_WAIT_MS_MAX} ms; send more slowly, nothing was stored"
    ))
}

/// A step on its way through the thread.
trait Pending: Send {
    fn is_late(&self, now: Instant) -> bool;
    fn run(&mut self, writing: &mut Writing<'_>) -> rusqlite::Result<()>;
    fn succeed(self: Box<Self>);
    fn fail(self: Box<Self>, error: LedgerError);
}

struct Waiting<S: WriteStep> {
    step: S,
    done: Option<S::Output>,
    reply: oneshot::Sender<Result<S::Output, LedgerError>>,
    deadline: Instant,
    _room: OwnedSemaphorePermit,
}

impl<S: WriteStep> Pending for Waiting<S> {
    fn is_late(&self, now: Instant) -> bool {
        now > self.deadline
    }

    fn run(&mut self, writing: &mut Writing<'_>) -> rusqlite::Result<()> {
        self.done = Some(self.step.run(writing)?);
        Ok(())
    }

    fn succeed(self: Box<Self>) {
        if let Some(done) = self.done {
            // Nobody listens any more when the request was given up; the step is durable all the same.
            let _ = self.reply.send(Ok(done));
        }
    }

    fn fail(self: Box<Self>, error: LedgerError) {
        let _ = self.reply.send(Err(error));
    }
}

/// The thread's side.
struct Committer {
    connection: Connection,
    checkpoints: Checkpoints,
    fault: Arc<Fault>,
    rules: RecipientRules,
    /// Given back last: nobody else may open the file while this thread can still write to it.
    _lock: Arc<ProcessLock>,
}

/// A group that was not committed. Nothing of it is stored.
struct Refused {
    error: LedgerError,
    /// Whether each of its steps would meet the same on its own.
    is_common: bool,
}

impl Committer {
    fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut group: Vec<Box<dyn Pending>> = Vec::with_capacity(LEDGER_GROUP_MAX);
        let mut to_cut_off = Vec::new();
        while let Some(first) = queue.blocking_recv() {
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Step(step) => group.push(step),
                    Message::CutLogOff(reply) => to_cut_off.push(reply),
                    // What is in the queue already is still carried out.
                    Message::Close => queue.close(),
                }
                next = if group.len() < LEDGER_GROUP_MAX { queue.try_recv().ok() } else { None };
            }
            self.carry_out(&mut group);
            self.checkpoints.after_commit(&self.connection, &self.fault);
            if !to_cut_off.is_empty() {
                let is_cut_off = self.checkpoints.cut_log_off(&self.connection, &self.fault);
                for reply in to_cut_off.drain(..) {
                    // Nobody listens any more where a request was given up.
                    let _ = reply.send(is_cut_off);
                }
            }
        }
        self.checkpoints.finish(&self.connection, &self.fault);
    }

    /// Commits the group and answers every step of it. A group that fails for a reason that may lie in one of its
    /// steps is taken apart, so that one step too large for the disk, or one that runs into a defect, does not stop
    /// the others.
    fn carry_out(&mut self, group: &mut Vec<Box<dyn Pending>>) {
        let now = Instant::now();
        for late in group.extract_if(.., |step| step.is_late(now)) {
            late.fail(too_busy());
        }
        if let Err(error) = self.fault.check() {
            group.drain(..).for_each(|step| step.fail(error.clone()));
            return;
        }
        if group.is_empty() {
            return;
        }
        match self.commit(group) {
            Ok(()) => group.drain(..).for_each(Pending::succeed),
            Err(refused) if refused.is_common || group.len() == 1 => {
                group.drain(..).for_each(|step| step.fail(refused.error.clone()));
            }
            Err(_) => self.carry_out_singly(group),
        }
    }

    /// One transaction a step. Ends early for those whose time is over meanwhile, and for all that are left once the
    /// reason for a failure is one that they share: each would only wait for the same lock or disk again.
    fn carry_out_singly(&mut self, group: &mut Vec<Box<dyn Pending>>) {
        let mut common = None;
        for mut step in group.drain(..) {
            if let Some(error) = &common {
                step.fail(LedgerError::clone(error));
            } else if step.is_late(Instant::now()) {
                step.fail(too_busy());
            } else {
                match self.commit(std::slice::from_mut(&mut step)) {
                    Ok(()) => step.succeed(),
                    Err(Refused { error, is_common }) => {
                        common = is_common.then(|| error.clone());
                        step.fail(error);
                    }
                }
            }
        }
    }

    fn commit(&mut self, group: &mut [Box<dyn Pending>]) -> Result<(), Refused> {
        self.try_commit(group).map_err(|error| {
            let judged = self.fault.judge(&error);
            if !self.connection.is_autocommit() && self.connection.execute_batch("ROLLBACK").is_err() {
                self.fault.set("a failed transaction could not be taken back; start again");
            }
            if let LedgerError::Unavailable { reason } = &judged {
                tracing::warn!(steps = group.len(), reason, "the ledger could not be written");
            }
            // Once there is a fault nothing may be tried any more, whatever the reason for this failure was.
            let is_common = is_common(&error) || self.fault.check().is_err();
            Refused { error: judged, is_common }
        })
    }

    fn try_commit(&self, group: &mut [Box<dyn Pending>]) -> rusqlite::Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut writing = Writing::new(&self.connection, &self.rules);
        for step in group {
            step.run(&mut writing)?;
        }
        writing.store_counts()?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}

/// Whether a failure lies in the file or the disk rather than in what a step asked for. A full disk is not among
/// these: what needs no room, or less, may still find it.
fn is_common(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
        )
    )
}

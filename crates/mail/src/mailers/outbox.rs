//! Captures messages in a folder instead of sending them: what `postrider serve` does until it is told of a server.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::{
    AttemptOutcome, Cause, Failure, FailureClass, FaultScope, Reach, Words,
};
use postrider_core::ports::mailer::{Mailer, OutgoingMessage, Stop};
use postrider_core::use_cases::erase_recipient::CapturedMessages;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How long a disk may take. After that the message may or may not be there.
const WRITE_TIMEOUT_MS: u64 = 30_000;
/// How a captured message's name ends.
const EXTENSION: &str = "eml";
/// How the name of a file that is being written ends.
const TEMPORARY_EXTENSION: &str = "tmp";

/// Writes each message to `<data directory>/outbox/<notification id>.<attempt>.eml`, durably and for nobody else to read.
pub struct OutboxMailer {
    folder: Arc<Path>,
}

/// The folder of an outbox, whoever writes to it, to forget what lies in it.
#[derive(Clone, Debug)]
pub struct CapturedFolder(Arc<Path>);

impl CapturedFolder {
    /// The folder below `data_directory`; it may be missing.
    #[must_use]
    pub fn new(data_directory: &Path) -> Self {
        Self(data_directory.join("outbox").into())
    }
}

#[async_trait]
impl CapturedMessages for CapturedFolder {
    async fn remove(&self, id: NotificationId, attempts: u32) -> io::Result<usize> {
        let folder = Arc::clone(&self.0);
        spawn_blocking(move || remove(&folder, id, attempts)).await.unwrap_or_else(|_| {
            Err(io::Error::other("removing captured messages ended without saying how; please report this"))
        })
    }
}

fn remove(folder: &Path, id: NotificationId, attempts: u32) -> io::Result<usize> {
    let mut removed = 0;
    for attempt in 1..=attempts {
        for extension in [EXTENSION, TEMPORARY_EXTENSION] {
            let captured = CapturedMessage { notification_id: id, attempt };
            match fs::remove_file(folder.join(captured.file_name(extension))) {
                Ok(()) => removed += usize::from(extension == EXTENSION),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    if removed > 0 {
        File::open(folder)?.sync_all()?;
    }
    Ok(removed)
}

/// Names one captured message.
#[derive(Clone, Copy)]
struct CapturedMessage {
    notification_id: NotificationId,
    attempt: u32,
}

/// Why a message is not, or may not be, in the folder.
enum Trouble {
    /// It is not.
    NotWritten(io::Error),
    /// It is, but may be gone after a power loss.
    NotSynced(io::Error),
}

impl OutboxMailer {
    /// Makes the folder if it is missing and removes what a crash left half written. Blocks.
    ///
    /// Only for a process that has the data directory to itself: what another one is just writing looks the same.
    ///
    /// # Errors
    /// The system's, if the folder cannot be made or read.
    pub fn open(data_directory: &Path) -> io::Result<Self> {
        let folder = data_directory.join("outbox");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        // A file that survives a power loss needs a folder that does.
        File::open(data_directory)?.sync_all()?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension() == Some(OsStr::new(TEMPORARY_EXTENSION)) {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { folder: folder.into() })
    }
}

impl CapturedMessage {
    fn file_name(self, extension: &str) -> PathBuf {
        format!("{}.{}.{extension}", self.notification_id, self.attempt).into()
    }
}

#[async_trait]
impl Mailer for OutboxMailer {
    fn name(&self) -> &'static str {
        "outbox"
    }

    fn deadline_ms(&self) -> u64 {
        WRITE_TIMEOUT_MS
    }

    /// A write cannot be taken back, and is over soon: it is not given up when the process stops.
    async fn send(&self, message: &OutgoingMessage, _stop: Stop<'_>) -> AttemptOutcome {
        let captured = CapturedMessage { notification_id: message.notification_id, attempt: message.attempt };
        let (folder, bytes) = (Arc::clone(&self.folder), message.message.clone());
        let write = spawn_blocking(move || write(&folder, captured, &bytes));
        let failure = match timeout(Duration::from_millis(WRITE_TIMEOUT_MS), write).await {
            Ok(Ok(Ok(()))) => {
                let path = Path::new("outbox").join(captured.file_name(EXTENSION));
                return AttemptOutcome::Accepted {
                    words: Words::new(&format!("captured in {}", path.display())),
                };
            }
            Ok(Ok(Err(Trouble::NotWritten(error)))) => not_written(&error),
            Ok(Ok(Err(Trouble::NotSynced(error)))) => uncertain("outbox_sync_failed", &error.to_string()),
            Ok(Err(_)) => uncertain("outbox_write_aborted", "the write ended without saying how"),
            Err(_) => uncertain("outbox_timeout", "the disk did not finish the write in time"),
        };
        tracing::warn!(notification_id = %message.notification_id, cause = %failure.cause, "outbox could not be written");
        AttemptOutcome::NotAccepted(failure)
    }
}

/// The disk is full, read-only or gone: true for every message, and no message's fault.
fn not_written(error: &io::Error) -> Failure {
    Failure {
        class: FailureClass::Retryable,
        scope: FaultScope::Route,
        cause: Cause::known("outbox_write_failed"),
        words: Words::new(&error.to_string()),
        spends_attempt: false,
        reach: Reach::BeforeMessage,
        is_account_fault: false,
    }
}

fn uncertain(cause: &'static str, words: &str) -> Failure {
    Failure {
        class: FailureClass::Unknown,
        scope: FaultScope::Route,
        cause: Cause::known(cause),
        words: Words::new(words),
        spends_attempt: true,
        reach: Reach::Unanswered,
        is_account_fault: false,
    }
}

/// Nobody sees a file that is not whole, and a file that was reported is there after a power loss: written and synced
/// under another name, renamed, and the rename synced.
fn write(folder: &Path, captured: CapturedMessage, bytes: &[u8]) -> Result<(), Trouble> {
    let temporary = folder.join(captured.file_name(TEMPORARY_EXTENSION));
    let whole = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, folder.join(captured.file_name(EXTENSION))));
    if let Err(error) = whole {
        // A full disk needs the room back; the next start removes what stays.
        let _ = fs::remove_file(&temporary);
        return Err(Trouble::NotWritten(error));
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Trouble::NotSynced)
}

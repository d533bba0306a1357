//! Captures messages in a folder instead of sending them: what `postrider serve` does until it is told of a server.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::{AttemptOutcome, Cause, Failure, FailureClass, FaultScope, Words};
use postrider_core::limits::{MESSAGE_BYTES_MAX, PAGE_MAX};
use postrider_core::ports::mailer::{Mailer, OutgoingMessage};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How long a disk may take. After that the message may or may not be there.
const WRITE_TIMEOUT_MS: u64 = 30_000;
/// How a captured message's name ends.
const EXTENSION: &str = "eml";
/// How the name of a file that is being written ends.
const TEMPORARY_EXTENSION: &str = "tmp";

/// Writes each message to `<data directory>/outbox/<notification id>.<attempt>.eml`, durably.
pub struct OutboxMailer {
    folder: Arc<Path>,
}

/// Names one captured message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CapturedMessage {
    /// The notification it is for. Ids sort by age.
    pub notification_id: NotificationId,
    /// The attempt that wrote it.
    pub attempt: u32,
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
    /// # Errors
    /// The system's, if the folder cannot be made or read.
    pub fn open(data_directory: &Path) -> io::Result<Self> {
        let folder = data_directory.join("outbox");
        fs::create_dir_all(&folder)?;
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

    /// The newest captured messages, newest first, at most `limit` and never more than [`PAGE_MAX`].
    ///
    /// # Errors
    /// The system's, if the folder cannot be read.
    pub async fn list(&self, limit: usize) -> io::Result<Vec<CapturedMessage>> {
        let folder = Arc::clone(&self.folder);
        spawn_blocking(move || list(&folder, limit.min(PAGE_MAX))).await.map_err(io::Error::other)?
    }

    /// One captured message, byte for byte; `None` if there is none of this name.
    ///
    /// # Errors
    /// The system's, if the file is there and cannot be read, or is larger than any message we write.
    pub async fn read(&self, captured: CapturedMessage) -> io::Result<Option<Vec<u8>>> {
        let path = self.folder.join(captured.file_name(EXTENSION));
        spawn_blocking(move || read(&path)).await.map_err(io::Error::other)?
    }
}

impl CapturedMessage {
    fn file_name(self, extension: &str) -> PathBuf {
        format!("{}.{}.{extension}", self.notification_id, self.attempt).into()
    }

    fn from_file_name(name: &str) -> Option<Self> {
        let (rest, extension) = name.rsplit_once('.')?;
        let (id, attempt) = rest.rsplit_once('.')?;
        let captured = Self { notification_id: id.parse().ok()?, attempt: attempt.parse().ok()? };
        (extension == EXTENSION).then_some(captured)
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

    async fn send(&self, message: &OutgoingMessage) -> AttemptOutcome {
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
    }
}

fn uncertain(cause: &'static str, words: &str) -> Failure {
    Failure {
        class: FailureClass::Unknown,
        scope: FaultScope::Route,
        cause: Cause::known(cause),
        words: Words::new(words),
        spends_attempt: true,
    }
}

/// Nobody sees a file that is not whole, and a file that was reported is there after a power loss: written and synced
/// under another name, renamed, and the rename synced.
fn write(folder: &Path, captured: CapturedMessage, bytes: &[u8]) -> Result<(), Trouble> {
    let temporary = folder.join(captured.file_name(TEMPORARY_EXTENSION));
    let whole = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, folder.join(captured.file_name(EXTENSION))));
    if let Err(error) = whole {
        // A full disk needs the room back; the next start removes what stays.
        let _ = fs::remove_file(&temporary);
        return Err(Trouble::NotWritten(error));
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Trouble::NotSynced)
}

/// Holds no more than `limit` names at a time, however many files there are.
fn list(folder: &Path, limit: usize) -> io::Result<Vec<CapturedMessage>> {
    let mut newest = BinaryHeap::with_capacity(limit + 1);
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(captured) = name.to_str().and_then(CapturedMessage::from_file_name) else { continue };
        newest.push(Reverse(captured));
        if newest.len() > limit {
            newest.pop();
        }
    }
    Ok(newest.into_sorted_vec().into_iter().map(|Reverse(captured)| captured).collect())
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MESSAGE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "the captured message is larger than any we write",
        ));
    }
    Ok(Some(bytes))
}

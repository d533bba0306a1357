//! One process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::opening::OpenError;

/// Holds the ledger for this process until it is dropped or the process ends, however it ends.
///
/// A second process would take the first one's leases for lost and send again what is being sent.
#[derive(Debug)]
pub(crate) struct ProcessLock {
    file: File,
}

/// Why the ledger could not be locked.
pub(crate) enum LockError {
    /// Another process, with this id if it could be read, has it open.
    Held(String),
    /// The lock file could not be made or written.
    Io(std::io::Error),
}

impl ProcessLock {
    /// Takes the lock that belongs to the ledger at `path`. The lock file stays behind.
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        loop {
            let lock = Self::take_file(path)?;
            // Somebody who gave up a reservation may have deleted the file between our opening and our locking it. Two
            // processes would then hold two different files of one name.
            match std::fs::metadata(lock_path(path)) {
                Ok(named) if lock.is_file(&named) => return Ok(lock),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(LockError::Io(error)),
            }
        }
    }

    fn is_file(&self, named: &std::fs::Metadata) -> bool {
        self.file.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (named.dev(), named.ino()))
    }

    fn take_file(path: &Path) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(lock_path(path))
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let readable = file.take(20).read_to_string(&mut holder).is_ok();
                let known = readable && holder.trim().parse::<u32>().is_ok();
                return Err(LockError::Held(if known {
                    holder.trim().to_owned()
                } else {
                    "unknown".to_owned()
                }));
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        file.set_len(0).map_err(LockError::Io)?;
        file.rewind().map_err(LockError::Io)?;
        writeln!(file, "{}", std::process::id()).map_err(LockError::Io)?;
        Ok(Self { file })
    }
}

/// Keeps everybody else from a ledger that is yet to be put in its place.
#[derive(Debug)]
pub struct Reservation {
    path: PathBuf,
    lock: ProcessLock,
}

impl Reservation {
    /// Reserves `path`, in an existing directory.
    ///
    /// # Errors
    /// [`OpenError::AlreadyOpen`], or the system's.
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        match ProcessLock::take(path) {
            Ok(lock) => Ok(Self { path: path.to_owned(), lock }),
            Err(LockError::Held(holder)) => Err(OpenError::AlreadyOpen { path: path.to_owned(), holder }),
            Err(LockError::Io(error)) => Err(OpenError::io(path, error)),
        }
    }

    /// The name of the file that shows it.
    #[must_use]
    pub fn lock_path(path: &Path) -> PathBuf {
        lock_path(path)
    }

    /// Gives it up, and leaves nothing behind.
    pub fn abandon(self) {
        // Deleted while it is held: who opened the file before finds that it is not the one of that name any more.
        let _ = std::fs::remove_file(lock_path(&self.path));
        drop(self.lock);
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

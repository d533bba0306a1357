//! One process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Holds the ledger for this process until it is dropped or the process ends, however it ends.
///
/// A second process would take the first one's leases for lost and send again what is being sent.
#[derive(Debug)]
pub(crate) struct ProcessLock {
    _file: File,
}

/// Why the ledger could not be locked.
pub(crate) enum LockError {
    /// Another process, with this id if it could be read, has it open.
    Held(String),
    /// The lock file could not be made or written.
    Io(std::io::Error),
}

impl ProcessLock {
    /// Takes the lock that belongs to the ledger at `path`. The lock file stays behind: deleting it would let two
    /// processes hold two different files of one name.
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
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
        Ok(Self { _file: file })
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

//! What a failure of SQLite means for the ledger.

use std::sync::OnceLock;

use postrider_core::ports::ledger::LedgerError;
use rusqlite::{ErrorCode, ffi};

/// The reason why this ledger must not be used any longer, once there is one. It is never taken back: only a new
/// start can tell what is on the disk.
#[derive(Debug, Default)]
pub(crate) struct Fault(OnceLock<String>);

impl Fault {
    /// Fails if the ledger is no longer to be trusted.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        match self.0.get() {
            None => Ok(()),
            Some(reason) => Err(LedgerError::Fatal { reason: reason.clone() }),
        }
    }

    /// What `error` means; a fatal one is remembered.
    pub(crate) fn judge(&self, error: &rusqlite::Error) -> LedgerError {
        let judged = classify(error);
        if let LedgerError::Fatal { reason } = &judged {
            self.set(reason);
        }
        judged
    }

    /// Remembers that the ledger must not be used any longer.
    pub(crate) fn set(&self, reason: &str) {
        if self.0.set(reason.to_owned()).is_ok() {
            tracing::error!(reason, "the ledger can no longer be trusted");
        }
    }
}

/// Sorts a failure by what it means for what was asked: passing, or the end.
///
/// Passing is only what leaves no doubt that nothing was stored and that the file is sound. An `fsync` that failed is
/// not: the kernel may have dropped the pages, and a second attempt would report a success that is none.
pub(crate) fn classify(error: &rusqlite::Error) -> LedgerError {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return fatal(format!(
            "it holds something this version cannot read ({error}); keep a copy of the file, then start the version \
             that wrote it, or restore a backup"
        ));
    };
    match failure.code {
        ErrorCode::DiskFull => {
            unavailable("the disk is full; free space on it, nothing was stored".to_owned())
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            unavailable("another program holds a lock on the file; close it, nothing was stored".to_owned())
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => fatal(format!(
            "the file is damaged ({error}); stop, keep a copy of the file, and restore a backup"
        )),
        ErrorCode::SystemIoFailure => match failure.extended_code {
            ffi::SQLITE_IOERR_WRITE
            | ffi::SQLITE_IOERR_NOMEM
            | ffi::SQLITE_IOERR_LOCK
            | ffi::SQLITE_IOERR_SHMOPEN
            | ffi::SQLITE_IOERR_SHMSIZE
            | ffi::SQLITE_IOERR_SHMMAP => unavailable(format!(
                "the disk refused a write ({error}); check the disk and its quota, nothing was stored"
            )),
            _ => fatal(format!(
                "the disk reported an error and nobody can tell what reached it ({error}); check the disk, then start again"
            )),
        },
        ErrorCode::OutOfMemory
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied => unavailable(format!(
            "the file cannot be used ({error}); check its permissions and the memory left, nothing was stored"
        )),
        _ => {
            unavailable(format!("SQLite refused the step ({error}); nothing was stored, please report this"))
        }
    }
}

pub(crate) fn unavailable(reason: String) -> LedgerError {
    LedgerError::Unavailable { reason }
}

fn fatal(reason: String) -> LedgerError {
    LedgerError::Fatal { reason }
}

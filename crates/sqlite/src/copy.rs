//! A copy of the ledger as it is at one moment, taken while others read and write it.
//!
//! Pages are copied by SQLite's online backup within one read transaction: the copy is of the moment in which that
//! began, whatever is written meanwhile, and no page is copied twice. The writer goes on; only the write-ahead log
//! cannot start over before the copy is done.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::opening::{self, OpenError};
use crate::schema;

/// Pages of one step: 1 MiB.
const STEP_PAGES: i32 = 256;
/// Steps after which what was copied is brought to the disk. Left to the system it would be written all at once, and
/// the ledger's own commits would wait behind it.
const STEPS_A_SYNC: u32 = 16;
/// How often a step is tried again that found the file locked by a foreign program.
const BUSY_TRIES_MAX: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Why there is no copy. What there was of it may lie at its path.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// There is none.
    #[error("there is no ledger at {0}")]
    Missing(PathBuf),
    /// The copy cannot be written.
    #[error("{path} cannot be written: {source}")]
    Target {
        /// The copy.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// How far a copy has come.
#[derive(Clone, Copy, Debug)]
pub struct CopyProgress {
    /// Pages copied.
    pub done: u64,
    /// Pages in all.
    pub total: u64,
}

/// Copies the ledger at `from` into the new file `to`, for its owner alone, and brings it to the disk. The copy is one file
/// without a log beside it. Blocks; takes a few MiB of memory, however large the ledger is.
///
/// # Errors
/// [`CopyError`]. The ledger is only read.
pub fn copy_ledger(from: &Path, to: &Path, progress: &mut dyn FnMut(CopyProgress)) -> Result<(), CopyError> {
    if !from.exists() {
        return Err(CopyError::Missing(from.to_owned()));
    }
    opening::check_file(from)?;
    let read = |error| CopyError::Ledger(OpenError::sqlite(from, error));
    let source = opening::connect_reader(from).map_err(read)?;
    opening::check_owner(&source, from)?;
    // The moment that is copied is that of the first look.
    source.execute_batch("BEGIN").map_err(read)?;
    if schema::version(&source).map_err(read)? == 0 {
        return Err(CopyError::Missing(from.to_owned()));
    }
    let written = |error: std::io::Error| CopyError::Target { path: to.to_owned(), source: error.into() };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(written)?;
    copy_pages(&source, to, &file, progress).map_err(|error| match error {
        // A step fails for either side; these two are the ledger's.
        CopyFailure::Sqlite(error) if is_of_the_ledger(&error) => read(error),
        CopyFailure::Sqlite(error) => CopyError::Target { path: to.to_owned(), source: error.into() },
        CopyFailure::Io(error) => written(error),
    })?;
    file.sync_all().map_err(written)
}

#[derive(Debug, thiserror::Error)]
enum CopyFailure {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

fn is_of_the_ledger(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
        )
    )
}

fn copy_pages(
    source: &Connection,
    to: &Path,
    file: &File,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<(), CopyFailure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(to, flags)?;
    // A copy that is not whole is thrown away, so it needs no journal; it is synced here.
    target.pragma_update(None, "synchronous", "off")?;
    target.pragma_update(None, "journal_mode", "off")?;
    {
        let backup = Backup::new(source, &mut target)?;
        let (mut steps, mut busy) = (0, 0);
        loop {
            match backup.step(STEP_PAGES)? {
                StepResult::Done => break,
                StepResult::More => {
                    (steps, busy) = (steps + 1, 0);
                    let at = backup.progress();
                    let pages = |count: i32| u64::try_from(count).unwrap_or(0);
                    progress(CopyProgress {
                        done: pages(at.pagecount - at.remaining),
                        total: pages(at.pagecount),
                    });
                    if steps % STEPS_A_SYNC == 0 {
                        file.sync_data()?;
                    }
                }
                _ if busy < BUSY_TRIES_MAX => {
                    busy += 1;
                    std::thread::sleep(BUSY_PAUSE);
                }
                _ => return Err(locked().into()),
            }
        }
    }
    // Its header says that it has a log beside it, as the ledger has.
    target.pragma_update(None, "journal_mode", "delete")?;
    target.close().map_err(|(_, error)| error)?;
    Ok(())
}

fn locked() -> rusqlite::Error {
    let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    rusqlite::Error::SqliteFailure(failure, Some("another program holds a lock on the file".to_owned()))
}

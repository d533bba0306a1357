//! Opening the file: only one that is ours, whole, and not from the future.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postrider_core::ports::feedback::RecipientRules;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use crate::lock::{LockError, ProcessLock};
use crate::schema;

/// How long a statement waits for a lock that a foreign program holds. Short of what a step may wait in all.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_millis(2_000);

/// The first bytes of every SQLite file (file format, §1.3.1).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Page cache of the writing connection, in KiB.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
/// Page cache of every other connection, in KiB.
const READER_CACHE_KIB: i64 = 2 * 1024;
/// Compiled statements a connection keeps.
const STATEMENTS_MAX: usize = 128;
/// Rows at either end of a table that are read to see whether the file is whole.
const PROBED_ROWS: u32 = 64;

/// Why the ledger was not opened. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works with it.
    #[error(
        "the ledger {path} is already open by process {holder}; stop that one first, or give this one another path"
    )]
    AlreadyOpen {
        /// The ledger.
        path: PathBuf,
        /// The id of the process, or `unknown`.
        holder: String,
    },
    /// Written by a newer Postrider.
    #[error(
        "the ledger {path} has schema version {found}, this program knows versions up to {known}; run the newer Postrider that wrote it, or restore a backup from before the upgrade"
    )]
    NewerSchema {
        /// The ledger.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The newest version this program knows.
        known: usize,
    },
    /// A sound SQLite database that is something else.
    #[error("{path} is a database of another program; give the ledger a path of its own")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Not a whole SQLite database.
    #[error(
        "the ledger {path} is damaged: {what}; it was left as it is. Keep a copy, then restore a backup into an empty directory"
    )]
    Damaged {
        /// The ledger.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The secret is not the one it was made with.
    #[error(
        "the ledger {path} was made with another secret; give it the secret file that was beside it, or its suppression list and its return paths mean nothing. Restore both from the same backup"
    )]
    OtherSecret {
        /// The ledger.
        path: PathBuf,
    },
    /// The operating system or SQLite refused.
    #[error(
        "the ledger {path} cannot be opened; check that its directory exists, can be written and has room"
    )]
    Io {
        /// The ledger.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Io { path: path.to_owned(), source: Box::new(source) }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    /// What a failure of SQLite while opening means.
    pub(crate) fn sqlite(path: &Path, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::damaged(path, error.to_string())
            }
            _ => Self::io(path, error),
        }
    }
}

/// Whether the ledger at `path` was made with a secret that must be given to open it. Where that cannot be told, opening
/// it will say why.
#[must_use]
pub fn has_secret(path: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let count = |connection: Connection| {
        connection.query_row("SELECT count(*) FROM secret_mark", [], |row| row.get::<_, i64>(0))
    };
    Connection::open_with_flags(path, flags).and_then(count).is_ok_and(|count| count > 0)
}

/// A ledger file that is locked, sound as far as a bounded look can tell, and of this version.
pub(crate) struct Opened {
    pub(crate) lock: ProcessLock,
    pub(crate) writer: Connection,
}

/// Opens the file at `path`, creating it if there is none.
pub(crate) fn open(path: &Path, rules: &RecipientRules) -> Result<Opened, OpenError> {
    let lock = ProcessLock::take(path).map_err(|error| match error {
        LockError::Held(holder) => OpenError::AlreadyOpen { path: path.to_owned(), holder },
        LockError::Io(error) => OpenError::io(path, error),
    })?;
    check_file(path)?;
    create_private(path)?;
    let sqlite = |error| OpenError::sqlite(path, error);
    let mut writer = connect(path, WRITER_CACHE_KIB, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sqlite)?;
    check_owner(&writer, path)?;
    // Brings what a crash left in the log into the file, which is then all there is to check.
    writer.pragma_update(None, "journal_mode", "wal").map_err(sqlite)?;
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(sqlite)?;
    let version = schema::version(&writer).map_err(sqlite)?;
    if version > 0 {
        check_whole(&writer, path)?;
    }
    schema::migrate(&mut writer, version).map_err(sqlite)?;
    check_secret(&writer, path, rules)?;
    Ok(Opened { lock, writer })
}

/// Whether this version of the schema knows a secret at all.
pub(crate) fn has_secret_mark(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'secret_mark'", [], |row| {
        row.get::<_, i64>(0).map(|count| count > 0)
    })
}

/// Whether the secret of `rules` is the one with which the ledger was made; one without a mark fits any.
pub(crate) fn fits_secret(connection: &Connection, rules: &RecipientRules) -> rusqlite::Result<bool> {
    let mark: Option<[u8; 32]> =
        connection.query_row("SELECT mark FROM secret_mark", [], |row| row.get(0)).optional()?;
    Ok(mark.is_none_or(|mark| mark == rules.mark()))
}

/// Keyed hashes made under another secret would be found by nobody: those who must get no mail would get it again.
fn check_secret(connection: &Connection, path: &Path, rules: &RecipientRules) -> Result<(), OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    connection
        .execute(
            "INSERT INTO secret_mark (one, mark) VALUES (1, ?1) ON CONFLICT (one) DO NOTHING",
            [rules.mark()],
        )
        .map_err(sqlite)?;
    if fits_secret(connection, rules).map_err(sqlite)? {
        Ok(())
    } else {
        Err(OpenError::OtherSecret { path: path.to_owned() })
    }
}

/// A connection for reading.
pub(crate) fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    connect(path, READER_CACHE_KIB, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// A connection to a file that nobody changes, wherever it lies: no lock is taken, and no log is looked for.
pub(crate) fn connect_unchanging(path: &Path) -> rusqlite::Result<Connection> {
    use std::os::unix::ffi::OsStrExt as _;
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    connect(Path::new(&uri), READER_CACHE_KIB, flags)
}

/// A connection for checkpoints.
pub(crate) fn connect_checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    connect(path, READER_CACHE_KIB, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

fn connect(path: &Path, cache_kib: i64, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // FULL: a commit returns once its part of the log is on the disk.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // What is deleted within a page that is written anyway is overwritten: nobody's address lies about between the rows.
    connection.pragma_update(None, "secure_delete", "fast")?;
    Ok(connection)
}

/// Looks at the bytes before SQLite does, because SQLite takes an empty file for a new database and then deletes the
/// log beside it.
pub(crate) fn check_file(path: &Path) -> Result<(), OpenError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log_len = std::fs::metadata(&log).map_or(0, |log| log.len());
    let mut head = Vec::new();
    match File::open(path) {
        Ok(file) => {
            file.take(MAGIC.len() as u64)
                .read_to_end(&mut head)
                .map_err(|error| OpenError::io(path, error))?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(OpenError::io(path, error)),
    }
    if head.is_empty() && log_len > 0 {
        return Err(OpenError::damaged(path, "it is missing or empty, but its write-ahead log is there"));
    }
    if !head.is_empty() && head != MAGIC {
        return Err(OpenError::damaged(path, "it does not begin as a SQLite database does"));
    }
    Ok(())
}

/// Makes a new ledger's file before SQLite does, because it holds customers' addresses and is nobody else's to read.
/// SQLite takes an empty file for a new database, and gives the log beside it the same mode.
fn create_private(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(OpenError::io(path, error)),
    }
}

/// Refuses other programs' databases and later versions before anything is written.
pub(crate) fn check_owner(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    let application_id: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(sqlite)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sqlite)?;
    let is_new = application_id == 0 && tables == 0;
    if !is_new && application_id != schema::APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let found = schema::version(connection).map_err(sqlite)?;
    if found > schema::VERSION {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known: schema::VERSION });
    }
    Ok(())
}

/// A look at the file whose cost does not grow with it: its length, the schema, and both ends of the large tables.
fn check_whole(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    let number =
        |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0)).map_err(sqlite);
    let expected = number("page_count")? * number("page_size")?;
    let len = std::fs::metadata(path).map_err(|error| OpenError::io(path, error))?.len();
    if len < expected {
        return Err(OpenError::damaged(path, format!("it has {len} bytes and should have {expected}")));
    }
    for table in ["sqlite_schema", "status_counts", "heartbeat"] {
        let verdict: String = connection
            .query_row(&format!("PRAGMA quick_check({table})"), [], |row| row.get(0))
            .map_err(sqlite)?;
        if verdict != "ok" {
            return Err(OpenError::damaged(path, verdict));
        }
    }
    for (table, key) in [("events", "seq"), ("notifications", "seq"), ("timeline", "notification_seq")] {
        for order in ["ASC", "DESC"] {
            let sql = format!("SELECT * FROM {table} ORDER BY {key} {order} LIMIT {PROBED_ROWS}");
            let mut statement = connection.prepare(&sql).map_err(sqlite)?;
            let mut rows = statement.query([]).map_err(sqlite)?;
            while let Some(row) = rows.next().map_err(sqlite)? {
                row.get_ref(1).map_err(sqlite)?;
            }
        }
    }
    Ok(())
}

//! The schema's versions, from the first to this one. There is no way back.

use rusqlite::{Connection, TransactionBehavior};

/// Marks a SQLite file as a Postrider ledger: "Post" in ASCII.
pub(crate) const APPLICATION_ID: i32 = 0x506f_7374;

/// One step a version, each applied in one transaction. A step, once released, never changes.
const MIGRATIONS: [&str; 1] = [include_str!("0001_ledger.sql")];

/// The version this program writes.
pub(crate) const VERSION: usize = MIGRATIONS.len();

/// The version of an opened file; zero for a new one.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the file from `version` to [`VERSION`].
pub(crate) fn migrate(connection: &mut Connection, version: usize) -> rusqlite::Result<()> {
    for (done, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", done + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

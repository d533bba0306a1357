//! The record about money.

use postrider_core::domain::budget::BudgetRecord;
use postrider_core::ports::budget::StoredBudget;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _};

/// The record and its revision, if there is one.
pub(crate) fn budget(connection: &Connection) -> rusqlite::Result<Option<StoredBudget>> {
    connection
        .prepare_cached("SELECT revision, record FROM budget WHERE one = 1")?
        .query_row([], |row| {
            let bytes: Vec<u8> = row.get(1)?;
            let garbled = || {
                let what = "the record of the budget cannot be read".into();
                rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, what)
            };
            let record = BudgetRecord::from_bytes(&bytes).ok_or_else(garbled)?;
            Ok(StoredBudget { record, revision: row.get::<_, i64>(0)?.unsigned_abs() })
        })
        .optional()
}

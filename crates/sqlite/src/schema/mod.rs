//! The schema's versions, from the first to this one. There is no way back.

use rusqlite::{Connection, TransactionBehavior};

/// Marks a SQLite file as a Postrider ledger: "Post" in ASCII.
pub(crate) const APPLICATION_ID: i32 = 0x506f_7374;

/// One step a version, each applied in one transaction. A step, once released, never changes.
const MIGRATIONS: [&str; 8] = [
    include_str!("0001_ledger.sql"),
    include_str!("0002_answers_by_age.sql"),
    include_str!("0003_feedback.sql"),
    include_str!("0004_webhooks.sql"),
    include_str!("0005_category.sql"),
    include_str!("0006_budget.sql"),
    include_str!("0007_keys.sql"),
    include_str!("0008_erasure.sql"),
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_of_the_first_version_is_brought_to_this_one_with_what_it_holds() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        let first = format!("{}; PRAGMA user_version = 1", MIGRATIONS[0]);
        connection.execute_batch(&first).expect("the first version");
        let answer = "INSERT INTO answers VALUES (x'01', x'02', 202, '{}', 1)";
        connection.execute_batch(answer).expect("an answer");
        migrate(&mut connection, 1).expect("the later versions");
        assert_eq!(version(&connection), Ok(VERSION));
        let kept = connection.query_row("SELECT count(*) FROM answers", [], |row| row.get::<_, i64>(0));
        assert_eq!(kept, Ok(1));
        let plan = connection.query_row(
            "EXPLAIN QUERY PLAN SELECT key FROM answers WHERE created_at <= 1 ORDER BY created_at LIMIT 1",
            [],
            |row| row.get::<_, String>(3),
        );
        assert!(plan.as_ref().is_ok_and(|plan| plan.contains("answers_by_age")), "{plan:?}");
    }
}

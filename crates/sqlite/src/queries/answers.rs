//! Answers under idempotency keys.

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::RememberedAnswer;
use rusqlite::{Connection, OptionalExtension as _};

/// The answer under `key`, with the fingerprint of its request.
pub(crate) fn recall_answer(
    connection: &Connection,
    key: Fingerprint,
) -> rusqlite::Result<Option<(Fingerprint, RememberedAnswer)>> {
    connection
        .prepare_cached("SELECT request, status, body FROM answers WHERE key = ?1")?
        .query_row([key.to_bytes()], |row| {
            let answer = RememberedAnswer { status: row.get(1)?, body: row.get(2)? };
            Ok((Fingerprint::from_bytes(row.get(0)?), answer))
        })
        .optional()
}

/// Keeps `answer` under `key` unless the key is taken.
pub(crate) fn remember_answer(
    connection: &Connection,
    key: Fingerprint,
    request: Fingerprint,
    answer: &RememberedAnswer,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO answers (key, request, status, body, created_at) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (key) DO NOTHING",
        )?
        .execute((key.to_bytes(), request.to_bytes(), answer.status, &answer.body, now.as_millis()))?;
    Ok(())
}

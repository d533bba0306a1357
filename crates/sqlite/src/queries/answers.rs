//! Answers under idempotency keys.

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{ANSWERS_FORGOTTEN_MAX, IDEMPOTENCY_KEPT_MS};
use postrider_core::ports::ledger::RememberedAnswer;
use rusqlite::{Connection, OptionalExtension as _};

/// The answer under `key`, with the fingerprint of its request, unless its time is over at `now`.
pub(crate) fn recall_answer(
    connection: &Connection,
    key: Fingerprint,
    now: Timestamp,
) -> rusqlite::Result<Option<(Fingerprint, RememberedAnswer)>> {
    connection
        .prepare_cached("SELECT request, status, body FROM answers WHERE key = ?1 AND created_at > ?2")?
        .query_row((key.to_bytes(), horizon_ms(now)), |row| {
            let answer = RememberedAnswer { status: row.get(1)?, body: row.get(2)? };
            Ok((Fingerprint::from_bytes(row.get(0)?), answer))
        })
        .optional()
}

/// Keeps `answer` under `key` unless the key is taken by an answer whose time is not over.
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
             ON CONFLICT (key) DO UPDATE SET request = excluded.request, status = excluded.status, \
             body = excluded.body, created_at = excluded.created_at WHERE answers.created_at <= ?6",
        )?
        .execute((
            key.to_bytes(),
            request.to_bytes(),
            answer.status,
            &answer.body,
            now.as_millis(),
            horizon_ms(now),
        ))?;
    Ok(())
}

/// Deletes the oldest answers whose time is over at `now`, in a step small enough to stand between others; tells how
/// many.
pub(crate) fn forget_answers(connection: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM answers WHERE key IN (SELECT key FROM answers INDEXED BY answers_by_age \
             WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)",
        )?
        .execute((horizon_ms(now), ANSWERS_FORGOTTEN_MAX))
}

/// The time of an answer that was given at this instant or before is over at `now`.
fn horizon_ms(now: Timestamp) -> i64 {
    now.as_millis() - i64::try_from(IDEMPOTENCY_KEPT_MS).unwrap_or(i64::MAX)
}

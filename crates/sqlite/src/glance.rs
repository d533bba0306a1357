//! A short look at a ledger that a server may have open: what waits, what gave up, and when somebody was last alive.

use std::path::Path;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::api_key::ApiKey;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::{DeadLetterGroup, QueueStats};
use rusqlite::OptionalExtension as _;

use crate::opening::{self, OpenError};
use crate::{queries, schema};

/// What a short look found.
#[derive(Clone, Debug)]
pub struct Glance {
    /// The schema's version.
    pub schema: usize,
    /// What is in it; `None` if it is of an older version, which the next start brings up to this one.
    pub contents: Option<Contents>,
}

/// What is in a ledger, as far as it matters for what goes out.
#[derive(Clone, Debug)]
pub struct Contents {
    /// How much waits.
    pub stats: QueueStats,
    /// Dead letters by cause.
    pub dead_letters: Vec<DeadLetterGroup>,
    /// Entries on the suppression list that keep mail from the address asked about.
    pub suppressions: usize,
    /// The API keys.
    pub keys: Vec<ApiKey>,
    /// When somebody last asked a server whether it is ready.
    pub probed_at: Option<Timestamp>,
}

/// Looks at the ledger at `path`, without waiting for or disturbing a server. The cost does not grow with what was sent.
///
/// # Errors
/// [`OpenError`], also if the secret of `rules` is not its own.
pub fn glance(
    path: &Path,
    rules: &RecipientRules,
    address: &EmailAddress,
    now: Timestamp,
) -> Result<Glance, OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    opening::check_file(path)?;
    let connection = opening::connect_reader(path).map_err(sqlite)?;
    opening::check_owner(&connection, path)?;
    let schema = schema::version(&connection).map_err(sqlite)?;
    if schema != schema::VERSION {
        return Ok(Glance { schema, contents: None });
    }
    if !opening::fits_secret(&connection, rules).map_err(sqlite)? {
        return Err(OpenError::OtherSecret { path: path.to_owned() });
    }
    let look = || {
        connection.execute_batch("BEGIN")?;
        let probed_at = connection
            .query_row("SELECT at FROM heartbeat", [], |row| row.get(0).map(Timestamp::from_millis))
            .optional()?;
        let suppressions = queries::suppressions_of(&connection, &rules.secret, address, now)?;
        Ok(Contents {
            stats: queries::queue_stats(&connection, now)?,
            dead_letters: queries::dead_letter_groups(&connection)?,
            suppressions: suppressions.len(),
            keys: queries::key_ring(&connection)?.into_keys(),
            probed_at,
        })
    };
    look().map(|contents| Glance { schema, contents: Some(contents) }).map_err(sqlite)
}

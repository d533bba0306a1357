//! Looking through a whole ledger: is the file sound, and does what it says hold together?
//!
//! Everything is looked at within one read transaction, so that counters and what they count belong together while a
//! server writes. Findings name notifications by their ids and rows by their numbers, never what is in them.

mod rules;

use std::path::Path;
use std::time::Duration;

use postrider_core::domain::id::NotificationId;
use postrider_core::ports::feedback::RecipientRules;
use rusqlite::Connection;

use crate::opening::{self, OpenError};
use crate::rows::{SEQ_STRETCH, StoredNotification, select_notification, seq_of_id};
use crate::schema;
use rules::RULES;

/// Findings of one check that are told one by one.
const FINDINGS_MAX: usize = 20;
/// How long a look waits for a foreign program's lock.
const WAIT: Duration = Duration::from_secs(10);

/// Name and meaning of the checks that are no query.
const SECRET: (&str, &str) = ("secret", "the secret is the one with which the ledger was made");
const ROWS: (&str, &str) = ("notifications", "every notification can be read, and is where its id says");

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A ledger that a server may have open.
    InUse,
    /// A copy that nobody changes.
    Copy,
}

/// What a look through a ledger came to.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The schema's version.
    pub schema: usize,
    /// The version of this program.
    pub schema_known: usize,
    /// Notifications it holds.
    pub notifications: u64,
    /// What was looked at, in this order.
    pub checks: Vec<Check>,
}

impl Verified {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.count == 0)
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its name, which stays.
    pub name: &'static str,
    /// What it means that nothing was found.
    pub meaning: &'static str,
    /// How much is wrong, as far as it was counted.
    pub count: u64,
    /// The first of what is wrong.
    pub findings: Vec<Finding>,
    /// Why it was left out.
    pub skipped: Option<&'static str>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The notification it is about, or the row where it has no readable id.
    pub id: String,
    /// What is wrong.
    pub what: String,
}

impl Check {
    fn new(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, count: 0, findings: Vec::new(), skipped: None }
    }

    fn find(&mut self, id: impl Into<String>, what: impl Into<String>) {
        self.count += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { id: id.into(), what: what.into() });
        }
    }
}

/// Looks through the ledger at `path`, and whether the secret of `rules` is its own if there are any. Blocks for as long as
/// reading all of it takes. The file is only read.
///
/// # Errors
/// [`OpenError`], if it is no ledger at all or cannot be read to its end.
pub fn verify(path: &Path, look: Look, rules: Option<&RecipientRules>) -> Result<Verified, OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    let connection = open(path, look)?;
    connection.execute_batch("BEGIN").map_err(sqlite)?;
    let version = schema::version(&connection).map_err(sqlite)?;
    let mut checks = vec![structure(&connection).map_err(sqlite)?];
    let mut notifications = 0;
    // In a file whose pages are not sound the rest would only find the same again, or nothing.
    let skipped = if checks[0].count > 0 {
        Some("the file itself is damaged")
    } else if version != schema::VERSION {
        Some("it is of an older version, which `serve` brings up to this one")
    } else {
        None
    };
    match skipped {
        Some(reason) => {
            let rules = RULES.iter().map(|rule| Check::new(rule.name, rule.meaning));
            let left_out =
                [Check::new(SECRET.0, SECRET.1), Check::new(ROWS.0, ROWS.1)].into_iter().chain(rules);
            checks.extend(left_out.map(|check| Check { skipped: Some(reason), ..check }));
        }
        None => {
            checks.push(secret(&connection, rules).map_err(sqlite)?);
            let (count, rows) = notification_rows(&connection).map_err(sqlite)?;
            notifications = count;
            checks.push(rows);
            for rule in &RULES {
                checks.push(rule.check(&connection).map_err(sqlite)?);
            }
        }
    }
    Ok(Verified { schema: version, schema_known: schema::VERSION, notifications, checks })
}

/// The part of [`verify`] that a copy must pass to be of any use: its pages, its version, its secret.
///
/// # Errors
/// [`OpenError`], saying what is wrong.
pub fn check_copy(path: &Path, rules: &RecipientRules) -> Result<(), OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    let connection = open(path, Look::Copy)?;
    let structure = structure(&connection).map_err(sqlite)?;
    if let Some(finding) = structure.findings.first() {
        return Err(OpenError::damaged(path, finding.what.clone()));
    }
    // Older versions knew no secret.
    let is_marked = opening::has_secret_mark(&connection).map_err(sqlite)?;
    if is_marked && !opening::fits_secret(&connection, rules).map_err(sqlite)? {
        return Err(OpenError::OtherSecret { path: path.to_owned() });
    }
    Ok(())
}

fn open(path: &Path, look: Look) -> Result<Connection, OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    let connection = match look {
        Look::InUse => {
            opening::check_file(path)?;
            opening::connect_reader(path)
        }
        Look::Copy => opening::connect_unchanging(path),
    }
    .map_err(sqlite)?;
    connection.busy_timeout(WAIT).map_err(sqlite)?;
    // What is sorted on the way is not to be kept in memory.
    connection.pragma_update(None, "temp_store", "file").map_err(sqlite)?;
    opening::check_owner(&connection, path)?;
    if schema::version(&connection).map_err(sqlite)? == 0 {
        return Err(OpenError::damaged(path, "it is empty"));
    }
    Ok(connection)
}

/// SQLite's own checks: every page, every index against its table, every reference.
fn structure(connection: &Connection) -> rusqlite::Result<Check> {
    let mut check = Check::new("file", "every page can be read, and every index agrees with its table");
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({FINDINGS_MAX})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let verdict: String = row.get(0)?;
        if verdict != "ok" {
            check.find("file", verdict);
        }
    }
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        check
            .find(format!("{} row {}", row.get::<_, String>(0)?, row.get::<_, i64>(1)?), "refers to nothing");
    }
    Ok(check)
}

fn secret(connection: &Connection, rules: Option<&RecipientRules>) -> rusqlite::Result<Check> {
    let mut check = Check::new(SECRET.0, SECRET.1);
    match rules {
        None => check.skipped = Some("there is no secret to compare it with"),
        Some(rules) if opening::fits_secret(connection, rules)? => {}
        Some(_) => check.find(
            "secret",
            "the ledger was made with another one; give it the secret.key that was beside it",
        ),
    }
    Ok(check)
}

/// Reads every notification as the program does, and compares its row's number with its id.
fn notification_rows(connection: &Connection) -> rusqlite::Result<(u64, Check)> {
    let mut check = Check::new(ROWS.0, ROWS.1);
    let mut count = 0;
    let mut statement = connection.prepare(select_notification!("ORDER BY seq"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        count += 1;
        match StoredNotification::read(row) {
            Ok(stored) => {
                let first = seq_of_id(stored.notification.id);
                if !(first..first.saturating_add(SEQ_STRETCH)).contains(&stored.seq) {
                    check.find(
                        stored.notification.id.to_string(),
                        "is not where its id says, and is not found by it",
                    );
                }
            }
            // Not what it holds: that is a customer's.
            Err(_) => check.find(name(row.get(1).ok(), row.get(0)?), "holds something that cannot be read"),
        }
    }
    Ok((count, check))
}

fn name(id: Option<[u8; 16]>, seq: i64) -> String {
    id.map_or_else(|| format!("row {seq}"), |id| NotificationId::from_bytes(id).to_string())
}

//! The peer: what one would write in an afternoon. One connection, one transaction an event, the same durability.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde_json::Value;

use super::events::Sent;
use crate::{Failure, process};

/// What it came to.
#[derive(Clone, Copy, Debug)]
pub struct PeerRun {
    /// Events recorded within the time it had.
    pub events: u32,
    /// That time.
    pub seconds: f64,
    /// Events recorded a second.
    pub rate: f64,
    /// CPU time of this process divided by the events.
    pub cpu_ms_per_event: f64,
}

/// Records `bodies` for as long as `time` lasts: finds the notification by its id, sets its status unless it says more
/// already, and adds the report to its timeline, all in a transaction of its own in a database at `path` that knows
/// `sent`. It keeps no suppression list, tells no repetition and knows no rule but the order of three statuses.
///
/// # Errors
/// SQLite's, or if an event names no notification.
pub fn run(path: &Path, sent: &[Sent], bodies: &[String], time: Duration) -> Result<PeerRun, Failure> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(
        "CREATE TABLE notifications (id TEXT PRIMARY KEY, recipient TEXT NOT NULL, status TEXT NOT NULL, \
         weight INTEGER NOT NULL, updated_at TEXT NOT NULL) WITHOUT ROWID; \
         CREATE TABLE timeline (seq INTEGER PRIMARY KEY, notification TEXT NOT NULL, kind TEXT NOT NULL, \
         at TEXT NOT NULL, words TEXT NOT NULL); \
         CREATE INDEX timeline_by_notification ON timeline (notification);",
    )?;
    let transaction = connection.transaction()?;
    for Sent { id, to } in sent {
        transaction
            .prepare_cached("INSERT INTO notifications VALUES (?1, ?2, 'sent', 0, '2026-11-20T09:15:30Z')")?
            .execute((id, to))?;
    }
    transaction.commit()?;

    let cpu_before = process::cpu_ms(std::process::id())?;
    let begun = Instant::now();
    let mut events = 0;
    for body in bodies {
        record(&mut connection, body)?;
        events += 1;
        if begun.elapsed() >= time {
            break;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_ms = u32::try_from(process::cpu_ms(std::process::id())? - cpu_before)?;
    Ok(PeerRun {
        events,
        seconds,
        rate: f64::from(events) / seconds,
        cpu_ms_per_event: f64::from(cpu_ms) / f64::from(events.max(1)),
    })
}

fn record(connection: &mut Connection, body: &str) -> Result<(), Failure> {
    let envelope: Value = serde_json::from_str(body)?;
    let event: Value = serde_json::from_str(envelope["Message"].as_str().ok_or("no message")?)?;
    let id = event["mail"]["tags"]["postrider-notification"][0].as_str().ok_or("no tag")?;
    let kind = event["eventType"].as_str().ok_or("no type")?;
    let at = event["mail"]["timestamp"].as_str().unwrap_or_default();
    let words = event["delivery"]["smtpResponse"]
        .as_str()
        .or_else(|| event["bounce"]["bouncedRecipients"][0]["diagnosticCode"].as_str())
        .unwrap_or_default();
    let change = match kind {
        "Delivery" => Some((1, "delivered")),
        "Bounce" if event["bounce"]["bounceType"] == "Permanent" => Some((2, "bounced")),
        "Complaint" => Some((3, "complained")),
        _ => None,
    };
    let transaction = connection.transaction()?;
    if let Some((weight, status)) = change {
        transaction
            .prepare_cached(
                "UPDATE notifications SET status = ?2, weight = ?3, updated_at = ?4 WHERE id = ?1 AND weight < ?3",
            )?
            .execute(params![id, status, weight, at])?;
    }
    transaction
        .prepare_cached("INSERT INTO timeline (notification, kind, at, words) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id, kind, at, words])?;
    transaction.commit()?;
    Ok(())
}

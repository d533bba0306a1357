//! Forgetting what a notification said, and to whom.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::mention::Mention;
use postrider_core::domain::timeline::{TimelineEntry, TimelineKind};
use postrider_core::ports::erasure::{ERASED_DATA, Erased, Erasure};
use rusqlite::Connection;

use super::{WriteStep, Writing};
use crate::rows::load;

/// `notifications.erased` where the event's data is gone as well.
const WHOLLY: u8 = 1;
/// `notifications.erased` where the event's data was kept. It may be gone since, for somebody else's sake.
const BUT_FOR_DATA: u8 = 2;

/// [`erase`](postrider_core::ports::erasure::ErasureLedger::erase).
pub(crate) struct Erasing(pub(crate) Erasure);

impl WriteStep for Erasing {
    type Output = Erased;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Erased> {
        let Erasure { id, forget_recipient, keep_data, now } = self.0;
        let Some(mut stored) = load(writing.connection, id)? else { return Ok(Erased::NotFound) };
        let (before, to) = (&stored.notification.lifecycle, &stored.notification.to);
        let after = match self.0.next(before, !to.is_erased(), has_data(writing, stored.event_seq)?) {
            Ok(Some(after)) => after,
            Ok(None) => return Ok(Erased::Done),
            Err(status) => return Ok(Erased::Forbidden(status)),
        };
        overwriting(writing.connection, || {
            if !keep_data {
                writing
                    .prepare("UPDATE events SET data = ?2 WHERE seq = ?1")?
                    .execute((stored.event_seq, ERASED_DATA))?;
            }
            writing
                .prepare(
                    "UPDATE timeline SET words = NULL, rendition = NULL, composed_at = NULL, \
                     message_fingerprint = NULL, signature = NULL WHERE notification_seq = ?1",
                )?
                .execute([stored.seq])?;
            // The hash of an address tells who it was to whoever tries addresses out.
            writing
                .prepare(
                    "UPDATE notifications SET erased = ?3, to_address = CASE WHEN ?2 THEN '' ELSE to_address END, \
                     to_hash = CASE WHEN ?2 THEN 0 ELSE to_hash END WHERE seq = ?1",
                )?
                .execute((stored.seq, forget_recipient, if keep_data { BUT_FOR_DATA } else { WHOLLY }))
        })?;
        let entry = TimelineEntry::plain(now, TimelineKind::Erased);
        writing.store(&mut stored, after, now, Some((&entry, None)))?;
        Ok(Erased::Done)
    }
}

fn has_data(writing: &mut Writing<'_>, event_seq: i64) -> rusqlite::Result<bool> {
    writing
        .prepare("SELECT data <> ?2 FROM events WHERE seq = ?1")?
        .query_row((event_seq, ERASED_DATA), |row| row.get(0))
}

/// The part of [`finish_erasing`](postrider_core::ports::erasure::ErasureLedger::finish_erasing) that is about reports whose
/// message is not known yet.
pub(crate) struct ForgetEarlyReports(pub(crate) EmailAddress);

impl WriteStep for ForgetEarlyReports {
    type Output = ();

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<()> {
        let about = early_reports(writing.connection, &self.0)?;
        overwriting(writing.connection, || {
            for seq in about {
                writing.prepare("DELETE FROM early_reports WHERE seq = ?1")?.execute([seq])?;
            }
            Ok(())
        })
    }
}

/// Whether any report that waits for its message is about `address`.
pub(crate) fn has_early_reports(connection: &Connection, address: &EmailAddress) -> rusqlite::Result<bool> {
    early_reports(connection, address).map(|about| !about.is_empty())
}

fn early_reports(connection: &Connection, address: &EmailAddress) -> rusqlite::Result<Vec<i64>> {
    let (normalized, mention) = (address.normalized(), Mention::of(address));
    // Compared here, because SQLite knows lower case in ASCII only. There are no more than may wait.
    connection
        .prepare_cached("SELECT seq, recipient, diagnostic FROM early_reports")?
        .query_map([], |row| {
            let recipient = row.get_ref(1)?.as_str_or_null()?;
            let diagnostic = row.get_ref(2)?.as_str_or_null()?;
            let is_about = recipient.is_some_and(|text| text.to_lowercase() == normalized)
                || diagnostic.is_some_and(|text| mention.is_in(text));
            Ok((row.get(0)?, is_about))
        })?
        .filter_map(|found| found.map(|(seq, is_about)| is_about.then_some(seq)).transpose())
        .collect()
}

/// Has what `work` deletes overwritten in the file, whole pages too, which takes more writing than usual.
fn overwriting<T>(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.pragma_update(None, "secure_delete", "on")?;
    let done = work();
    connection.pragma_update(None, "secure_delete", "fast")?;
    done
}

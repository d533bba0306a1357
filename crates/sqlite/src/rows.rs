//! Between rows and the domain's types.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::EnhancedStatus;
use postrider_core::domain::category::Category;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::StoredEvent;
use postrider_core::domain::feedback::Reported;
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::notification::Notification;
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::{ReportDetail, TimelineEntry};
use postrider_core::ports::catalog::{RenditionId, SentCopy};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension as _, Row};

use postrider_core::ports::codes::{
    class_from_code, kind_from_code, priority_from_code, source_from_code, status_from_code, truth_from_code,
};

/// How many ids may share the leading 63 bits, or follow so closely that they share a stretch of row numbers.
/// Random ids do so once in ten thousand; the stretch is wide so that even ids counted up within one millisecond fit.
pub(crate) const SEQ_STRETCH: i64 = 1024;

/// Bits of an id that are left out of its row number: 128 less the 63 that a row number can hold.
const ID_TAIL_BITS: u32 = 65;
/// Bits of a row number that follow the millisecond.
const SEQ_RANDOM_BITS: u32 = 15;

/// The row number a notification has unless another one of the same millisecond took it.
pub(crate) fn seq_of_id(id: NotificationId) -> i64 {
    i64::try_from(u128::from_be_bytes(id.to_bytes()) >> ID_TAIL_BITS).unwrap_or(i64::MAX)
}

/// The first row number of the notifications accepted at `instant`.
pub(crate) fn seq_of_instant(instant: Timestamp) -> i64 {
    instant.as_millis().saturating_mul(1 << SEQ_RANDOM_BITS)
}

/// The leading 32 bits of a fingerprint. Enough to find a row: whoever looks one up compares the whole value, and the
/// shorter the hashes, the more of an index whose pages are all in use stays in memory.
pub(crate) fn hash_of(bytes: [u8; 16]) -> u32 {
    let mut head = [0; 4];
    head.copy_from_slice(&bytes[..4]);
    u32::from_be_bytes(head)
}

/// What a text is indexed under.
pub(crate) fn text_hash(text: &str) -> u32 {
    hash_of(Fingerprint::of_parts(&[text.as_bytes()]).to_bytes())
}

/// What a recipient is indexed under, however the address is spelt.
pub(crate) fn address_hash(address: &EmailAddress) -> u32 {
    text_hash(&address.normalized())
}

/// `SELECT`, the columns [`StoredNotification::read`] expects in its order, and the rest of the statement.
macro_rules! select_notification {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, event_seq, notification_type, to_address, order_id, priority, created_at, send_at, ",
            "updated_at, status, due_at, fence, attempts, cause, entries, data_fingerprint, reported, reported_cause, ",
            "category, erased ",
            "FROM notifications ",
            $rest
        )
    };
}
pub(crate) use select_notification;

/// A row of `notifications`, still without what only its event knows.
pub(crate) struct StoredNotification {
    pub(crate) seq: i64,
    pub(crate) event_seq: i64,
    pub(crate) entries: i64,
    pub(crate) data_fingerprint: Fingerprint,
    pub(crate) notification: Notification,
}

impl StoredNotification {
    /// Reads a row of [`select_notification`]. The event's id and correlation id are left empty.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let lifecycle = Lifecycle {
            status: decoded(row, 10, status_from_code(row.get(10)?))?,
            due_at: optional_instant(row, 11)?,
            fence: row.get(12)?,
            attempts: row.get(13)?,
            cause: row.get_ref(14)?.as_str_or_null()?.map(Cause::from_codes),
            reported: reported(row)?,
            erased: row.get::<_, Option<u8>>(20)?.is_some(),
        };
        let notification = Notification {
            id: NotificationId::from_bytes(row.get(1)?),
            event_id: EventId::given(String::new()),
            notification_type: row.get(3)?,
            to: recipient(row, lifecycle.erased)?,
            order_id: row.get(5)?,
            correlation_id: None,
            priority: decoded(row, 6, priority_from_code(row.get(6)?))?,
            category: category(row)?,
            created_at: instant(row, 7)?,
            updated_at: instant(row, 9)?,
            send_at: optional_instant(row, 8)?,
            lifecycle,
        };
        Ok(Self {
            seq: row.get(0)?,
            event_seq: row.get(2)?,
            entries: row.get(15)?,
            data_fingerprint: Fingerprint::from_bytes(row.get(16)?),
            notification,
        })
    }

    /// The notification, completed with what its event knows.
    pub(crate) fn with_event_labels(mut self, connection: &Connection) -> rusqlite::Result<Notification> {
        let mut statement =
            connection.prepare_cached("SELECT id, correlation_id FROM events WHERE seq = ?1")?;
        statement.query_row([self.event_seq], |row| {
            self.notification.event_id = EventId::given(row.get::<_, String>(0)?);
            self.notification.correlation_id = row.get(1)?;
            Ok(())
        })?;
        Ok(self.notification)
    }

    /// The notification and its whole event.
    pub(crate) fn with_event(
        mut self,
        connection: &Connection,
    ) -> rusqlite::Result<(Notification, StoredEvent)> {
        let mut statement = connection.prepare_cached(
            "SELECT id, source, event_type, data, correlation_id, locale FROM events WHERE seq = ?1",
        )?;
        let event = statement.query_row([self.event_seq], |row| {
            Ok(StoredEvent {
                id: EventId::given(row.get::<_, String>(0)?),
                source: row.get(1)?,
                event_type: row.get(2)?,
                data: row.get(3)?,
                correlation_id: row.get(4)?,
                locale: row.get(5)?,
            })
        })?;
        self.notification.event_id = event.id.clone();
        self.notification.correlation_id.clone_from(&event.correlation_id);
        Ok((self.notification, event))
    }
}

/// The row numbered `seq`.
pub(crate) fn load_seq(connection: &Connection, seq: i64) -> rusqlite::Result<Option<StoredNotification>> {
    connection
        .prepare_cached(select_notification!("WHERE seq = ?1"))?
        .query_row([seq], StoredNotification::read)
        .optional()
}

/// The row of the notification named `id`.
pub(crate) fn load(
    connection: &Connection,
    id: NotificationId,
) -> rusqlite::Result<Option<StoredNotification>> {
    let first = seq_of_id(id);
    let mut statement =
        connection.prepare_cached(select_notification!("WHERE seq >= ?1 AND seq < ?2 AND id = ?3"))?;
    statement
        .query_row((first, first.saturating_add(SEQ_STRETCH), id.to_bytes()), StoredNotification::read)
        .optional()
}

/// Reads the recipient: nothing where it was forgotten, and only there.
fn recipient(row: &Row<'_>, erased: bool) -> rusqlite::Result<EmailAddress> {
    match row.get_ref(4)?.as_str()? {
        "" if erased => Ok(EmailAddress::erased()),
        text => decoded(row, 4, EmailAddress::parse(text).ok()),
    }
}

/// Reads the category; none is stored for transactional mail.
fn category(row: &Row<'_>) -> rusqlite::Result<Category> {
    let text = row.get_ref(19)?.as_str_or_null()?;
    text.map_or(Ok(Category::TRANSACTIONAL), |text| decoded(row, 19, text.parse().ok()))
}

/// Reads what reports have said, if any did.
fn reported(row: &Row<'_>) -> rusqlite::Result<Option<Reported>> {
    let Some(code) = row.get::<_, Option<u8>>(17)? else { return Ok(None) };
    let truth = decoded(row, 17, truth_from_code(code))?;
    Ok(Some(Reported { truth, cause: row.get_ref(18)?.as_str_or_null()?.map(Cause::from_codes) }))
}

/// The columns that [`entry`] reads.
macro_rules! entry_columns {
    () => {
        "at, kind, attempt, claimed_at, mailer, cause, words, report, source, class, status_code, occurred_at"
    };
}
pub(crate) use entry_columns;

/// Reads [`entry_columns`].
pub(crate) fn entry(row: &Row<'_>) -> rusqlite::Result<TimelineEntry> {
    Ok(TimelineEntry {
        at: instant(row, 0)?,
        kind: decoded(row, 1, kind_from_code(row.get(1)?))?,
        attempt: row.get(2)?,
        claimed_at: optional_instant(row, 3)?,
        mailer: row.get(4)?,
        cause: row.get_ref(5)?.as_str_or_null()?.map(Cause::from_codes),
        words: row.get_ref(6)?.as_str_or_null()?.map(Words::new),
        report: report_detail(row)?,
    })
}

fn report_detail(row: &Row<'_>) -> rusqlite::Result<Option<ReportDetail>> {
    let Some(fingerprint) = row.get::<_, Option<[u8; 16]>>(7)? else { return Ok(None) };
    Ok(Some(ReportDetail {
        fingerprint: Fingerprint::from_bytes(fingerprint),
        source: decoded(row, 8, source_from_code(row.get(8)?))?,
        class: optional_code(row, 9, class_from_code)?,
        status: optional_status(row, 10)?,
        occurred_at: optional_instant(row, 11)?,
    }))
}

/// A code that may be missing.
pub(crate) fn optional_code<T>(
    row: &Row<'_>,
    column: usize,
    decode: fn(u8) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    row.get::<_, Option<u8>>(column)?.map(|code| decoded(row, column, decode(code))).transpose()
}

/// An enhanced status code that may be missing.
pub(crate) fn optional_status(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<EnhancedStatus>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map(|text| decoded(row, column, text.parse().ok())).transpose()
}

/// Reads `rendition, composed_at, message_fingerprint, signature`.
pub(crate) fn sent_copy(row: &Row<'_>) -> rusqlite::Result<SentCopy> {
    Ok(SentCopy {
        rendition: RenditionId(Fingerprint::from_bytes(row.get(0)?)),
        composed_at: instant(row, 1)?,
        fingerprint: Fingerprint::from_bytes(row.get(2)?),
        signature: row.get(3)?,
    })
}

/// An instant stored as milliseconds.
pub(crate) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

pub(crate) fn optional_instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// A value this version cannot read means that the file was damaged or written by something else.
pub(crate) fn decoded<T>(row: &Row<'_>, column: usize, value: Option<T>) -> rusqlite::Result<T> {
    let data_type = row.get_ref(column).map_or(Type::Null, |value| value.data_type());
    value.ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(column, data_type, Box::new(FromSqlError::InvalidType))
    })
}

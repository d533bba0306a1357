//! Listing notifications, newest first.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::limits::{PAGE_MAX, PAGE_SCAN_MAX};
use postrider_core::ports::ledger::{ListQuery, NotificationPage};
use rusqlite::{Connection, Row};

use super::order::seqs_of_order;
use crate::exceptional::is_exceptional;
use crate::rows::{StoredNotification, address_hash, load, select_notification, seq_of_id, seq_of_instant};
use postrider_core::ports::codes::status_code;

/// One page. Whatever the filters, it looks at no more than [`PAGE_SCAN_MAX`] rows; what it did not get to is left to
/// the next page.
pub(crate) fn list(connection: &Connection, query: &ListQuery) -> rusqlite::Result<NotificationPage> {
    let from = query.since.map_or(0, seq_of_instant);
    let before = upper_end(connection, query)?;
    let mut walk = Walk::new(connection, query);
    if let Some(order_id) = &query.order_id {
        let mut statement = connection.prepare_cached(select_notification!("WHERE seq = ?1"))?;
        for seq in seqs_of_order(connection, order_id, from..before)? {
            let done = statement.query_row([seq], |row| walk.look_at(row))?;
            if done {
                break;
            }
        }
        return Ok(walk.page);
    }
    let (sql, hash) = source(query);
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((hash, from, before, PAGE_SCAN_MAX))?;
    while let Some(row) = rows.next()? {
        if walk.look_at(row)? {
            break;
        }
    }
    Ok(walk.page)
}

/// The narrowest index that holds every match, and what to look up in it.
fn source(query: &ListQuery) -> (&'static str, Option<u32>) {
    if let Some(to) = &query.to {
        let sql = select_notification!(
            "INDEXED BY notifications_by_recipient WHERE to_hash = ?1 AND seq >= ?2 AND seq < ?3 \
             ORDER BY seq DESC LIMIT ?4"
        );
        return (sql, Some(address_hash(to)));
    }
    if !query.statuses.is_empty() && query.statuses.iter().all(|status| is_exceptional(*status)) {
        let sql = select_notification!(
            "INDEXED BY notifications_exceptional WHERE ?1 IS NULL AND status IN (5, 6, 7, 8, 9, 10, 11, 12) \
             AND seq >= ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4"
        );
        return (sql, None);
    }
    let sql = select_notification!(
        "NOT INDEXED WHERE ?1 IS NULL AND seq >= ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4"
    );
    (sql, None)
}

/// A walk over candidates, newest first, that fills a page.
struct Walk<'q> {
    connection: &'q Connection,
    query: &'q ListQuery,
    limit: usize,
    to: Option<String>,
    seen: usize,
    page: NotificationPage,
}

impl<'q> Walk<'q> {
    fn new(connection: &'q Connection, query: &'q ListQuery) -> Self {
        let to = query.to.as_ref().map(EmailAddress::normalized);
        let limit = query.limit.clamp(1, PAGE_MAX);
        Self { connection, query, limit, to, seen: 0, page: NotificationPage::default() }
    }

    /// Takes the row into the page if it matches. Answers whether the walk is over.
    fn look_at(&mut self, row: &Row<'_>) -> rusqlite::Result<bool> {
        self.seen += 1;
        if matches(row, self.query, self.to.as_deref())? {
            if self.page.notifications.len() == self.limit {
                self.page.next = self.page.notifications.last().map(|last| last.id);
                return Ok(true);
            }
            let notification = StoredNotification::read(row)?.with_event_labels(self.connection)?;
            self.page.notifications.push(notification);
        }
        if self.seen == PAGE_SCAN_MAX {
            self.page.next = Some(NotificationId::from_bytes(row.get(1)?));
        }
        Ok(self.seen == PAGE_SCAN_MAX)
    }
}

/// The row number that the page stays below.
fn upper_end(connection: &Connection, query: &ListQuery) -> rusqlite::Result<i64> {
    let until = query.until.map_or(i64::MAX, seq_of_instant);
    let after = match query.after {
        None => i64::MAX,
        Some(id) => load(connection, id)?.map_or_else(|| seq_of_id(id), |stored| stored.seq),
    };
    Ok(until.min(after))
}

/// Whether a row satisfies every filter. Looks at the row in place: most rows of a long walk are passed over.
fn matches(row: &Row<'_>, query: &ListQuery, to: Option<&str>) -> rusqlite::Result<bool> {
    let text = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str_or_null()?);
    if let Some(order_id) = &query.order_id
        && text(5)? != Some(order_id)
    {
        return Ok(false);
    }
    if let Some(wanted) = &query.notification_type
        && text(3)? != Some(wanted)
    {
        return Ok(false);
    }
    if let Some(cause) = &query.cause
        && text(14)? != Some(cause.as_str())
    {
        return Ok(false);
    }
    if let Some(to) = to
        && text(4)?.is_none_or(|address| address.to_lowercase() != to)
    {
        return Ok(false);
    }
    if query.statuses.is_empty() {
        return Ok(true);
    }
    let code: u8 = row.get(10)?;
    Ok(query.statuses.iter().any(|status| status_code(*status) == code))
}

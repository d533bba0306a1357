//! The suppression list.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::suppression::{RecipientKey, Secret, Suppression};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::SUPPRESSIONS_PAGE_MAX;
use postrider_core::ports::feedback::{SuppressionPage, SuppressionQuery};
use rusqlite::{Connection, Row};

use crate::rows::{decoded, instant, optional_instant};
use postrider_core::ports::codes::{reason_code, reason_from_code};

/// `SELECT`, the columns [`read_suppression`] expects, and the rest of the statement.
macro_rules! select_suppression {
    ($rest:literal) => {
        concat!(
            "SELECT recipient, category, address, reason, source, since, expires_at, seq FROM suppressions ",
            $rest
        )
    };
}
pub(crate) use select_suppression;

/// Reads a row of [`select_suppression`].
pub(crate) fn read_suppression(row: &Row<'_>) -> rusqlite::Result<Suppression> {
    let address = row.get_ref(2)?.as_str_or_null()?;
    let category: String = row.get(1)?;
    Ok(Suppression {
        recipient: RecipientKey::from_bytes(row.get(0)?),
        address: address.map(|text| decoded(row, 2, EmailAddress::parse(text).ok())).transpose()?,
        category: (!category.is_empty()).then_some(category),
        reason: decoded(row, 3, reason_from_code(row.get(3)?))?,
        source: row.get(4)?,
        since: instant(row, 5)?,
        expires_at: optional_instant(row, 6)?,
    })
}

/// The entries of one address that hold at `now`.
pub(crate) fn suppressions_of(
    connection: &Connection,
    secret: &Secret,
    address: &EmailAddress,
    now: Timestamp,
) -> rusqlite::Result<Vec<Suppression>> {
    let recipient = RecipientKey::of(secret, address).to_bytes();
    let entries = connection
        .prepare_cached(select_suppression!("WHERE recipient = ?1 ORDER BY category"))?
        .query_map([recipient], read_suppression)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(entries.into_iter().filter(|entry| entry.holds(now)).collect())
}

/// Whether there is any entry of one address, over or not.
pub(crate) fn has_suppressions(
    connection: &Connection,
    secret: &Secret,
    address: &EmailAddress,
) -> rusqlite::Result<bool> {
    let recipient = RecipientKey::of(secret, address).to_bytes();
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM suppressions WHERE recipient = ?1)")?
        .query_row([recipient], |row| row.get(0))
}

/// One page, newest first.
pub(crate) fn list_suppressions(
    connection: &Connection,
    query: SuppressionQuery,
    now: Timestamp,
) -> rusqlite::Result<SuppressionPage> {
    let limit = query.limit.clamp(1, SUPPRESSIONS_PAGE_MAX);
    let before = query.after.map_or(i64::MAX, |after| i64::try_from(after).unwrap_or(i64::MAX));
    let mut statement = connection.prepare_cached(select_suppression!(
        "WHERE seq < ?1 AND (?2 IS NULL OR reason = ?2) AND (expires_at IS NULL OR expires_at > ?3) \
         ORDER BY seq DESC LIMIT ?4"
    ))?;
    let mut rows = statement.query((before, query.reason.map(reason_code), now.as_millis(), limit + 1))?;
    let mut page = SuppressionPage::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        if page.entries.len() == limit {
            page.next = last;
            break;
        }
        last = Some(row.get::<_, u64>(7)?);
        page.entries.push(read_suppression(row)?);
    }
    Ok(page)
}

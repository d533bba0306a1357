//! The notifications of one order.
//!
//! Most types are deduplicated by the order's id, so that their business key already leads from an order to its
//! notification. Only the others are kept in an index of their own: an index over random values costs a page at every
//! acceptance, and one fewer is a third less.

use std::ops::Range;

use postrider_core::domain::notification::{BusinessKey, PlannedNotification};
use postrider_core::limits::PAGE_SCAN_MAX;
use rusqlite::Connection;

use crate::rows::{hash_of, text_hash};

/// What the notification is kept under in `notifications_by_order`: nothing if its business key can be made from its
/// type and its order.
pub(crate) fn order_hash(plan: &PlannedNotification) -> Option<u32> {
    let order_id = plan.order_id.as_deref()?;
    let found_by_key = BusinessKey::new(&plan.notification_type, order_id) == plan.business_key;
    (!found_by_key).then(|| text_hash(order_id))
}

/// The row numbers within `seqs` that may belong to the order, newest first, at most [`PAGE_SCAN_MAX`]. A hash may
/// lead to others' rows as well; whoever reads them looks at the order.
pub(crate) fn seqs_of_order(
    connection: &Connection,
    order_id: &str,
    seqs: Range<i64>,
) -> rusqlite::Result<Vec<i64>> {
    let mut found: Vec<i64> = connection
        .prepare_cached(
            "SELECT seq FROM notifications INDEXED BY notifications_by_order \
             WHERE order_hash = ?1 AND seq >= ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4",
        )?
        .query_map((text_hash(order_id), seqs.start, seqs.end, PAGE_SCAN_MAX), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut types = connection.prepare_cached("SELECT name FROM notification_types")?;
    let mut by_key = connection.prepare_cached(
        "SELECT seq FROM notifications INDEXED BY notifications_by_key \
         WHERE key_hash = ?1 AND business_key = ?2 AND seq >= ?3 AND seq < ?4",
    )?;
    let mut names = types.query([])?;
    while let Some(name) = names.next()? {
        let key = BusinessKey::new(name.get_ref(0)?.as_str()?, order_id).to_bytes();
        for seq in by_key.query_map((hash_of(key), key, seqs.start, seqs.end), |row| row.get(0))? {
            found.push(seq?);
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    // A key made from an order may have been given to a notification that is kept under its order as well.
    found.dedup();
    found.truncate(PAGE_SCAN_MAX);
    Ok(found)
}

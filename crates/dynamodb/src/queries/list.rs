//! Finding notifications again, newest first.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::notification::Notification;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{DYNAMODB_LISTED_MAX, PAGE_MAX};
use postrider_core::ports::ledger::{LedgerError, ListQuery, NotificationPage};

use super::Lanes;
use super::dead_letters::dead_letters;
use crate::context::Context;
use crate::keys;
use crate::record::Record;
use crate::table::{Consistency, Entry, Index, Key, Query};

/// [`list`](postrider_core::ports::ledger::Ledger::list).
pub(crate) async fn list(context: &Context, query: &ListQuery) -> Result<NotificationPage, LedgerError> {
    let limit = query.limit.clamp(1, PAGE_MAX);
    let Some(newest) = newest(query) else { return Ok(NotificationPage::default()) };
    let mut page = Page { query, limit, page: NotificationPage::default() };
    if let Some(order_id) = &query.order_id {
        let mut records = of_order(context, order_id, newest).await?;
        records.sort_unstable_by_key(|record| std::cmp::Reverse(record.notification.id));
        for record in records.into_iter().filter(|record| record.notification.id <= newest) {
            if page.look_at(record.notification) {
                break;
            }
        }
        return Ok(page.page);
    }
    let to = newest.to_bytes();
    let mut lanes = lanes(context, query, &to, limit);
    let mut seen = 0;
    loop {
        let entries = lanes.take(limit + 1).await?;
        let Some(last) = entries.last() else { return Ok(page.page) };
        seen += entries.len();
        let last = last.sort.as_slice().try_into().map(NotificationId::from_bytes);
        for record in load(context, &entries).await?.into_iter().flatten() {
            if page.look_at(record.notification) {
                return Ok(page.page);
            }
        }
        if seen >= DYNAMODB_LISTED_MAX {
            page.page.next = last.ok();
            return Ok(page.page);
        }
    }
}

/// The shortest way past everything the query may want.
fn lanes<'a>(context: &'a Context, query: &ListQuery, to: &[u8], limit: usize) -> Lanes<'a> {
    let from = query.since.map(|since| id_at(since, 0).to_bytes().to_vec());
    let stretch = |partition: Vec<u8>| Query {
        from: from.clone(),
        to: Some(to.to_vec()),
        ..Query::backward(partition, limit + 1)
    };
    if let Some(recipient) = &query.to {
        let partition = keys::by_recipient(context.recipient(recipient));
        return Lanes::new(context, Index::Recipient, [stretch(partition)]);
    }
    if !query.statuses.is_empty() && query.statuses.iter().all(|status| status.is_dead_letter()) {
        let mut statuses = query.statuses.clone();
        statuses.sort_unstable();
        statuses.dedup();
        return dead_letters(context, &statuses, Some(to));
    }
    let shards = context.every_shard();
    Lanes::new(context, Index::Time, shards.map(|shard| stretch(keys::notifications_by_time(shard))))
}

/// The highest id the page may have; `None` if there is none.
fn newest(query: &ListQuery) -> Option<NotificationId> {
    let lower = |id: NotificationId| u128::from_be_bytes(id.to_bytes()).checked_sub(1);
    let highest = NotificationId::from_bytes([0xff; 16]);
    let after = match query.after {
        Some(after) => NotificationId::from_bytes(lower(after)?.to_be_bytes()),
        None => highest,
    };
    let until = match query.until {
        Some(until) => NotificationId::from_bytes(lower(id_at(until, 0))?.to_be_bytes()),
        None => highest,
    };
    Some(after.min(until))
}

pub(super) fn id_at(instant: Timestamp, rest: u128) -> NotificationId {
    NotificationId::new(instant, rest)
}

/// A page that is being filled.
struct Page<'q> {
    query: &'q ListQuery,
    limit: usize,
    page: NotificationPage,
}

impl Page<'_> {
    /// Takes the notification if it matches. Answers whether the page is over.
    fn look_at(&mut self, notification: Notification) -> bool {
        if !matches(&notification, self.query) {
            return false;
        }
        if self.page.notifications.len() == self.limit {
            self.page.next = self.page.notifications.last().map(|last| last.id);
            return true;
        }
        self.page.notifications.push(notification);
        false
    }
}

fn matches(notification: &Notification, query: &ListQuery) -> bool {
    let lifecycle = &notification.lifecycle;
    query.order_id.as_ref().is_none_or(|id| notification.order_id.as_ref() == Some(id))
        && query.to.as_ref().is_none_or(|to| notification.to.normalized() == to.normalized())
        && query.notification_type.as_ref().is_none_or(|name| *name == notification.notification_type)
        && (query.statuses.is_empty() || query.statuses.contains(&lifecycle.status))
        && query.cause.as_ref().is_none_or(|cause| lifecycle.cause.as_ref() == Some(cause))
        && query.since.is_none_or(|since| notification.created_at >= since)
        && query.until.is_none_or(|until| notification.created_at < until)
}

/// Everything about one order up to `newest`: what has the usual business key is where type and order say, the rest is
/// in the index.
async fn of_order(
    context: &Context,
    order_id: &str,
    newest: NotificationId,
) -> Result<Vec<Record>, LedgerError> {
    let mut keys = Vec::new();
    let mut types = Query::forward(keys::TYPES, 500);
    loop {
        let page = context.calls.query(&types).await?;
        for item in page.found {
            let Ok(name) = String::from_utf8(item.key.sk) else { continue };
            keys.push(keys::notification_about(&context.rules.secret, &name, order_id));
        }
        match page.next {
            Some(next) => types.after = Some(next),
            None => break,
        }
    }
    let stretch = Query {
        to: Some(newest.to_bytes().to_vec()),
        ..Query::backward(keys::by_order(order_id), DYNAMODB_LISTED_MAX)
    };
    let indexed = Lanes::new(context, Index::Order, [stretch]).take(DYNAMODB_LISTED_MAX).await?;
    keys.extend(indexed.into_iter().map(|entry| entry.key));
    keys.sort_unstable();
    keys.dedup();
    read_all(context, &keys).await.map(|records| records.into_iter().flatten().collect())
}

/// What the entries of an index lead to, in their order; what is not there any more is left out.
pub(super) async fn load(context: &Context, entries: &[Entry]) -> Result<Vec<Option<Record>>, LedgerError> {
    let keys: Vec<_> = entries.iter().map(|entry| entry.key.clone()).collect();
    read_all(context, &keys).await
}

async fn read_all(context: &Context, keys: &[Key]) -> Result<Vec<Option<Record>>, LedgerError> {
    let found = context.calls.get_all(keys, Consistency::Eventual).await?;
    let read = |key: &Key| found.get(key).map(|item| Record::read(&item.body)).transpose();
    keys.iter().map(|key| read(key).map_err(|garbled| context.garbled(key, &garbled))).collect()
}

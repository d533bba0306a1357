//! Every key of the table, and every partition of its indexes. docs/dynamodb.md draws them.
//!
//! The first byte of a key says what it is; `w` is the webhooks'.

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::notification::{BusinessKey, Priority};
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::{RecipientKey, Secret};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::RenditionId;

use crate::table::Key;
use postrider_core::ports::codes::{priority_code, status_code, status_from_code};

/// What the table knows about itself.
pub(crate) fn meta() -> Key {
    Key::new(b"m", b"m")
}

/// The record about money.
pub(crate) fn budget() -> Key {
    Key::new(b"m", b"b")
}

/// API keys, all of them. In a partition of their own, because every request reads them: the heartbeat, which anybody may
/// make beat, is not in their way.
pub(crate) fn api_keys() -> Key {
    Key::new(b"k", b"k")
}

/// What [`Ledger::probe`](postrider_core::ports::ledger::Ledger::probe) writes.
pub(crate) fn heartbeat() -> Key {
    Key::new(b"m", b"h")
}

/// A notification: found by the part of its id that is made of its business key.
pub(crate) fn notification(id: NotificationId) -> Key {
    Key::new(prefixed(b'n', &id.key_part()), b"n")
}

/// The notification of a type whose business key is the number of its order, as it is unless the type says otherwise.
pub(crate) fn notification_about(secret: &Secret, notification_type: &str, order_id: &str) -> Key {
    let key = BusinessKey::new(notification_type, order_id);
    notification(NotificationId::for_key(Timestamp::EPOCH, secret, key))
}

/// The `n`-th piece of a notification's timeline that was moved out of its item.
pub(crate) fn history(id: NotificationId, n: u32) -> Key {
    Key::new(prefixed(b'n', &id.key_part()), prefixed(b'h', &n.to_be_bytes()))
}

/// An event that is too large for the notification's item, by its content.
pub(crate) fn payload(content: Fingerprint) -> Key {
    Key::new(prefixed(b'p', &content.to_bytes()), b"p")
}

/// The partition of everything about one recipient.
pub(crate) fn recipient(recipient: RecipientKey) -> Vec<u8> {
    prefixed(b'r', &recipient.to_bytes())
}

/// A recipient's entry on the suppression list, of one category or of all.
pub(crate) fn suppression(of: RecipientKey, category: Option<&str>) -> Key {
    Key::new(recipient(of), prefixed(b's', category.unwrap_or_default().as_bytes()))
}

/// The soft bounces of a recipient.
pub(crate) fn soft_bounces(of: RecipientKey) -> Key {
    Key::new(recipient(of), b"b")
}

/// A remembered answer.
pub(crate) fn answer(key: Fingerprint) -> Key {
    Key::new(prefixed(b'a', &key.to_bytes()), b"a")
}

/// What is known under the id a mail service gave a message.
pub(crate) fn provider(id: &str) -> Key {
    Key::new(prefixed(b'i', id.as_bytes()), b"i")
}

/// What messages are made of: how many pieces it has.
pub(crate) fn rendition(id: RenditionId) -> Key {
    Key::new(prefixed(b'c', &id.0.to_bytes()), b"c")
}

/// One piece of it.
pub(crate) fn rendition_piece(id: RenditionId, n: u16) -> Key {
    Key::new(prefixed(b'c', &id.0.to_bytes()), prefixed(b'd', &n.to_be_bytes()))
}

/// The partition of the list of notification types.
pub(crate) const TYPES: &[u8] = b"t";

/// One name on it.
pub(crate) fn notification_type(name: &str) -> Key {
    Key::new(TYPES, name.as_bytes())
}

/// Partition of the order index.
pub(crate) fn by_order(order_id: &str) -> Vec<u8> {
    prefixed(b'o', &Fingerprint::of_parts(&[b"order", order_id.as_bytes()]).to_bytes())
}

/// Partition of the recipient index.
pub(crate) fn by_recipient(recipient: RecipientKey) -> Vec<u8> {
    recipient.to_bytes().to_vec()
}

/// Partition of the time index that has notifications.
pub(crate) fn notifications_by_time(shard: u8) -> Vec<u8> {
    vec![b'n', shard]
}

/// Partition of the time index that has the suppression list.
pub(crate) fn suppressions_by_time(shard: u8) -> Vec<u8> {
    vec![b's', shard]
}

/// Partition of the due index that has what waits, by priority.
pub(crate) fn waiting(priority: Priority, shard: u8) -> Vec<u8> {
    vec![b'q', priority_code(priority), shard]
}

/// Partition of the due index that has what is watched, and dead letters, by status.
pub(crate) fn watched(status: Status, shard: u8) -> Vec<u8> {
    vec![b'x', status_code(status), shard]
}

/// Partition of the due index that has answers by their age.
pub(crate) fn answers(shard: u8) -> Vec<u8> {
    vec![b'a', shard]
}

/// Sort key of the due index for a notification that waits or is watched: by its time, then by its id. The status comes
/// last, so that it can be counted without reading the notification.
pub(crate) fn due(due_at: Timestamp, id: NotificationId, status: Status) -> Vec<u8> {
    at(due_at, &[&id.to_bytes()[..], &[status_code(status)]].concat())
}

/// The notification and the status that a sort key made by [`due`] tells.
pub(crate) fn due_notification(sort: &[u8]) -> Option<(NotificationId, Status)> {
    let (id, status) = sort.get(6..)?.split_first_chunk()?;
    let [status] = status else { return None };
    Some((NotificationId::from_bytes(*id), status_from_code(*status)?))
}

/// Sort key of the due index: the instant, then whatever tells one from another. Sorts as both do.
pub(crate) fn at(instant: Timestamp, tail: &[u8]) -> Vec<u8> {
    [&instant_bytes(instant)[..], tail].concat()
}

/// The last sort key that [`at`] makes for `instant`, or beyond all of them.
pub(crate) fn until(instant: Timestamp) -> Vec<u8> {
    [&instant_bytes(instant)[..], &[0xff; 24]].concat()
}

/// The instant a sort key of the due index begins with.
pub(crate) fn instant_of(sort: &[u8]) -> Option<Timestamp> {
    let mut bytes = [0; 8];
    bytes[2..].copy_from_slice(sort.get(..6)?);
    Some(Timestamp::from_millis(i64::from_be_bytes(bytes)))
}

/// Six bytes hold every instant there is.
fn instant_bytes(instant: Timestamp) -> [u8; 6] {
    let [_, _, bytes @ ..] = instant.as_millis().to_be_bytes();
    bytes
}

fn prefixed(prefix: u8, rest: &[u8]) -> Vec<u8> {
    [&[prefix], rest].concat()
}

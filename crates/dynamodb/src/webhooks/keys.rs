//! Keys of everything about endpoints. All begin with `w`.

use postrider_core::domain::id::{NotificationId, WebhookId};
use postrider_core::domain::time::Timestamp;

use crate::keys;
use crate::table::Key;

/// How many endpoints there are, and were.
pub(super) fn registry() -> Key {
    Key::new(b"wr", b"r")
}

/// The partition of all endpoints.
pub(super) const ENDPOINTS: &[u8] = b"we";

/// One endpoint.
pub(super) fn endpoint(id: WebhookId) -> Key {
    Key::new(ENDPOINTS, id.to_bytes())
}

/// The partition of changes that have no number yet, oldest first, behind the feed's head.
pub(super) fn fresh(shard: u8) -> Vec<u8> {
    vec![b'w', b'f', shard]
}

/// The head of a shard of the feed. It sorts before every change.
pub(super) fn head(shard: u8) -> Key {
    Key::new(fresh(shard), b"\0")
}

/// A change that has no number yet: when it happened, and the `nth` thing that the `version`th write of its notification
/// tells. No two changes have the same.
pub(super) fn fresh_change(
    shard: u8,
    at: Timestamp,
    notification: NotificationId,
    version: u64,
    nth: u8,
) -> Key {
    let tail = [&notification.key_part()[..], &version.to_be_bytes(), &[nth]].concat();
    Key::new(fresh(shard), [b"\x01", &*keys::at(at, &tail)].concat())
}

/// Which of its notification's changes the key of a fresh one names: the later one has more.
pub(super) fn order_of(fresh_change: &Key) -> &[u8] {
    let sort = &fresh_change.sk;
    &sort[sort.len().saturating_sub(9)..]
}

/// The partition of changes that have numbers.
pub(super) fn feed(shard: u8) -> Vec<u8> {
    vec![b'w', b'g', shard]
}

/// A page of the feed, by the last number on it.
pub(super) fn feed_page(shard: u8, last: u64) -> Key {
    Key::new(feed(shard), last.to_be_bytes())
}

/// The partition of what one endpoint waits for. `born` tells it from an earlier one of the same id, whose calls are
/// nobody's.
pub(super) fn lines(endpoint: WebhookId, born: u64) -> Vec<u8> {
    [&b"wl"[..], &endpoint.to_bytes(), &born.to_be_bytes()].concat()
}

/// What one endpoint waits for about one notification.
pub(super) fn line(endpoint: WebhookId, born: u64, notification: NotificationId) -> Key {
    Key::new(lines(endpoint, born), notification.to_bytes())
}

/// The notification that a line's key names.
pub(super) fn notification_of(line: &Key) -> Option<NotificationId> {
    Some(NotificationId::from_bytes(line.sk.as_slice().try_into().ok()?))
}

/// The place of a line in the due index: when its first call is due, then what that tells.
pub(super) fn due(at: Timestamp, change: u64) -> Vec<u8> {
    keys::at(at, &change.to_be_bytes())
}

//! Which of our messages a mail is about.

use memchr::memmem;
use postrider_core::domain::id::NotificationId;

use super::entity::Entity;
use super::message::Message;

/// Octets of a notification's id as text.
const ID_CHARS: usize = 30;
/// Places that look like an id and are tried, in one text.
const PLACES_MAX: usize = 32;

/// The notification a mail is about: by the header of the message that comes back, else by the fields of an answer,
/// else by whatever of it stands anywhere.
pub(super) fn find(message: &Message<'_>) -> Option<NotificationId> {
    let by_returned = message.returned.as_ref().and_then(of_returned);
    let by_answer = || {
        let fields = ["in-reply-to", "references", "x-original-message-id"];
        fields.iter().find_map(|name| message.root.all(name).find_map(|value| in_bytes(value.as_bytes())))
    };
    let by_status = || message.statuses.iter().chain(&message.feedback).find_map(|body| in_bytes(body));
    by_returned
        .or_else(by_answer)
        .or_else(by_status)
        .or_else(|| in_bytes(message.text.as_bytes()))
        .or_else(|| in_bytes(message.bytes))
}

fn of_returned(returned: &Entity<'_>) -> Option<NotificationId> {
    let own = returned.field("x-postrider-notification").and_then(|value| value.trim().parse().ok());
    own.or_else(|| returned.field("message-id").and_then(NotificationId::from_message_id))
        .or_else(|| returned.fields.iter().find_map(|field| in_bytes(field.value.as_bytes())))
}

fn in_bytes(bytes: &[u8]) -> Option<NotificationId> {
    memmem::find_iter(bytes, b"ntf_").take(PLACES_MAX).find_map(|at| {
        let id = std::str::from_utf8(bytes.get(at..at + ID_CHARS)?).ok()?;
        let ends = bytes.get(at + ID_CHARS).is_none_or(|after| !after.is_ascii_alphanumeric());
        id.parse().ok().filter(|_| ends)
    })
}

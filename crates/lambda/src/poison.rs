//! What the log says about messages that will never be taken as they are. They end in the dead-letter queue, which keeps
//! the message and not the reason: whoever finds one there looks its id up in the log.

use postrider_aws::ingest::{NoEvent, OrderMessage, QueueMessage, loggable};
use postrider_core::domain::problem::FieldError;
use postrider_core::limits::LOGGED_FIELDS_MAX;
use postrider_core::use_cases::accept_event::WrongEvent;
use postrider_core::use_cases::dispatch::Poison;

/// What every line ends with.
const NEXT: &str = "it comes again until the queue moves it to its dead letters. Correct what is named and publish it again, or \
                    redrive it once the notification types fit it";

/// The message holds no event.
pub fn no_event(message: &QueueMessage, error: &NoEvent) {
    let (message_id, receive_count) = (loggable(&message.message_id), message.receive_count());
    tracing::error!(
        message_id, receive_count, code = error.code(), cause = %error, "a message of the queue is no event; {NEXT}"
    );
}

/// The event will not be taken.
pub fn event(message: &QueueMessage, order: &Subject, poison: &Poison) {
    let (message_id, receive_count) = (loggable(&message.message_id), message.receive_count());
    let Subject { order_id, event_type } = order;
    let code = poison.code();
    match poison {
        Poison::Wrong(WrongEvent { errors, .. }) => {
            let fields = fields(errors);
            let cause = cause(errors);
            tracing::error!(
                message_id,
                receive_count,
                order_id,
                event_type,
                code,
                fields,
                cause,
                "an event was not accepted, nothing was sent for it; {NEXT}"
            );
        }
        Poison::BusinessKeyConflict { existing, notification_type } => {
            tracing::error!(
                message_id, receive_count, order_id, event_type, code, notification_id = %existing, notification_type,
                "an event has the business key of an earlier one and other data; nothing was sent for it, the first stays. It \
                 comes again until the queue moves it to its dead letters. If it is another order, publish it with an orderId \
                 of its own"
            );
        }
    }
}

/// What an event is about, as far as a log may tell.
#[derive(Debug, Default)]
pub struct Subject {
    order_id: Option<String>,
    event_type: Option<String>,
}

impl From<&OrderMessage> for Subject {
    fn from(message: &OrderMessage) -> Self {
        Self { order_id: message.order_id.clone(), event_type: message.event_type.clone() }
    }
}

/// The pointers of the wrong fields, `/data/total /data/items/0/quantity`. A member's name is its sender's text, so one
/// that may be an address is not shown; what it leads through is.
fn fields(errors: &[FieldError]) -> String {
    let mut fields = String::new();
    for error in errors.iter().take(LOGGED_FIELDS_MAX) {
        if !fields.is_empty() {
            fields.push(' ');
        }
        fields.push_str(&pointer(error));
    }
    if errors.len() > LOGGED_FIELDS_MAX {
        fields.push_str(" …");
    }
    fields
}

fn pointer(error: &FieldError) -> String {
    if error.pointer.is_empty() {
        return "(the whole event)".to_owned();
    }
    let parts = error.pointer.split('/').skip(1);
    parts.fold(String::new(), |mut pointer, part| {
        pointer.push('/');
        pointer.push_str(&loggable(part).unwrap_or_else(|| "(not shown)".to_owned()));
        pointer
    })
}

/// What is wrong with the first field in words, unless they repeat something of the event that looks like an address.
fn cause(errors: &[FieldError]) -> Option<String> {
    let first = errors.first()?;
    let words = Some(first.message.as_str()).filter(|message| !message.contains('@'));
    Some(format!("{} {}", pointer(first), words.unwrap_or("is wrong")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_fields_are_named_in_bounds_and_without_addresses() {
        let mut errors = vec![
            FieldError::new("/data/total", "is required"),
            FieldError::new("", "must be a JSON object"),
            FieldError::new("/data/ada@example.com/x", "has a control character"),
        ];
        assert_eq!(fields(&errors), "/data/total (the whole event) /data/(not shown)/x");
        assert_eq!(cause(&errors).as_deref(), Some("/data/total is required"));
        errors.extend((0..100).map(|item| FieldError::new(format!("/data/items/{item}"), "is wrong")));
        assert_eq!(
            fields(&errors).split(' ').filter(|part| part.contains("items")).count(),
            LOGGED_FIELDS_MAX - 3
        );
        let quoting = [FieldError::new("/data/customerEmail", "\"ada@example\" is not an address")];
        assert_eq!(cause(&quoting).as_deref(), Some("/data/customerEmail is wrong"));
    }
}

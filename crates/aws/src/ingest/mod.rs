//! Order events out of an SQS queue that is fed by SNS: with the envelope of SNS around them, or raw.
//!
//! Whoever may write to the queue is decided by its access policy, so no signature is looked at.

mod batch;
mod envelope;
#[cfg(test)]
mod tests;

pub use batch::{BatchAnswer, BatchItemFailure, MessageAttribute, QueueBatch, QueueMessage};

use postrider_core::domain::document::{InvalidDocument, parse_syntax};
use postrider_core::domain::event::{Event, check_label};
use postrider_core::ingest::{Rejected, native};
use postrider_core::limits::{QUEUE_MESSAGE_BYTES_MAX, REQUEST_BYTES_MAX};
use serde_json::Value;

use envelope::Envelope;

/// The message attribute that names the type of a bare order.
pub const EVENT_TYPE_ATTRIBUTE: &str = "eventType";

/// Characters of an order's id that a log line repeats.
const LOGGED_ID_CHARS_MAX: usize = 64;

/// What a queue message brought.
#[derive(Debug)]
pub struct OrderMessage {
    /// The event, or what is wrong with it.
    pub read: Result<Event, Rejected>,
    /// The order it is about, where that can be read and shown in a log: never anything that looks like an address.
    pub order_id: Option<String>,
    /// The event's type, under the same conditions.
    pub event_type: Option<String>,
}

/// Why a queue message holds no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEvent {
    /// It has no body.
    #[error("the message is empty; publish an order or an event as JSON")]
    Empty,
    /// Larger than an event may be.
    #[error("the message has {bytes} bytes, and an event may have {REQUEST_BYTES_MAX}; publish less")]
    TooLarge {
        /// Bytes of the event, or of the whole message.
        bytes: usize,
    },
    /// No JSON, by the reader's own words without anything quoted.
    #[error("the message is not JSON: {0}; publish an order or an event as JSON")]
    NotJson(String),
    /// From SNS, but nothing that was published.
    #[error("SNS sent a {0} and no notification; subscribe the queue with its access policy in place")]
    NoNotification(String),
}

impl NoEvent {
    /// The stable name, the same as the API's where it has one.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_message",
            Self::TooLarge { .. } => "body_too_large",
            Self::NotJson(_) => "invalid_json",
            Self::NoNotification(_) => "no_notification",
        }
    }
}

/// The event in a queue message: Postrider's own envelope, a CloudEvent as JSON, or a bare order, whose type the
/// message attribute `eventType` names.
///
/// An event without a correlation id gets the X-Ray trace under which it was published, if there is one.
///
/// # Errors
/// Why there is no event. What is wrong with an event that is there, [`OrderMessage::read`] says.
pub fn order_event(message: &QueueMessage) -> Result<OrderMessage, NoEvent> {
    let body = message.body.as_deref().filter(|body| !body.trim().is_empty()).ok_or(NoEvent::Empty)?;
    if body.len() > QUEUE_MESSAGE_BYTES_MAX {
        return Err(NoEvent::TooLarge { bytes: body.len() });
    }
    let envelope = Envelope::around(body)?;
    let (event, attribute) = match &envelope {
        Some(envelope) => (envelope.message.as_str(), envelope.attribute(EVENT_TYPE_ATTRIBUTE)),
        None => (body, message.attribute(EVENT_TYPE_ATTRIBUTE)),
    };
    if event.len() > REQUEST_BYTES_MAX {
        return Err(NoEvent::TooLarge { bytes: event.len() });
    }
    let value = parse_syntax(event.as_bytes()).map_err(|error| NoEvent::NotJson(unquoted(&error)))?;
    let order_id = order_id(&value).and_then(loggable);
    let mut read = native(value, attribute);
    let event_type = match &read {
        Ok(event) => Some(event.event_type.as_str()),
        Err(rejected) => rejected.partial.as_ref().map(|event| event.event_type.as_str()),
    };
    let event_type = event_type.and_then(loggable);
    if let Ok(event) = &mut read
        && event.correlation_id.is_none()
    {
        event.correlation_id =
            message.trace_root().filter(|root| check_label(root).is_ok()).map(str::to_owned);
    }
    Ok(OrderMessage { read, order_id, event_type })
}

/// The parser's words, unless they may repeat something of the event.
fn unquoted(error: &InvalidDocument) -> String {
    const PLACE: &str = " at line ";
    let words = error.to_string();
    let place = words.rfind(PLACE).map(|at| &words[at + PLACE.len()..]);
    match place {
        Some(place) if place.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ') => {
            format!("line {place}")
        }
        _ => "it cannot be read".to_owned(),
    }
}

fn order_id(value: &Value) -> Option<&str> {
    value.pointer("/data/orderId").or_else(|| value.get("orderId"))?.as_str()
}

/// A text as a log may show it: short, plain, and certainly no address.
#[must_use]
pub fn loggable(text: &str) -> Option<String> {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '#' | '/' | '~');
    let fits = !text.is_empty() && text.len() <= LOGGED_ID_CHARS_MAX && text.chars().all(is_plain);
    fits.then(|| text.to_owned())
}

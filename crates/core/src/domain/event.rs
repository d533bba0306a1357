//! A fact from the order system.

use serde_json::Value;

use crate::limits::{LABEL_CHARS_MAX, SEND_AT_AHEAD_MS_MAX};

use super::document::Fingerprint;
use super::id::EventId;
use super::time::Timestamp;

/// The type an event has when nothing names one: a bare order posted as it is.
pub const DEFAULT_EVENT_TYPE: &str = "order.confirmed";

/// The type of an event whose data is a message, to be sent as it is.
pub const DIRECT_EVENT_TYPE: &str = "email.send";
/// The member of such data that holds the message's business key.
pub const DIRECT_KEY: &str = "idempotencyKey";

/// An event as it arrived, read out of whichever envelope it came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The sender's own id, if it gave one.
    pub id: Option<EventId>,
    /// Who says so (CloudEvents `source`).
    pub source: Option<String>,
    /// What happened: `order.confirmed`.
    pub event_type: String,
    /// The facts. Always a JSON object.
    pub data: Value,
    /// Where its members stand in the request, for errors about them.
    pub pointers: Pointers,
    /// Not to be sent before this instant.
    pub send_at: Option<Timestamp>,
    /// Ties this event to the sender's own traces.
    pub correlation_id: Option<String>,
    /// The language the customer reads (BCP 47).
    pub locale: Option<String>,
}

impl Event {
    /// The fingerprint of `data` by meaning; two events with one business key must agree on it.
    #[must_use]
    pub fn data_fingerprint(&self) -> Fingerprint {
        Fingerprint::of_json(&self.data)
    }
}

/// Where the members of an event stand in the request it came in, as its sender knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointers {
    /// Of `data`; everything in it is below.
    pub data: &'static str,
    /// Of the event's type.
    pub event_type: &'static str,
    /// Of the wished sending time.
    pub send_at: &'static str,
}

impl Pointers {
    /// Of Postrider's own envelope.
    pub const ENVELOPE: Self = Self { data: "/data", event_type: "/type", send_at: "/sendAt" };
    /// Of a bare order whose type was named beside it, in the query string for one.
    pub const BARE: Self = Self { data: "", ..Self::ENVELOPE };
    /// Of a bare order whose type nobody named: the order itself is what is not known.
    pub const BARE_UNTYPED: Self = Self { event_type: "", ..Self::BARE };
    /// Of a CloudEvent as JSON.
    pub const STRUCTURED: Self = Self { data: "/data", event_type: "/type", send_at: "/sendat" };
    /// Of a CloudEvent as JSON with its data as base64.
    pub const STRUCTURED_BASE64: Self = Self { data: "/data_base64", ..Self::STRUCTURED };
    /// Of a CloudEvent whose attributes are headers and whose data is the body.
    pub const BINARY: Self = Self { data: "", event_type: "/ce-type", send_at: "/ce-sendat" };
}

/// Checks a short text that becomes part of logs, headers or keys.
///
/// # Errors
/// A phrase that follows the field's name.
pub fn check_label(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.chars().count() > LABEL_CHARS_MAX {
        return Err(format!("must have at most {LABEL_CHARS_MAX} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(())
}

/// Checks a wished sending time against the clock.
///
/// # Errors
/// A phrase that follows the field's name.
pub fn check_send_at(send_at: Timestamp, now: Timestamp) -> Result<(), String> {
    if send_at.ms_since(now) > SEND_AT_AHEAD_MS_MAX {
        return Err("must lie within the next 400 days".to_owned());
    }
    Ok(())
}

/// An event as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The sender's id or a generated one.
    pub id: EventId,
    /// Who said so.
    pub source: Option<String>,
    /// What happened.
    pub event_type: String,
    /// `data` as JSON text.
    pub data: String,
    /// The sender's correlation id.
    pub correlation_id: Option<String>,
    /// The customer's language.
    pub locale: Option<String>,
}

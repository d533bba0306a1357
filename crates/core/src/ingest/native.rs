//! Postrider's own envelope, and the bare order without any.

use serde_json::Value;

use crate::domain::document::check_values;
use crate::domain::event::{DEFAULT_EVENT_TYPE, Event, Pointers, check_label};
use crate::domain::id::EventId;
use crate::domain::problem::{FieldError, FieldErrors};
use crate::limits::FIELD_ERRORS_MAX;

use super::Rejected;
use super::cloudevents::read_structured;
use super::members::Members;

const MEMBERS: [&str; 7] = ["type", "data", "id", "source", "sendAt", "correlationId", "locale"];

/// Reads `{"type","data",…}`, or a bare `data` object, whose type is `bare_type` or else [`DEFAULT_EVENT_TYPE`].
/// An object with `specversion` is a CloudEvent sent as plain JSON and read as one.
///
/// # Errors
/// Every wrong member, by pointer into the request.
pub fn native(value: Value, bare_type: Option<&str>) -> Result<Event, Rejected> {
    let errors = check_values(&value);
    let Value::Object(object) = value else {
        return Err(Rejected::whole("must be a JSON object: an event, or the bare order"));
    };
    if object.contains_key("specversion") {
        return read_structured(object, errors);
    }
    // An order has no member called `data`; an envelope that forgot it usually still names its `type`.
    let enveloped =
        object.contains_key("data") || (object.contains_key("type") && !object.contains_key("orderId"));
    if !enveloped {
        return bare(Value::Object(object), errors, bare_type);
    }
    let mut members = Members::new(object, errors);
    let event_type = members.required_label("type");
    let id = members.label("id").map(EventId::given);
    let source = members.label("source");
    let send_at = members.instant("sendAt");
    let correlation_id = members.label("correlationId");
    let locale = members.label("locale");
    let data = members.data();
    for name in members.rest().into_iter().take(FIELD_ERRORS_MAX) {
        // A misspelt `sendAt` would otherwise send at once what was meant for tomorrow.
        let message = format!("is not a member of an event; those are {}", MEMBERS.join(", "));
        members.wrong(&name, message);
    }
    let event = event_type.zip(data).map(|(event_type, data)| Event {
        id,
        source,
        event_type,
        data,
        pointers: Pointers::ENVELOPE,
        send_at,
        correlation_id,
        locale,
    });
    members.finish(event)
}

fn bare(data: Value, mut errors: FieldErrors, bare_type: Option<&str>) -> Result<Event, Rejected> {
    let event_type = bare_type.unwrap_or(DEFAULT_EVENT_TYPE);
    if let Err(message) = check_label(event_type) {
        errors.push(FieldError::new(Pointers::BARE.event_type, message));
    }
    if !errors.is_empty() {
        return Err(Rejected { errors, partial: None });
    }
    Ok(Event {
        id: None,
        source: None,
        event_type: event_type.to_owned(),
        data,
        pointers: if bare_type.is_some() { Pointers::BARE } else { Pointers::BARE_UNTYPED },
        send_at: None,
        correlation_id: None,
        locale: None,
    })
}

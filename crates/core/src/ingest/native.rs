//! Postrider's own envelope, and the bare order without any.

use serde_json::Value;

use crate::domain::event::{DEFAULT_EVENT_TYPE, Event, check_label};
use crate::domain::id::EventId;
use crate::domain::problem::FieldError;

use super::members::Members;
use super::structured;

const MEMBERS: [&str; 7] = ["type", "data", "id", "source", "sendAt", "correlationId", "locale"];

/// Reads `{"type","data",…}`, or a bare `data` object, whose type is `bare_type` or else [`DEFAULT_EVENT_TYPE`].
/// An object with `specversion` is a CloudEvent sent as plain JSON and read as one.
///
/// # Errors
/// Every wrong member, by pointer into the request.
pub fn native(value: Value, bare_type: Option<&str>) -> Result<Event, Vec<FieldError>> {
    let Value::Object(object) = value else {
        return Err(vec![FieldError::new("", "must be a JSON object: an event, or the bare order")]);
    };
    if object.contains_key("specversion") {
        return structured(Value::Object(object));
    }
    // An order has no member called `data`; an envelope that forgot it usually still names its `type`.
    let enveloped =
        object.contains_key("data") || (object.contains_key("type") && !object.contains_key("orderId"));
    if !enveloped {
        return bare(Value::Object(object), bare_type);
    }
    let mut members = Members::new(object);
    let event_type = members.required_label("type");
    let id = members.label("id").map(EventId::given);
    let source = members.label("source");
    let send_at = members.instant("sendAt");
    let correlation_id = members.label("correlationId");
    let locale = members.label("locale");
    let data = members.data();
    for name in members.rest() {
        // A misspelt `sendAt` would otherwise send at once what was meant for tomorrow.
        let message = format!("is not a member of an event; those are {}", MEMBERS.join(", "));
        members.wrong(&name, message);
    }
    match (event_type, data) {
        (Some(event_type), Some(data)) if members.errors.is_empty() => Ok(Event {
            id,
            source,
            event_type,
            data,
            data_pointer: "/data".to_owned(),
            send_at,
            correlation_id,
            locale,
        }),
        _ => Err(members.errors),
    }
}

fn bare(data: Value, bare_type: Option<&str>) -> Result<Event, Vec<FieldError>> {
    let event_type = bare_type.unwrap_or(DEFAULT_EVENT_TYPE);
    check_label(event_type).map_err(|message| vec![FieldError::new("/type", message)])?;
    Ok(Event {
        id: None,
        source: None,
        event_type: event_type.to_owned(),
        data,
        data_pointer: String::new(),
        send_at: None,
        correlation_id: None,
        locale: None,
    })
}

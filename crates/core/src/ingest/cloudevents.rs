//! CloudEvents 1.0: the JSON format (structured mode) and the HTTP binding's binary mode.
//!
//! Our optional envelope fields travel as the extension attributes `sendat`, `correlationid` and `locale`, because
//! CloudEvents attribute names are lower-case letters and digits. Other extension attributes are allowed and ignored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::domain::document::{InvalidDocument, check_values, parse_json};
use crate::domain::event::{Event, Pointers};
use crate::domain::id::EventId;
use crate::domain::problem::{FieldError, FieldErrors};

use super::Rejected;
use super::header;
use super::members::Members;

/// Reads one event in the JSON event format (`application/cloudevents+json`).
///
/// # Errors
/// Every wrong attribute, by pointer into the event.
pub fn structured(value: Value) -> Result<Event, Rejected> {
    let errors = check_values(&value);
    match value {
        Value::Object(object) => read_structured(object, errors),
        _ => Err(Rejected::whole("must be a JSON object: a CloudEvent")),
    }
}

/// Reads one event whose values have been checked.
pub(super) fn read_structured(object: Map<String, Value>, errors: FieldErrors) -> Result<Event, Rejected> {
    let mut members = Members::new(object, errors);
    let content_type = members.label("datacontenttype");
    if content_type.is_some_and(|given| !is_json(&given)) {
        members.wrong("datacontenttype", "must be application/json or another JSON media type");
    }
    match members.take("data_base64") {
        None => {
            let data = members.data();
            finish(members, data, Pointers::STRUCTURED)
        }
        Some(encoded) => {
            let data = decode(&encoded, &mut members);
            finish(members, data, Pointers::STRUCTURED_BASE64)
        }
    }
}

/// Reads one event in binary mode: attributes from the `ce-` headers (names without the prefix, values as they came),
/// data from the body.
///
/// # Errors
/// Every wrong attribute, named by the header it came in (`/ce-type`).
pub fn binary<'a>(
    attributes: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    data: Value,
) -> Result<Event, Rejected> {
    let mut members = Members::of_headers();
    for (name, value) in attributes {
        match header::decode(value) {
            Ok(text) => members.insert(name, text),
            Err(message) => members.wrong(name, message),
        }
    }
    if !data.is_object() {
        members.errors.push(FieldError::new("", "must be a JSON object: the event's data"));
    }
    let wrong_values = check_values(&data);
    let is_usable = data.is_object() && wrong_values.is_empty();
    members.errors.extend(wrong_values.into_vec());
    finish(members, is_usable.then_some(data), Pointers::BINARY)
}

fn finish(mut members: Members, data: Option<Value>, pointers: Pointers) -> Result<Event, Rejected> {
    let version = members.required_label("specversion");
    if version.is_some_and(|version| version != "1.0") {
        members.wrong("specversion", "must be \"1.0\"");
    }
    let id = members.required_label("id").map(EventId::given);
    let source = members.required_label("source");
    let event_type = members.required_label("type");
    let _time = members.instant("time");
    let send_at = members.instant("sendat");
    let correlation_id = members.label("correlationid");
    let locale = members.label("locale");
    let event = event_type.zip(data).map(|(event_type, data)| Event {
        id,
        source,
        event_type,
        data,
        pointers,
        send_at,
        correlation_id,
        locale,
    });
    members.finish(event)
}

fn decode(encoded: &Value, members: &mut Members) -> Option<Value> {
    let bytes = encoded.as_str().and_then(|text| STANDARD.decode(text).ok());
    let Some(bytes) = bytes else {
        members.wrong("data_base64", "must be JSON encoded as base64");
        return None;
    };
    match parse_json(&bytes) {
        Ok(data @ Value::Object(_)) => Some(data),
        Ok(_) => {
            members.wrong("data_base64", "must decode to a JSON object");
            None
        }
        Err(InvalidDocument::Syntax(message)) => {
            members.wrong("data_base64", format!("must decode to JSON: {message}"));
            None
        }
        Err(InvalidDocument::Values(errors)) => {
            let below =
                |error: FieldError| FieldError::new(format!("/data_base64{}", error.pointer), error.message);
            members.errors.extend(errors.into_iter().map(below));
            None
        }
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

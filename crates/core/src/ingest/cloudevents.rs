//! CloudEvents 1.0: the JSON format (structured mode) and the HTTP binding's binary mode.
//!
//! Our optional envelope fields travel as the extension attributes `sendat`, `correlationid` and `locale`, because
//! CloudEvents attribute names are lower-case letters and digits. Other extension attributes are allowed and ignored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::domain::document::{InvalidDocument, parse_json};
use crate::domain::event::Event;
use crate::domain::id::EventId;
use crate::domain::problem::FieldError;

use super::members::Members;

/// Reads one event in the JSON event format (`application/cloudevents+json`).
///
/// # Errors
/// Every wrong attribute, by pointer into the event.
pub fn structured(value: Value) -> Result<Event, Vec<FieldError>> {
    let Value::Object(object) = value else {
        return Err(vec![FieldError::new("", "must be a JSON object: a CloudEvent")]);
    };
    let mut members = Members::new(object);
    let content_type = members.label("datacontenttype");
    if content_type.is_some_and(|given| !is_json(&given)) {
        members.wrong("datacontenttype", "must be application/json or another JSON media type");
    }
    match members.take("data_base64") {
        None => finish(members, "/data"),
        Some(encoded) => {
            if let Some(data) = decode(&encoded, &mut members) {
                return finish_with(members, data, "/data_base64");
            }
            Err(members.errors)
        }
    }
}

/// Reads one event in binary mode: attributes from the `ce-` headers (names without the prefix), data from the body.
///
/// # Errors
/// Every wrong attribute, named by the header it came in (`/ce-type`).
pub fn binary(attributes: Vec<(String, String)>, data: Value) -> Result<Event, Vec<FieldError>> {
    let mut object = Map::new();
    for (name, text) in attributes {
        object.insert(name, Value::String(text));
    }
    let mut members = Members::new(object);
    if !data.is_object() {
        members.errors.push(FieldError::new("", "must be a JSON object: the event's data"));
    }
    finish_with(members, data, "").map_err(|errors| {
        let rename = |error: FieldError| match error.pointer.strip_prefix('/') {
            Some(name) => FieldError::new(format!("/ce-{name}"), error.message),
            None => error,
        };
        errors.into_iter().map(rename).collect()
    })
}

fn finish(mut members: Members, data_pointer: &str) -> Result<Event, Vec<FieldError>> {
    let data = members.data().unwrap_or(Value::Null);
    finish_with(members, data, data_pointer)
}

fn finish_with(mut members: Members, data: Value, data_pointer: &str) -> Result<Event, Vec<FieldError>> {
    let version = members.required_label("specversion");
    if version.is_some_and(|version| version != "1.0") {
        members.wrong("specversion", "must be \"1.0\"");
    }
    let id = members.required_label("id");
    let source = members.required_label("source");
    let event_type = members.required_label("type");
    let _time = members.instant("time");
    let send_at = members.instant("sendat");
    let correlation_id = members.label("correlationid");
    let locale = members.label("locale");
    match (id, source, event_type) {
        (Some(id), Some(source), Some(event_type)) if members.errors.is_empty() => Ok(Event {
            id: Some(EventId::given(id)),
            source: Some(source),
            event_type,
            data,
            data_pointer: data_pointer.to_owned(),
            send_at,
            correlation_id,
            locale,
        }),
        _ => Err(members.errors),
    }
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
            for error in errors {
                members.errors.push(FieldError::new(format!("/data_base64{}", error.pointer), error.message));
            }
            None
        }
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

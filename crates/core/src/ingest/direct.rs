//! A message that is sent as it is, without a notification type.

use serde_json::Value;

use crate::domain::document::check_values;
use crate::domain::event::{DIRECT_EVENT_TYPE, DIRECT_KEY, Event, Pointers};

use super::Rejected;
use super::members::Members;

/// Reads `{"from","to","subject",…}` as an event of the type [`DIRECT_EVENT_TYPE`]. `key` is its business key.
///
/// # Errors
/// Every wrong member, by pointer into the request. What the message itself may be, its planning says.
pub fn direct(value: Value, key: &str) -> Result<Event, Rejected> {
    let errors = check_values(&value);
    let Value::Object(object) = value else {
        return Err(Rejected::whole("must be a JSON object: the message"));
    };
    let is_sound = errors.is_empty();
    let mut members = Members::new(object, errors);
    let send_at = members.instant("sendAt");
    if members.rest().iter().any(|name| name == DIRECT_KEY) {
        members.wrong(DIRECT_KEY, "belongs into the header Idempotency-Key");
    }
    let mut data = members.take_rest();
    data.insert(DIRECT_KEY.to_owned(), Value::from(key));
    let event = Event {
        id: None,
        source: None,
        event_type: DIRECT_EVENT_TYPE.to_owned(),
        data: Value::Object(data),
        pointers: Pointers { data: "", ..Pointers::ENVELOPE },
        send_at,
        correlation_id: None,
        locale: None,
    };
    members.finish(is_sound.then_some(event))
}

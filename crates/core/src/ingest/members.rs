//! Reads the members of an envelope, collecting what is wrong instead of stopping at the first.

use serde_json::{Map, Value};

use crate::domain::document::push_token;
use crate::domain::event::{Event, check_label};
use crate::domain::problem::{FieldError, FieldErrors};
use crate::domain::time::Timestamp;

use super::Rejected;

/// An envelope object and the errors found in it so far.
pub struct Members {
    object: Map<String, Value>,
    /// What the sender's names of the members begin with.
    prefix: &'static str,
    pub errors: FieldErrors,
}

impl Members {
    /// Members named as they are in the request, with what is known to be wrong with it already.
    pub fn new(object: Map<String, Value>, errors: FieldErrors) -> Self {
        Self { object, prefix: "", errors }
    }

    /// Members that came as headers, each named `ce-` and its own name.
    pub fn of_headers() -> Self {
        Self { object: Map::new(), prefix: "ce-", errors: FieldErrors::default() }
    }

    pub fn insert(&mut self, name: &str, text: String) {
        if self.object.insert(name.to_owned(), Value::String(text)).is_some() {
            self.wrong(name, "is there twice");
        }
    }

    pub fn wrong(&mut self, name: &str, message: impl Into<String>) {
        let mut pointer = String::new();
        push_token(&mut pointer, &format!("{}{name}", self.prefix));
        self.errors.push(FieldError::new(pointer, message));
    }

    /// A short text; absent and null are the same.
    pub fn label(&mut self, name: &str) -> Option<String> {
        match self.object.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => match check_label(&text) {
                Ok(()) => Some(text),
                Err(message) => {
                    self.wrong(name, message);
                    None
                }
            },
            Some(_) => {
                self.wrong(name, "must be a string");
                None
            }
        }
    }

    pub fn required_label(&mut self, name: &str) -> Option<String> {
        if matches!(self.object.get(name), None | Some(Value::Null)) {
            self.wrong(name, "is required");
            return None;
        }
        self.label(name)
    }

    pub fn instant(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.label(name)?;
        match text.parse() {
            Ok(instant) => Some(instant),
            Err(error) => {
                self.wrong(name, format!("{error}"));
                None
            }
        }
    }

    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name)
    }

    /// The event's `data`, which must be an object, and one whose values can be looked at further.
    pub fn data(&mut self) -> Option<Value> {
        match self.object.remove("data") {
            Some(data @ Value::Object(_)) => (!self.errors.any_below("/data")).then_some(data),
            Some(_) => {
                self.wrong("data", "must be an object");
                None
            }
            None => {
                self.wrong("data", "is required");
                None
            }
        }
    }

    /// What nobody has asked for, to be looked at by somebody else.
    pub fn take_rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.object)
    }

    /// What nobody has asked for.
    pub fn rest(&self) -> Vec<String> {
        self.object.keys().cloned().collect()
    }

    /// The event, if nothing is wrong; otherwise what is wrong, with as much of the event as could be read.
    pub fn finish(self, event: Option<Event>) -> Result<Event, Rejected> {
        match event {
            Some(event) if self.errors.is_empty() => Ok(event),
            partial => Err(Rejected { errors: self.errors, partial: partial.map(Box::new) }),
        }
    }
}

//! Reads the members of an envelope, collecting what is wrong instead of stopping at the first.

use serde_json::{Map, Value};

use crate::domain::document::push_token;
use crate::domain::event::check_label;
use crate::domain::problem::FieldError;
use crate::domain::time::Timestamp;

/// An envelope object and the errors found in it so far.
pub struct Members {
    object: Map<String, Value>,
    pub errors: Vec<FieldError>,
}

impl Members {
    pub fn new(object: Map<String, Value>) -> Self {
        Self { object, errors: Vec::new() }
    }

    pub fn wrong(&mut self, name: &str, message: impl Into<String>) {
        let mut pointer = String::new();
        push_token(&mut pointer, name);
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

    /// The event's `data`, which must be an object.
    pub fn data(&mut self) -> Option<Value> {
        match self.object.remove("data") {
            Some(data @ Value::Object(_)) => Some(data),
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

    /// What nobody has asked for.
    pub fn rest(&self) -> Vec<String> {
        self.object.keys().cloned().collect()
    }
}

//! What is wrong with which field.

use crate::limits::{FIELD_ERRORS_MAX, FIELD_POINTERS_BYTES_MAX};

/// One wrong field of a request, named by JSON Pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where: `/data/items/0/quantity`; empty for the whole document.
    pub pointer: String,
    /// What is wrong, as a phrase that follows the field's name.
    pub message: String,
}

impl FieldError {
    /// Names the field at `pointer` and what is wrong with it.
    #[must_use]
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// The wrong fields of one request, collected within bounds: a body of nothing but mistakes must not become an answer
/// many times its size. At most [`FIELD_ERRORS_MAX`] are kept, and none once their pointers have grown to
/// [`FIELD_POINTERS_BYTES_MAX`]; one field is named once, with the first thing found wrong with it.
#[derive(Debug, Default)]
pub struct FieldErrors {
    errors: Vec<FieldError>,
    pointer_bytes: usize,
}

impl FieldErrors {
    /// Adds an error, unless its field is named already or there is no room for more.
    pub fn push(&mut self, error: FieldError) {
        if !self.is_full() && !self.errors.iter().any(|known| known.pointer == error.pointer) {
            self.pointer_bytes += error.pointer.len();
            self.errors.push(error);
        }
    }

    /// Whether no more will be kept, so that there is no use in looking for more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.errors.len() >= FIELD_ERRORS_MAX || self.pointer_bytes >= FIELD_POINTERS_BYTES_MAX
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// Whether something is wrong with the field at `pointer` or with anything in it.
    #[must_use]
    pub fn any_below(&self, pointer: &str) -> bool {
        let is_below = |error: &FieldError| {
            error.pointer.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.errors.iter().any(is_below)
    }

    /// The errors, in the order they were found.
    #[must_use]
    pub fn into_vec(self) -> Vec<FieldError> {
        self.errors
    }
}

impl Extend<FieldError> for FieldErrors {
    fn extend<I: IntoIterator<Item = FieldError>>(&mut self, errors: I) {
        for error in errors {
            if self.is_full() {
                return;
            }
            self.push(error);
        }
    }
}

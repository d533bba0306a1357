//! What is wrong with which field.

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

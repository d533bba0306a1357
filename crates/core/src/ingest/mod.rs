//! From the forms an event may arrive in to an [`Event`].
//!
//! The parsers read JSON values and name every wrong member by pointer; which bytes they came from, HTTP or SNS, is
//! the adapter's business. They check the values themselves ([`check_values`](crate::domain::document::check_values)),
//! so that one bad event among several is refused alone.

mod cloudevents;
mod direct;
mod header;
mod members;
mod native;
#[cfg(test)]
mod tests;

pub use cloudevents::{binary, structured};
pub use direct::direct;
pub use native::native;

use crate::domain::event::Event;
use crate::domain::problem::{FieldError, FieldErrors};

/// An event that cannot be accepted as it came.
#[derive(Debug)]
pub struct Rejected {
    /// What is wrong with its envelope, and with values no event may carry.
    pub errors: FieldErrors,
    /// The event without what is wrong, if its type and its data could be read: whoever knows the schema of the data
    /// can then say in the same answer what is wrong with that.
    pub partial: Option<Box<Event>>,
}

impl Rejected {
    fn whole(message: &str) -> Self {
        let mut errors = FieldErrors::default();
        errors.push(FieldError::new("", message));
        Self { errors, partial: None }
    }
}

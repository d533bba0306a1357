//! From the forms an event may arrive in to an [`Event`](crate::domain::event::Event).
//!
//! The parsers read JSON values and name every wrong member by pointer; which bytes they came from, HTTP or SNS, is
//! the adapter's business.

mod cloudevents;
mod members;
mod native;
#[cfg(test)]
mod tests;

pub use cloudevents::{binary, structured};
pub use native::native;

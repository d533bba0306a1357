//! How fast what SES reports becomes durable, next to the plain program one would write instead.

pub mod events;
pub mod intake;
pub mod peer;
pub mod report;

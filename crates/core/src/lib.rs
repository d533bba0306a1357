//! Postrider's decisions: what an event means, what happens to a notification, when to try again.
//!
//! Nothing here does I/O, reads a clock or draws a random number by itself; [`ports`] says what it needs.

pub mod domain;
pub mod ingest;
pub mod limits;
pub mod ports;
pub mod use_cases;

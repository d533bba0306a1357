//! Functions run as Lambda runs them: a program that asks a Runtime API for invocations, and a loop that brings it what
//! is in a queue.

mod connection;
mod event_source;
mod function;
mod output;
mod process;
mod runtime_api;

pub use event_source::{Drained, EventSource, Polled};
pub use function::{Function, Outcome, Setup};
pub use process::Usage;

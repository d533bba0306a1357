//! The AWS functions: one program whose handler's name says which of them it is.
//!
//! Everything works over the core's ports; [`wiring`] alone knows which ledger and which mailer stand behind them.

mod announcing;
pub mod api;
mod batch;
pub mod calls;
pub mod cost;
pub mod dispatch;
pub mod feedback;
pub mod invocation;
pub mod output;
pub mod parts;
mod poison;
pub mod renditions;
pub mod role;
pub mod start;
pub mod sweep;
mod tally;
mod types;
pub mod wiring;

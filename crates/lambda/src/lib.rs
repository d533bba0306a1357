//! The AWS functions: one program whose handler's name says which of them it is.
//!
//! Everything works over the core's ports; `wiring` alone knows which ledger and which mailer stand behind them.

mod batch;
pub mod dispatch;
pub mod feedback;
pub mod invocation;
pub mod parts;
mod poison;
pub mod sweep;
mod tally;

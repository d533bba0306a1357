//! The functions over a ledger in memory and a mailer that does what a test says.

mod dispatch;
mod feedback;
mod killing;
mod log;
mod orders;
mod poison;
mod sweep;
mod world;

//! The functions over a ledger in memory and a mailer that does what a test says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod calls;
mod cost;
mod dispatch;
mod feedback;
mod hold;
mod killing;
mod log;
mod orders;
mod poison;
mod renditions;
mod sweep;
mod world;

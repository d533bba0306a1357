//! The API over a ledger that fails when a test says so, without a socket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod batches;
mod bodies;
mod gate;
mod idempotency;
mod problems;
mod world;

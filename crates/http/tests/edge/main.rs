//! The API over a ledger that fails when a test says so, without a socket.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "../../../aws/tests/sns/authority.rs"]
#[expect(dead_code, reason = "the tests of certificates need more of it")]
mod authority;
mod batches;
mod bodies;
mod cost;
mod emails;
mod feedback;
mod gate;
mod idempotency;
mod keys;
mod problems;
mod rate;
mod recipients;
mod scopes;
mod ses_examples;
mod sns;
mod stats;
mod types;
mod unsubscribe;
mod world;

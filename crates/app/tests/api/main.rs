//! The API of a running server: real ledger, real notification types, real mailers, a port of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod batch;
mod cloud_events;
mod dashboard;
mod delivery;
mod events;
mod feedback;
mod gate;
mod health;
mod idempotency;
mod interventions;
mod keys;
mod listing;
mod outcomes;
mod reloading;
mod server;
mod suppressions;
mod types;
mod webhooks;

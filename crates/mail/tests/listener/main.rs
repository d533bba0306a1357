//! The bounce listener and clients of every kind.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

mod stage;

mod conversation;
mod encryption;
mod hostile;
mod refusals;
mod slow;
mod stopping;

//! The built program with a real Postfix: what it says afterwards must be what happened.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

mod broken_connections;
mod replies;
mod world;

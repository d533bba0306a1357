//! The emulator does what AWS's documentation says, where tests of the product rely on it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod dynamodb;
mod faults;
mod queues;
mod sending;
mod topics;

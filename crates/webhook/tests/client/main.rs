//! The guarded client against receivers on this machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

mod receiver;

mod answers;
mod encryption;
mod reach;

//! Notification types from the folder to the message.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod bad_input;
mod compose;
mod documentation;
mod fixture;
mod guards;
mod languages;
mod loading;
mod mutations;
mod planning;
mod preview;
mod recompose;
mod sandbox;

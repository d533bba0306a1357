//! Notification types from the folder to the message.

mod bad_input;
mod compose;
mod fixture;
mod loading;
mod planning;
mod preview;
mod recompose;

//! What a message has beyond its words, as those who receive it read it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod attachments;
mod fields;
mod refusals;
mod stage;
mod unsubscribe;

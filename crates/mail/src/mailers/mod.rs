//! What hands messages on: a folder for development, a mail server for the rest of the world.

pub mod failover;
pub mod outbox;
pub mod smtp;

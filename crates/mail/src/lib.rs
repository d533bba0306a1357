//! From notification types to messages, and from messages to mail servers.

pub mod mailers;
pub mod types;

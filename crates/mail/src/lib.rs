//! From notification types to messages, and from messages to mail servers.

pub mod bounce;
pub mod dkim;
pub mod listener;
pub mod mailers;
pub mod mime;
pub mod render;
pub mod types;
pub mod verp;

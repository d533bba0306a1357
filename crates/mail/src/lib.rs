//! From notification types to messages, and from messages to mail servers.

pub mod attachment_folder;
pub mod bounce;
pub mod dkim;
pub mod listener;
pub mod mailers;
pub mod mime;
pub mod render;
mod signed_id;
pub mod types;
pub mod unsubscribe;
pub mod verp;

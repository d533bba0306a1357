//! Internet messages (RFC 5322, RFC 2045–2047), written byte for byte the same each time.

pub mod attachment;
pub mod field;
pub mod header;
pub mod message;
mod parameter;
pub mod quoted_printable;

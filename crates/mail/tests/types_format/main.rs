//! The parts a message is made of: amounts, dates, text, headers, encodings, signatures.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod dkim;
mod header;
mod money;
mod plain_text;
mod quoted_printable;

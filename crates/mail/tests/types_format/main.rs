//! The parts a message is made of: amounts, dates, text, headers, encodings, signatures.

mod dkim;
mod header;
mod money;
mod plain_text;
mod quoted_printable;

//! The configuration: read once at start, checked whole, passed on as values.

pub mod keys;
mod load;
mod reader;
mod settings;
#[cfg(test)]
mod tests;

pub use load::{ConfigError, RawSettings};
pub use settings::{DkimSettings, MailerSettings, SenderSettings, Settings};

//! The configuration: read once at start, checked whole, passed on as values.

mod feedback;
pub mod keys;
mod load;
mod reader;
mod settings;
#[cfg(test)]
mod tests;
mod webhooks;

pub use feedback::{CertificateFiles, FeedbackSettings, ListenerSettings, SnsSettings, SqsSettings};
pub use load::{ConfigError, RawSettings};
pub use settings::{DkimSettings, MailerSettings, SECRET_FILE_NAME, SenderSettings, Settings};
pub use webhooks::WebhookSettings;

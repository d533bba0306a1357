//! The configuration: read once at start, checked whole, passed on as values.

mod aws;
mod budget;
mod feedback;
pub mod keys;
mod load;
mod reader;
mod sandbox;
mod settings;
#[cfg(test)]
mod tests;
mod webhooks;

pub use aws::{DynamoSettings, IngestSettings, LedgerSettings, MirrorSettings, SesSettings};
pub use budget::BudgetSettings;
pub use feedback::{CertificateFiles, FeedbackSettings, ListenerSettings, SnsSettings, SqsSettings};
pub use load::{ConfigError, RawSettings};
pub use reader::SecretSetting;
pub use settings::{DkimSettings, MailerSettings, SECRET_FILE_NAME, SenderSettings, Settings};
pub use webhooks::WebhookSettings;

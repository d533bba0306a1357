//! The settings of outgoing webhooks.

use postrider_core::limits::{CONCURRENCY_MAX, WEBHOOKS_MAX};

use super::load::ConfigError;
use super::reader::Reader;

/// How webhooks are called.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSettings {
    /// Whether they may go to this machine and private networks, and over http.
    pub allow_private: bool,
    /// Calls on their way at once.
    pub concurrency: usize,
}

/// With a place for each endpoint there may be, none has to wait for another that does not answer.
pub(super) fn read_webhooks(read: &Reader<'_>) -> Result<WebhookSettings, ConfigError> {
    Ok(WebhookSettings {
        allow_private: read.flag("webhooks.allow_private").unwrap_or(false),
        concurrency: read.size("webhooks.concurrency", 64, WEBHOOKS_MAX, CONCURRENCY_MAX)?,
    })
}

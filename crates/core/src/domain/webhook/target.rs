//! Where calls go and what signs them: texts that must not be seen by accident.

use std::fmt;

use crate::domain::time::Timestamp;
use crate::limits::WEBHOOK_URL_BYTES_MAX;

/// Where calls go. Paths and queries of such addresses are often secrets, so it prints itself without them.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(String);

/// The text cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an http:// or https:// URL of at most 2048 printable ASCII characters")]
pub struct InvalidWebhookUrl;

impl WebhookUrl {
    /// Takes what looks like a URL and is short enough to store. Whether it may be called is decided when it is.
    ///
    /// # Errors
    /// [`InvalidWebhookUrl`].
    pub fn parse(text: &str) -> Result<Self, InvalidWebhookUrl> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        match rest {
            Some(rest) if !rest.is_empty() && is_printable && text.len() <= WEBHOOK_URL_BYTES_MAX => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidWebhookUrl),
        }
    }

    /// The whole URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        write!(f, "{scheme}://{host}/…")
    }
}

/// A secret that signs calls, in the text form its owner knows.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret {
    text: String,
    /// Until when calls are signed with it; `None` means for good.
    pub expires_at: Option<Timestamp>,
}

impl SigningSecret {
    /// A secret for good, or until another takes its place.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), expires_at: None }
    }

    /// The same, valid before `expires_at` only.
    #[must_use]
    pub fn until(self, expires_at: Option<Timestamp>) -> Self {
        Self { expires_at, ..self }
    }

    /// The secret itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningSecret").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

//! Endpoints as the API shows them.

use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{Webhook, WebhookState};
use serde::Serialize;
use utoipa::ToSchema;

/// One endpoint that hears what becomes of notifications.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub struct WebhookView {
    /// `whk_…`.
    id: String,
    /// Where calls go.
    url: String,
    /// What it hears of: `notification.sent`, `notification.bounced`, …; empty means everything.
    events: Vec<&'static str>,
    /// For people.
    description: String,
    /// `enabled` or `disabled`. What a disabled endpoint would have heard waits for it, for 30 days.
    status: &'static str,
    /// `gone` (it answered 410), `failing` (every call for five days) or `manual`; null while it is enabled.
    disabled_reason: Option<&'static str>,
    /// Since when it is disabled; RFC 3339.
    disabled_at: Option<String>,
    /// Since when every call has failed; null if the last one did not.
    failing_since: Option<String>,
    /// When a call last succeeded.
    last_success_at: Option<String>,
    /// When a call last failed.
    last_failure_at: Option<String>,
    /// Calls that wait or are on their way.
    pending_calls: u64,
    /// Calls that were never delivered: tried in vain to the end, or too old to keep.
    lost_calls: u64,
    /// What signs calls now, newest first. The secrets themselves are shown only when they are made.
    secrets: Vec<WebhookSecretView>,
    /// When it was made.
    created_at: String,
}

/// One of the secrets that sign.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookSecret)]
pub struct WebhookSecretView {
    /// Until when it signs; null means for good.
    expires_at: Option<String>,
}

/// Every endpoint, oldest first.
#[derive(Serialize, ToSchema)]
pub struct WebhookList {
    /// The endpoints.
    pub data: Vec<WebhookView>,
}

/// One endpoint with the secret that signs its calls.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookWithSecret {
    /// The endpoint.
    #[serde(flatten)]
    webhook: WebhookView,
    /// What verifies calls: `whsec_…`. Not shown again. Null if the request is repeated after the endpoint was deleted.
    secret: Option<String>,
}

impl WebhookView {
    /// What is to be seen at `now`.
    #[must_use]
    pub fn of(webhook: &Webhook, now: Timestamp) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let (status, disabled_at, disabled_reason) = match webhook.state {
            WebhookState::Enabled => ("enabled", None, None),
            WebhookState::Disabled { at, reason } => ("disabled", Some(at), Some(reason.as_str())),
        };
        let secrets = webhook.secrets_at(now);
        Self {
            id: webhook.id.to_string(),
            url: webhook.url.as_str().to_owned(),
            events: webhook.events.iter().map(|event| event.as_str()).collect(),
            description: webhook.description.clone(),
            status,
            disabled_reason,
            disabled_at: text(disabled_at),
            failing_since: text(webhook.failing_since),
            last_success_at: text(webhook.last_success_at),
            last_failure_at: text(webhook.last_failure_at),
            pending_calls: webhook.pending_calls,
            lost_calls: webhook.lost_calls,
            secrets: secrets
                .iter()
                .map(|secret| WebhookSecretView { expires_at: text(secret.expires_at) })
                .collect(),
            created_at: webhook.created_at.to_string(),
        }
    }
}

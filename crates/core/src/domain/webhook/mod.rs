//! The shop's own systems that want to hear what becomes of notifications.

mod event;
mod target;

use std::collections::BTreeSet;

use crate::limits::{WEBHOOK_FAILING_MS_MAX, WEBHOOK_OUTAGE_MS_MIN, WEBHOOK_SECRETS_VALID_MAX};

use super::id::WebhookId;
use super::time::Timestamp;

pub use event::{InvalidWebhookEvent, WebhookEvent};
pub use target::{InvalidWebhookUrl, SigningSecret, WebhookUrl};

/// Why an endpoint is not called any more. The names are a public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DisabledReason {
    /// It answered 410 Gone.
    Gone,
    /// Every call has failed for [`WEBHOOK_FAILING_MS_MAX`].
    Failing,
    /// A person disabled it.
    Manual,
}

impl DisabledReason {
    /// Every reason, in the order of its stored code.
    pub const ALL: [Self; 3] = [Self::Gone, Self::Failing, Self::Manual];

    /// The public name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
            Self::Manual => "manual",
        }
    }
}

/// Whether an endpoint is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookState {
    /// It is.
    Enabled,
    /// It is not; what it would have heard waits, as long as it is kept.
    Disabled {
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: DisabledReason,
    },
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where calls go.
    pub url: WebhookUrl,
    /// What it hears of; empty means everything.
    pub events: BTreeSet<WebhookEvent>,
    /// For people.
    pub description: String,
    /// What signs its calls, newest first, at most [`WEBHOOK_SECRETS_VALID_MAX`].
    pub secrets: Vec<SigningSecret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it is called.
    pub state: WebhookState,
    /// Since when every call has failed.
    pub failing_since: Option<Timestamp>,
    /// When a call last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When a call last failed.
    pub last_failure_at: Option<Timestamp>,
    /// Calls that were never delivered: tried in vain to the end, or too old to keep.
    pub lost_calls: u64,
    /// Calls that wait or are on their way. What it has not been looked through for yet is not among them.
    pub pending_calls: u64,
}

/// What to change about an endpoint. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// Where calls go.
    pub url: Option<WebhookUrl>,
    /// What it hears of from now on; empty means everything.
    pub events: Option<BTreeSet<WebhookEvent>>,
    /// For people.
    pub description: Option<String>,
    /// A new secret.
    pub rotation: Option<SecretRotation>,
    /// Whether it is called.
    pub enabled: Option<bool>,
}

/// A new secret, and how long the one before stays valid beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRotation {
    /// The new secret.
    pub secret: SigningSecret,
    /// When the one before expires.
    pub old_until: Timestamp,
}

/// What a change or a call's end means for the calls that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// They wait for their times.
    Stay,
    /// The endpoint is back: whatever failed before need not wait any longer.
    Hasten,
}

impl Webhook {
    /// Whether it is called.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.state == WebhookState::Enabled
    }

    /// Whether it wants to hear of `event`.
    #[must_use]
    pub fn wants(&self, event: WebhookEvent) -> bool {
        self.events.is_empty() || self.events.contains(&event)
    }

    /// What signs a call made at `now`, newest first.
    #[must_use]
    pub fn secrets_at(&self, now: Timestamp) -> Vec<SigningSecret> {
        self.secrets.iter().filter(|secret| secret.is_valid(now)).cloned().collect()
    }

    /// Carries out what a person asked for. Asked again, it changes nothing more.
    pub fn change(&mut self, change: &WebhookChange, now: Timestamp) -> Waiting {
        if let Some(url) = &change.url {
            self.url = url.clone();
        }
        if let Some(events) = &change.events {
            self.events.clone_from(events);
        }
        if let Some(description) = &change.description {
            self.description.clone_from(description);
        }
        if let Some(rotation) = &change.rotation {
            self.rotate(rotation, now);
        }
        match (change.enabled, self.state) {
            (Some(true), WebhookState::Disabled { .. }) => {
                self.state = WebhookState::Enabled;
                // The five days begin anew.
                self.failing_since = None;
                Waiting::Hasten
            }
            (Some(false), WebhookState::Enabled) => {
                self.disable(now, DisabledReason::Manual);
                Waiting::Stay
            }
            (Some(true), WebhookState::Enabled)
            | (Some(false), WebhookState::Disabled { .. })
            | (None, _) => Waiting::Stay,
        }
    }

    fn rotate(&mut self, rotation: &SecretRotation, now: Timestamp) {
        if self.secrets.first().is_some_and(|newest| newest.reveal() == rotation.secret.reveal()) {
            return;
        }
        let newest = rotation.secret.clone().until(None);
        let old = self.secrets.drain(..).map(|secret| {
            let end = secret.expires_at.map_or(rotation.old_until, |end| end.min(rotation.old_until));
            secret.until(Some(end))
        });
        let kept: Vec<_> = std::iter::once(newest).chain(old).collect();
        self.secrets =
            kept.into_iter().filter(|secret| secret.is_valid(now)).take(WEBHOOK_SECRETS_VALID_MAX).collect();
    }

    fn disable(&mut self, at: Timestamp, reason: DisabledReason) {
        if self.is_enabled() {
            self.state = WebhookState::Disabled { at, reason };
        }
    }

    /// A call succeeded.
    pub fn succeeded(&mut self, now: Timestamp) -> Waiting {
        self.last_success_at = Some(now);
        match self.failing_since.take() {
            Some(since) if now.ms_since(since) >= WEBHOOK_OUTAGE_MS_MIN => Waiting::Hasten,
            _ => Waiting::Stay,
        }
    }

    /// A call failed. Tells the reason if that disabled the endpoint.
    pub fn failed(&mut self, now: Timestamp) -> Option<DisabledReason> {
        self.last_failure_at = Some(now);
        let since = *self.failing_since.get_or_insert(now);
        let is_hopeless = self.is_enabled() && now.ms_since(since) >= WEBHOOK_FAILING_MS_MAX;
        is_hopeless.then(|| {
            self.disable(now, DisabledReason::Failing);
            DisabledReason::Failing
        })
    }

    /// It answered that it is gone for good. Tells the reason if that disabled the endpoint.
    pub fn gone(&mut self, now: Timestamp) -> Option<DisabledReason> {
        self.last_failure_at = Some(now);
        self.failing_since.get_or_insert(now);
        self.is_enabled().then(|| {
            self.disable(now, DisabledReason::Gone);
            DisabledReason::Gone
        })
    }
}

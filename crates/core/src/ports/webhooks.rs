//! The port to outgoing webhooks: endpoints, and the calls that tell them what became of notifications.
//!
//! While there is an endpoint, every change worth telling is added to a feed in the step that makes it. From the feed
//! each endpoint gets its calls, in a queue of its own, so that one that fails is in nobody's way.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;

use crate::domain::id::{NotificationId, WebhookId};
use crate::domain::notification::Notification;
use crate::domain::status::Status;
use crate::domain::time::Timestamp;
use crate::domain::timeline::TimelineEntry;
use crate::domain::webhook::{
    DisabledReason, SigningSecret, Webhook, WebhookChange, WebhookEvent, WebhookState, WebhookUrl,
};

use super::ledger::LedgerError;

/// An endpoint to be made.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Its id.
    pub id: WebhookId,
    /// Where calls go.
    pub url: WebhookUrl,
    /// What it hears of; empty means everything.
    pub events: BTreeSet<WebhookEvent>,
    /// For people; at most [`crate::limits::WEBHOOK_DESCRIPTION_CHARS_MAX`] characters, as the caller has checked.
    pub description: String,
    /// What signs its calls.
    pub secret: SigningSecret,
    /// When it is made.
    pub now: Timestamp,
}

impl NewWebhook {
    /// The endpoint this makes.
    #[must_use]
    pub fn webhook(&self) -> Webhook {
        Webhook {
            id: self.id,
            url: self.url.clone(),
            events: self.events.clone(),
            description: self.description.clone(),
            secrets: vec![self.secret.clone().until(None)],
            created_at: self.now,
            state: WebhookState::Enabled,
            failing_since: None,
            last_success_at: None,
            last_failure_at: None,
            lost_calls: 0,
            pending_calls: 0,
        }
    }
}

/// What making an endpoint came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookCreated {
    /// It is there, now or since the same id was given before. It hears of what happens from now on, and of what other
    /// processes do from a second later at the latest.
    Created(Box<Webhook>),
    /// There are [`crate::limits::WEBHOOKS_MAX`] already. Nothing was made.
    TooMany,
}

/// A request for calls to make.
#[derive(Clone, Copy, Debug)]
pub struct ClaimCalls {
    /// Now.
    pub now: Timestamp,
    /// When the claims lapse.
    pub lease_until: Timestamp,
    /// How many at most; an implementation may cap it at [`crate::limits::WEBHOOK_CLAIM_MAX`].
    pub limit: usize,
    /// How many calls of one endpoint may be on their way at the same time.
    pub per_endpoint: usize,
}

/// Claimed calls.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct WebhookCalls {
    /// Endpoints with the fewest calls on their way first, then longest due first.
    pub calls: Vec<WebhookCall>,
    /// When to ask again: when the next call that is not yet due becomes due, or at once if there was more in the feed
    /// than one step looks through. May be earlier than the truth, never later. Calls that are due and were not claimed
    /// for want of a place are not announced: they can be had when one of those on their way has ended.
    pub next_due_at: Option<Timestamp>,
}

/// One call to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookCall {
    /// The endpoint.
    pub webhook: WebhookId,
    /// Where it goes.
    pub url: WebhookUrl,
    /// What signs it, newest first: every secret valid at the claim.
    pub secrets: Vec<SigningSecret>,
    /// Names what it tells; rises with time. With the endpoint it names the call.
    pub change: u64,
    /// Which try this is, from 1; also the fence of the claim.
    pub attempt: u32,
    /// What it tells.
    pub event: WebhookEvent,
    /// When that happened.
    pub at: Timestamp,
    /// The notification as it is now.
    pub notification: Notification,
    /// Its status once that had happened. Every try of the call tells the same.
    pub status: Status,
    /// What happened.
    pub entry: TimelineEntry,
}

impl WebhookCall {
    /// Names the message to its receiver, the same for every try and every replay: `msg_…`.
    #[must_use]
    pub fn message_id(&self) -> String {
        struct Text(NotificationId, u64);
        impl fmt::Display for Text {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write_as(f, "msg_")?;
                write!(f, "_{}", self.1)
            }
        }
        Text(self.notification.id, self.change).to_string()
    }
}

/// The end of one try.
#[derive(Clone, Copy, Debug)]
pub struct FinishCall {
    /// The endpoint.
    pub webhook: WebhookId,
    /// What the call tells.
    pub change: u64,
    /// Which try it was.
    pub attempt: u32,
    /// What follows.
    pub outcome: CallOutcome,
    /// When it ended.
    pub now: Timestamp,
}

/// What follows from a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// The endpoint took it.
    Delivered,
    /// It failed and is to be repeated.
    Retry {
        /// When.
        until: Timestamp,
    },
    /// It failed for the last time: the call goes, and is counted as lost.
    GiveUp,
    /// The endpoint is gone: it is disabled. The call stays, should somebody enable it again.
    DisableGone,
}

/// What finishing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFinished {
    /// Recorded.
    Recorded {
        /// The reason, if the endpoint is disabled from now on: a person must hear of it.
        disabled: Option<DisabledReason>,
    },
    /// Claimed again since, over, or of an endpoint that is not there: nothing changed.
    Stale,
}

/// A request to tell an endpoint again what happened in some time.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// The endpoint.
    pub webhook: WebhookId,
    /// What happened at or after this instant.
    pub since: Timestamp,
    /// What happened before this instant.
    pub until: Timestamp,
    /// Where the step before ended.
    pub after: Option<ReplayCursor>,
    /// Now.
    pub now: Timestamp,
}

/// How far a replay came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplayCursor {
    /// The instant of the last change it looked at.
    pub at: Timestamp,
    /// That change.
    pub change: u64,
}

/// What one step of a replay came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// This many calls were made anew. What waits anyway, and what the endpoint does not want, is not among them.
    Added {
        /// How many.
        calls: usize,
        /// Where the next step goes on; `None` at the end.
        next: Option<ReplayCursor>,
    },
    /// As many calls wait for the endpoint as may. Go on from here later.
    Full {
        /// How many were made anew before.
        calls: usize,
        /// Where the next step goes on.
        next: Option<ReplayCursor>,
    },
    /// There is no such endpoint.
    NotFound,
}

/// Where endpoints and their calls are kept.
///
/// Nothing that an enabled endpoint wants is left out, except what is older than
/// [`crate::limits::WEBHOOK_FEED_MS_MAX`]. What happens while an endpoint is disabled waits for it, just as long.
#[async_trait]
pub trait WebhookLedger: Send + Sync {
    /// Makes an endpoint.
    async fn create_webhook(&self, new: NewWebhook) -> Result<WebhookCreated, LedgerError>;

    /// Every endpoint, oldest first.
    async fn webhooks(&self) -> Result<Vec<Webhook>, LedgerError>;

    /// One endpoint.
    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, LedgerError>;

    /// Changes an endpoint and tells what it is now; `None` if it is not there.
    async fn update_webhook(
        &self,
        id: WebhookId,
        change: WebhookChange,
        now: Timestamp,
    ) -> Result<Option<Webhook>, LedgerError>;

    /// Deletes an endpoint and all its calls. Tells whether it was there.
    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, LedgerError>;

    /// Claims due calls. No call is claimed by two, none of an endpoint that is disabled, and none while an earlier
    /// change of the same notification is still to be told to the same endpoint. Also does the housekeeping, within
    /// bounds: makes calls of the feed, clears away what is too old or nobody's any more.
    async fn claim_calls(&self, request: ClaimCalls) -> Result<WebhookCalls, LedgerError>;

    /// Records the end of a try.
    async fn finish_call(&self, finish: FinishCall) -> Result<CallFinished, LedgerError>;

    /// Makes calls anew for what happened in some time, in order, a bounded number a step.
    async fn replay_webhook(&self, replay: Replay) -> Result<Replayed, LedgerError>;
}

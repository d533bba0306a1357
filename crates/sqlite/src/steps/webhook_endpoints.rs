//! Endpoints, and the feed of changes that exists for them.

use postrider_core::domain::id::WebhookId;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::domain::webhook::{
    SigningSecret, Waiting, Webhook, WebhookChange, WebhookEvent, WebhookState,
};
use postrider_core::limits::WEBHOOKS_MAX;
use postrider_core::ports::webhooks::{NewWebhook, WebhookCreated};
use rusqlite::{OptionalExtension as _, params};

use super::{WriteStep, Writing};
use crate::queries::{StoredWebhook, load_webhook, mask_of_events};
use postrider_core::ports::codes::{disabled_code, event_code, status_code};

/// [`create_webhook`](postrider_core::ports::webhooks::WebhookLedger::create_webhook).
pub(crate) struct CreateWebhook(pub(crate) NewWebhook);

impl WriteStep for CreateWebhook {
    type Output = WebhookCreated;

    fn bytes(&self) -> usize {
        4096
    }

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<WebhookCreated> {
        if let Some(known) = load_webhook(writing.connection, self.0.id)? {
            return Ok(WebhookCreated::Created(Box::new(known.webhook)));
        }
        let count: usize =
            writing.prepare("SELECT count(*) FROM webhooks")?.query_row([], |row| row.get(0))?;
        if count >= WEBHOOKS_MAX {
            return Ok(WebhookCreated::TooMany);
        }
        let webhook = self.0.webhook();
        writing
            .prepare(
                "INSERT INTO webhooks (id, url, events, description, secret, created_at, lost_calls, pending_calls, \
                 cursor, hasten) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, (SELECT coalesce(max(n), 0) FROM changes), 0)",
            )?
            .execute(params![
                webhook.id.to_bytes(),
                webhook.url.as_str(),
                mask_of_events(&webhook.events),
                webhook.description,
                self.0.secret.reveal(),
                webhook.created_at.as_millis(),
            ])?;
        writing.has_webhooks = Some(true);
        Ok(WebhookCreated::Created(Box::new(webhook)))
    }
}

/// [`update_webhook`](postrider_core::ports::webhooks::WebhookLedger::update_webhook).
pub(crate) struct UpdateWebhook {
    pub(crate) id: WebhookId,
    pub(crate) change: WebhookChange,
    pub(crate) now: Timestamp,
}

impl WriteStep for UpdateWebhook {
    type Output = Option<Webhook>;

    fn bytes(&self) -> usize {
        4096
    }

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Option<Webhook>> {
        let Some(mut stored) = load_webhook(writing.connection, self.id)? else { return Ok(None) };
        stored.hasten |= stored.webhook.change(&self.change, self.now) == Waiting::Hasten;
        writing.store_webhook(&stored)?;
        Ok(Some(stored.webhook))
    }
}

/// [`delete_webhook`](postrider_core::ports::webhooks::WebhookLedger::delete_webhook).
pub(crate) struct DeleteWebhook(pub(crate) WebhookId);

impl WriteStep for DeleteWebhook {
    type Output = bool;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<bool> {
        let Some(stored) = load_webhook(writing.connection, self.0)? else { return Ok(false) };
        // Its calls can be many: they go a few at a time, with the housekeeping of later claims.
        writing.prepare("INSERT INTO webhook_leftovers (webhook_seq) VALUES (?1)")?.execute([stored.seq])?;
        writing.prepare("DELETE FROM webhooks WHERE seq = ?1")?.execute([stored.seq])?;
        writing.has_webhooks = None;
        Ok(true)
    }
}

impl Writing<'_> {
    /// Stores what may have changed about an endpoint.
    pub(super) fn store_webhook(&self, stored: &StoredWebhook) -> rusqlite::Result<()> {
        let webhook = &stored.webhook;
        let disabled = match webhook.state {
            WebhookState::Enabled => None,
            WebhookState::Disabled { at, reason } => Some((at, reason)),
        };
        let old_secret = webhook.secrets.get(1);
        self.prepare(
            "UPDATE webhooks SET url = ?2, events = ?3, description = ?4, secret = ?5, old_secret = ?6, \
             old_secret_until = ?7, disabled_at = ?8, disabled_reason = ?9, failing_since = ?10, last_success_at = ?11, \
             last_failure_at = ?12, lost_calls = ?13, pending_calls = ?14, cursor = ?15, hasten = ?16 WHERE seq = ?1",
        )?
        .execute(params![
            stored.seq,
            webhook.url.as_str(),
            mask_of_events(&webhook.events),
            webhook.description,
            webhook.secrets.first().map(SigningSecret::reveal),
            old_secret.map(SigningSecret::reveal),
            old_secret.and_then(|secret| secret.expires_at).map(Timestamp::as_millis),
            disabled.map(|(at, _)| at.as_millis()),
            disabled.map(|(_, reason)| disabled_code(reason)),
            webhook.failing_since.map(Timestamp::as_millis),
            webhook.last_success_at.map(Timestamp::as_millis),
            webhook.last_failure_at.map(Timestamp::as_millis),
            webhook.lost_calls,
            webhook.pending_calls,
            stored.cursor,
            stored.hasten,
        ])?;
        Ok(())
    }

    /// Adds to the feed what the timeline entry at `place` (notification and number) tells, if there is anybody to
    /// tell.
    pub(super) fn note_change(
        &mut self,
        place: (i64, i64),
        entry: &TimelineEntry,
        before: Option<Status>,
        after: Status,
    ) -> rusqlite::Result<()> {
        let Some(event) = WebhookEvent::of(entry.kind, before, after) else { return Ok(()) };
        if !self.has_webhooks()? {
            return Ok(());
        }
        self.prepare(
            "INSERT INTO changes (at, notification_seq, entry, event, status) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((entry.at.as_millis(), place.0, place.1, event_code(event), status_code(after)))?;
        Ok(())
    }

    fn has_webhooks(&mut self) -> rusqlite::Result<bool> {
        if let Some(known) = self.has_webhooks {
            return Ok(known);
        }
        let found = self.prepare("SELECT 1 FROM webhooks LIMIT 1")?.query_row([], |_| Ok(())).optional()?;
        Ok(*self.has_webhooks.insert(found.is_some()))
    }
}

//! Endpoints.

use std::collections::BTreeSet;

use postrider_core::domain::id::WebhookId;
use postrider_core::domain::webhook::{SigningSecret, Webhook, WebhookEvent, WebhookState, WebhookUrl};
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::rows::{decoded, instant, optional_instant};
use postrider_core::ports::codes::{disabled_from_code, event_code};

/// `SELECT`, the columns [`StoredWebhook::read`] expects in its order, and the rest of the statement.
macro_rules! select_webhook {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, url, events, description, secret, old_secret, old_secret_until, created_at, ",
            "disabled_at, disabled_reason, failing_since, last_success_at, last_failure_at, lost_calls, ",
            "pending_calls, cursor, hasten FROM webhooks ",
            $rest
        )
    };
}

/// A row of `webhooks`.
pub(crate) struct StoredWebhook {
    pub(crate) seq: i64,
    /// The last change that it was looked through for.
    pub(crate) cursor: i64,
    /// Whether calls that failed are to be made due.
    pub(crate) hasten: bool,
    pub(crate) webhook: Webhook,
}

impl StoredWebhook {
    /// Reads a row of [`select_webhook`].
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let mut secrets = vec![SigningSecret::new(row.get::<_, String>(5)?)];
        if let Some(old) = row.get::<_, Option<String>>(6)? {
            secrets.push(SigningSecret::new(old).until(optional_instant(row, 7)?));
        }
        let state = match optional_instant(row, 9)? {
            None => WebhookState::Enabled,
            Some(at) => {
                WebhookState::Disabled { at, reason: decoded(row, 10, disabled_from_code(row.get(10)?))? }
            }
        };
        let webhook = Webhook {
            id: WebhookId::from_bytes(row.get(1)?),
            url: decoded(row, 2, WebhookUrl::parse(row.get_ref(2)?.as_str()?).ok())?,
            events: events_of_mask(row.get(3)?),
            description: row.get(4)?,
            secrets,
            created_at: instant(row, 8)?,
            state,
            failing_since: optional_instant(row, 11)?,
            last_success_at: optional_instant(row, 12)?,
            last_failure_at: optional_instant(row, 13)?,
            lost_calls: row.get(14)?,
            pending_calls: row.get(15)?,
        };
        Ok(Self { seq: row.get(0)?, cursor: row.get(16)?, hasten: row.get(17)?, webhook })
    }
}

/// The stored form of a filter.
pub(crate) fn mask_of_events(events: &BTreeSet<WebhookEvent>) -> i64 {
    events.iter().fold(0, |mask, event| mask | 1 << event_code(*event))
}

fn events_of_mask(mask: i64) -> BTreeSet<WebhookEvent> {
    WebhookEvent::ALL.into_iter().filter(|event| mask & (1 << event_code(*event)) != 0).collect()
}

/// Every endpoint, oldest first.
pub(crate) fn load_webhooks(connection: &Connection) -> rusqlite::Result<Vec<StoredWebhook>> {
    connection.prepare_cached(select_webhook!("ORDER BY seq"))?.query_map([], StoredWebhook::read)?.collect()
}

/// The endpoint named `id`.
pub(crate) fn load_webhook(
    connection: &Connection,
    id: WebhookId,
) -> rusqlite::Result<Option<StoredWebhook>> {
    connection
        .prepare_cached(select_webhook!("WHERE id = ?1"))?
        .query_row([id.to_bytes()], StoredWebhook::read)
        .optional()
}

/// Every endpoint, oldest first, as the port tells it.
pub(crate) fn webhooks(connection: &Connection) -> rusqlite::Result<Vec<Webhook>> {
    Ok(load_webhooks(connection)?.into_iter().map(|stored| stored.webhook).collect())
}

/// One endpoint, as the port tells it.
pub(crate) fn webhook(connection: &Connection, id: WebhookId) -> rusqlite::Result<Option<Webhook>> {
    Ok(load_webhook(connection, id)?.map(|stored| stored.webhook))
}

//! Claiming calls.

use postrider_core::domain::time::Timestamp;
use postrider_core::limits::WEBHOOK_CLAIM_MAX;
use postrider_core::ports::webhooks::{ClaimCalls, WebhookCall, WebhookCalls};
use rusqlite::OptionalExtension as _;

use super::webhook_queue::{CallRow, remove, take};
use super::webhook_upkeep::{clear_leftovers, fan_out, hasten, prune, take_back_lapsed};
use super::{WriteStep, Writing};
use crate::queries::{StoredWebhook, load_webhooks};
use crate::rows::{decoded, entry, entry_columns, instant, load_seq};
use postrider_core::ports::codes::{event_from_code, status_from_code};

/// [`claim_calls`](postrider_core::ports::webhooks::WebhookLedger::claim_calls).
pub(crate) struct ClaimingCalls(pub(crate) ClaimCalls);

impl WriteStep for ClaimingCalls {
    type Output = WebhookCalls;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<WebhookCalls> {
        let ClaimCalls { now, lease_until, limit, per_endpoint } = self.0;
        let limit = limit.min(WEBHOOK_CLAIM_MAX);
        let mut endpoints = load_webhooks(writing.connection)?;
        prune(writing, &mut endpoints, now)?;
        clear_leftovers(writing)?;
        endpoints.retain(|stored| stored.webhook.is_enabled());
        let mut has_more = fan_out(writing, &mut endpoints, now)?;
        let mut candidates = Vec::new();
        for (index, stored) in endpoints.iter_mut().enumerate() {
            take_back_lapsed(writing, stored, now)?;
            has_more |= hasten(writing, stored, now)?;
            let in_hand = in_hand(writing, stored)?;
            let room = per_endpoint.saturating_sub(in_hand).min(limit);
            for (rank, (due_at, call)) in due(writing, stored, now, room)?.into_iter().enumerate() {
                candidates.push((in_hand + rank, due_at, index, call));
            }
        }
        // One call of each endpoint before the second of any: whoever is slow holds its own places and no others.
        candidates
            .sort_unstable_by_key(|(rank, due_at, index, call)| (*rank, *due_at, *index, call.change_n));
        candidates.truncate(limit);
        let mut calls = Vec::with_capacity(candidates.len());
        for (_, _, index, call) in candidates {
            let Some(stored) = endpoints.get_mut(index) else { continue };
            let call = CallRow { attempts: call.attempts.saturating_add(1), ..call };
            match load(writing, stored, call, now)? {
                Some(told) => {
                    take(writing, call, lease_until)?;
                    calls.push(told);
                }
                None => {
                    // What it told of is no longer there: the notification was removed.
                    remove(writing, stored, call.change_n)?;
                    writing.store_webhook(stored)?;
                    has_more = true;
                }
            }
        }
        let next_due_at = if has_more { Some(now) } else { next_due_at(writing, &endpoints, now)? };
        Ok(WebhookCalls { calls, next_due_at })
    }
}

/// How many calls of an endpoint are on their way.
fn in_hand(writing: &Writing<'_>, stored: &StoredWebhook) -> rusqlite::Result<usize> {
    writing
        .prepare(
            "SELECT count(*) FROM webhook_calls INDEXED BY webhook_calls_in_hand \
             WHERE state = 2 AND webhook_seq = ?1",
        )?
        .query_row([stored.seq], |row| row.get(0))
}

fn due(
    writing: &Writing<'_>,
    stored: &StoredWebhook,
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<(Timestamp, CallRow)>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    writing
        .prepare(
            "SELECT due_at, change_n, notification_seq, attempts FROM webhook_calls INDEXED BY webhook_calls_waiting \
             WHERE state = 1 AND webhook_seq = ?1 AND due_at <= ?2 ORDER BY due_at, change_n LIMIT ?3",
        )?
        .query_map((stored.seq, now.as_millis(), limit), |row| {
            let call = CallRow {
                webhook_seq: stored.seq,
                change_n: row.get(1)?,
                notification_seq: row.get(2)?,
                attempts: row.get(3)?,
            };
            Ok((instant(row, 0)?, call))
        })?
        .collect()
}

/// Everything needed to make the call.
fn load(
    writing: &Writing<'_>,
    stored: &StoredWebhook,
    call: CallRow,
    now: Timestamp,
) -> rusqlite::Result<Option<WebhookCall>> {
    let change = writing
        .prepare("SELECT at, entry, event, status FROM changes WHERE n = ?1")?
        .query_row([call.change_n], |row| {
            let event = decoded(row, 2, event_from_code(row.get(2)?))?;
            let status = decoded(row, 3, status_from_code(row.get(3)?))?;
            Ok((instant(row, 0)?, row.get::<_, i64>(1)?, event, status))
        })
        .optional()?;
    let Some((at, n, event, status)) = change else { return Ok(None) };
    let told = writing
        .prepare(concat!(
            "SELECT ",
            entry_columns!(),
            " FROM timeline WHERE notification_seq = ?1 AND n = ?2"
        ))?
        .query_row((call.notification_seq, n), entry)
        .optional()?;
    let (Some(told), Some(notification)) = (told, load_seq(writing.connection, call.notification_seq)?)
    else {
        return Ok(None);
    };
    Ok(Some(WebhookCall {
        webhook: stored.webhook.id,
        url: stored.webhook.url.clone(),
        secrets: stored.webhook.secrets_at(now),
        change: call.change_n.unsigned_abs(),
        attempt: call.attempts,
        event,
        at,
        notification: notification.with_event_labels(writing.connection)?,
        status,
        entry: told,
    }))
}

fn next_due_at(
    writing: &Writing<'_>,
    endpoints: &[StoredWebhook],
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    const NEXT: [&str; 2] = [
        "SELECT due_at FROM webhook_calls INDEXED BY webhook_calls_waiting \
         WHERE state = 1 AND webhook_seq = ?1 AND due_at > ?2 ORDER BY due_at LIMIT 1",
        "SELECT due_at FROM webhook_calls INDEXED BY webhook_calls_in_hand \
         WHERE state = 2 AND webhook_seq = ?1 AND due_at > ?2 ORDER BY due_at LIMIT 1",
    ];
    let mut next: Option<Timestamp> = None;
    for stored in endpoints {
        for sql in NEXT {
            let due_at = writing
                .prepare(sql)?
                .query_row((stored.seq, now.as_millis()), |row| instant(row, 0))
                .optional()?;
            next = match (next, due_at) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
    }
    Ok(next)
}

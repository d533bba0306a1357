//! Storing an event and its notifications, or finding the ones stored before.

use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::notification::{BusinessKey, Notification, PlannedNotification};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::{AcceptResult, Acceptance, Accepted, AcceptedNotification, Claim};
use rusqlite::{ErrorCode, OptionalExtension as _, params};

use super::{WriteStep, Writing};
use crate::queries::{order_hash, recall_answer, remember_answer};
use crate::rows::{
    SEQ_STRETCH, StoredNotification, address_hash, hash_of, load, select_notification, seq_of_id,
};
use postrider_core::ports::codes::{priority_code, status_code};

/// [`accept`](postrider_core::ports::ledger::Ledger::accept).
pub(crate) struct Accept(pub(crate) Acceptance);

impl WriteStep for Accept {
    type Output = AcceptResult;

    fn bytes(&self) -> usize {
        256 + self.0.event.data.len()
    }

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<AcceptResult> {
        let acceptance = &self.0;
        if let Some(idempotency) = &acceptance.idempotency
            && let Some((request, answer)) =
                recall_answer(writing.connection, idempotency.key, acceptance.now)?
        {
            return Ok(if request == idempotency.request {
                AcceptResult::Replayed(answer)
            } else {
                AcceptResult::IdempotencyKeyReused
            });
        }
        let mut known = Vec::with_capacity(acceptance.notifications.len());
        for (_, plan) in &acceptance.notifications {
            let existing = find_by_key(writing, plan.business_key)?;
            if let Some(existing) = &existing
                && existing.data_fingerprint != acceptance.data_fingerprint
            {
                return Ok(AcceptResult::BusinessKeyConflict {
                    existing: existing.notification.id,
                    notification_type: existing.notification.notification_type.clone(),
                });
            }
            known.push(existing);
        }
        let accepted = store(writing, acceptance, known)?;
        if let Some(idempotency) = &acceptance.idempotency {
            let answer = (idempotency.answer)(&accepted);
            remember_answer(
                writing.connection,
                idempotency.key,
                idempotency.request,
                &answer,
                acceptance.now,
            )?;
        }
        Ok(AcceptResult::Accepted(accepted))
    }
}

fn store(
    writing: &mut Writing<'_>,
    acceptance: &Acceptance,
    known: Vec<Option<StoredNotification>>,
) -> rusqlite::Result<Accepted> {
    let mut notifications = Vec::with_capacity(known.len());
    let mut event_seq = None;
    let mut first_event = None;
    let mut same_first_event = true;
    let mut added: Vec<(BusinessKey, usize)> = Vec::new();
    let mut claims = Vec::new();
    if known.is_empty() {
        insert_event(writing, acceptance)?;
    }
    for ((id, plan), existing) in acceptance.notifications.iter().zip(known) {
        if let Some(existing) = existing {
            same_first_event &= *first_event.get_or_insert(existing.event_seq) == existing.event_seq;
            notifications.push(duplicate(existing));
            continue;
        }
        if let Some((_, index)) = added.iter().find(|(key, _)| *key == plan.business_key) {
            // Two types of one event cannot share a key, one type twice for one event can.
            let twin: &AcceptedNotification = &notifications[*index];
            notifications.push(AcceptedNotification { duplicate: true, ..twin.clone() });
            continue;
        }
        let seq = match event_seq {
            Some(seq) => seq,
            None => *event_seq.insert(insert_event(writing, acceptance)?),
        };
        let lifecycle = insert_notification(writing, acceptance, *id, plan, seq)?;
        let status = lifecycle.status;
        if status == Status::Sending {
            let notification = new_notification(acceptance, *id, plan, lifecycle);
            claims.push(Claim { notification, event: acceptance.event.clone() });
        }
        added.push((plan.business_key, notifications.len()));
        notifications.push(AcceptedNotification {
            id: *id,
            notification_type: plan.notification_type.clone(),
            to: plan.to.clone(),
            status,
            duplicate: false,
        });
    }
    let event_id = match first_event {
        Some(seq) if event_seq.is_none() && same_first_event => event_id(writing, seq)?,
        _ => acceptance.event.id.clone(),
    };
    Ok(Accepted { event_id, notifications, claims })
}

/// A notification as it is once it is stored.
fn new_notification(
    acceptance: &Acceptance,
    id: NotificationId,
    plan: &PlannedNotification,
    lifecycle: Lifecycle,
) -> Notification {
    Notification {
        id,
        event_id: acceptance.event.id.clone(),
        notification_type: plan.notification_type.clone(),
        to: plan.to.clone(),
        order_id: plan.order_id.clone(),
        correlation_id: acceptance.event.correlation_id.clone(),
        priority: plan.priority,
        category: plan.category.clone(),
        created_at: acceptance.now,
        updated_at: acceptance.now,
        send_at: acceptance.send_at,
        lifecycle,
    }
}

fn duplicate(existing: StoredNotification) -> AcceptedNotification {
    let notification = existing.notification;
    AcceptedNotification {
        id: notification.id,
        notification_type: notification.notification_type,
        to: notification.to,
        status: notification.lifecycle.status,
        duplicate: true,
    }
}

fn find_by_key(writing: &Writing<'_>, key: BusinessKey) -> rusqlite::Result<Option<StoredNotification>> {
    let bytes = key.to_bytes();
    writing
        .prepare(select_notification!("WHERE key_hash = ?1 AND business_key = ?2"))?
        .query_row((hash_of(bytes), bytes), StoredNotification::read)
        .optional()
}

fn event_id(writing: &Writing<'_>, seq: i64) -> rusqlite::Result<EventId> {
    writing
        .prepare("SELECT id FROM events WHERE seq = ?1")?
        .query_row([seq], |row| row.get::<_, String>(0))
        .map(EventId::given)
}

fn insert_event(writing: &Writing<'_>, acceptance: &Acceptance) -> rusqlite::Result<i64> {
    let event = &acceptance.event;
    writing
        .prepare(
            "INSERT INTO events (id, source, event_type, data, correlation_id, locale) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .insert(params![
            event.id.as_str(),
            event.source,
            event.event_type,
            event.data,
            event.correlation_id,
            event.locale,
        ])
}

fn insert_notification(
    writing: &mut Writing<'_>,
    acceptance: &Acceptance,
    id: NotificationId,
    plan: &PlannedNotification,
    event_seq: i64,
) -> rusqlite::Result<Lifecycle> {
    let suppressed = writing.suppression(&plan.to, &plan.category, acceptance.now)?;
    let (lifecycle, entry) = acceptance.beginning(suppressed.as_ref());
    let insert = |seq: i64| {
        writing
            .prepare(
                "INSERT INTO notifications (seq, id, event_seq, notification_type, business_key, data_fingerprint, \
                 to_address, order_id, priority, created_at, send_at, updated_at, status, due_at, fence, attempts, \
                 cause, entries, key_hash, to_hash, order_hash, category) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?10, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
                 ?21)",
            )?
            .execute(params![
                seq,
                id.to_bytes(),
                event_seq,
                plan.notification_type,
                plan.business_key.to_bytes(),
                acceptance.data_fingerprint.to_bytes(),
                plan.to.as_str(),
                plan.order_id,
                priority_code(plan.priority),
                acceptance.now.as_millis(),
                acceptance.send_at.map(Timestamp::as_millis),
                status_code(lifecycle.status),
                lifecycle.due_at.map(Timestamp::as_millis),
                lifecycle.fence,
                lifecycle.attempts,
                lifecycle.cause.as_ref().map(Cause::as_str),
                i64::from(entry.is_some()),
                hash_of(plan.business_key.to_bytes()),
                address_hash(&plan.to),
                order_hash(plan),
                (!plan.category.is_transactional()).then(|| plan.category.as_str()),
            ])
    };
    let mut seq = seq_of_id(id);
    match insert(seq) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            seq = free_seq(writing, id)?.ok_or(error)?;
            insert(seq)?;
        }
        other => {
            other?;
        }
    }
    if let Some(entry) = entry {
        writing.add_entry(seq, 1, &entry, None)?;
        writing.note_change((seq, 1), &entry, None, lifecycle.status)?;
    }
    writing
        .prepare("INSERT INTO notification_types (name) VALUES (?1) ON CONFLICT (name) DO NOTHING")?
        .execute([&plan.notification_type])?;
    writing.count_new(lifecycle.status);
    Ok(lifecycle)
}

/// A row number near the taken one; none if the id itself is taken, which random ids never are.
fn free_seq(writing: &Writing<'_>, id: NotificationId) -> rusqlite::Result<Option<i64>> {
    if load(writing.connection, id)?.is_some() {
        return Ok(None);
    }
    let first = seq_of_id(id);
    let end = first.saturating_add(SEQ_STRETCH);
    let mut statement =
        writing.prepare("SELECT seq FROM notifications WHERE seq >= ?1 AND seq < ?2 ORDER BY seq")?;
    let mut taken = statement.query([first, end])?;
    let mut free = first;
    while let Some(row) = taken.next()? {
        if row.get::<_, i64>(0)? != free {
            break;
        }
        free += 1;
    }
    Ok((free < end).then_some(free))
}

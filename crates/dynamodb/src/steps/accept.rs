//! Storing an event and its notifications, or finding the ones stored before.

use std::borrow::Cow;

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::notification::{Notification, PlannedNotification};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::ports::ledger::{
    AcceptResult, Acceptance, Accepted, AcceptedNotification, Claim, LedgerError,
};

use super::answers::{recall_in, remember_in};
use crate::config::PayloadPolicy;
use crate::context::Context;
use crate::keys;
use crate::record::{Data, EventLabels, Record, pack};
use crate::table::{Change, Condition, Indexed, Item, Key, Write};
use crate::work::{Step, Work};

/// [`accept`](postrider_core::ports::ledger::Ledger::accept).
pub(crate) struct Accept {
    acceptance: Acceptance,
    /// What each notification's item says that never changes, packed.
    constants: Vec<Option<Vec<u8>>>,
    /// Where the event's data goes, if it is too large to stand in each notification's item, and what is stored there.
    apart: Option<(Fingerprint, Vec<u8>)>,
}

impl Accept {
    /// Prepares the step: looks whether the event is large, and sees to it that its types are on the list of types.
    pub(crate) async fn new(acceptance: Acceptance, context: &Context) -> Result<Self, LedgerError> {
        for (_, plan) in &acceptance.notifications {
            if plan.order_id.is_some() {
                context.remember_type(&plan.notification_type).await?;
            }
        }
        let mut step = Self { apart: None, constants: Vec::new(), acceptance };
        let pack_data = |step: &Self| pack(step.acceptance.event.data.as_bytes());
        if let PayloadPolicy::RefuseOver(most) = context.payload {
            let len = pack_data(&step).len();
            if len > most {
                let reason = format!(
                    "the event {} has {len} bytes when compressed, and the ledger is configured to keep at most {most}; \
                     send less, or raise ledger.payload_bytes_max",
                    step.acceptance.event.id,
                );
                return Err(LedgerError::Unavailable { reason });
            }
        }
        let mut is_large = false;
        let mut constants = Vec::new();
        for (id, plan) in &step.acceptance.notifications {
            let mut record = step.new_record(*id, plan, None, None);
            record.seal();
            is_large |= Record::is_large(&record.draft(context));
            constants.push(record.constant);
        }
        if is_large {
            let content = Fingerprint::of_parts(&[b"payload", step.acceptance.event.data.as_bytes()]);
            step.apart = Some((content, pack_data(&step)));
            // Where the data is has become another.
            constants = vec![None; constants.len()];
        }
        step.constants = constants;
        Ok(step)
    }

    /// A notification as it is first stored; `suppressed` says that its recipient gets no mail, and why.
    fn new_record(
        &self,
        id: NotificationId,
        plan: &PlannedNotification,
        constant: Option<Vec<u8>>,
        suppressed: Option<&Cause>,
    ) -> Record {
        let Acceptance { event, now, .. } = &self.acceptance;
        let (lifecycle, entry) = self.acceptance.beginning(suppressed);
        let notification = Notification {
            id,
            event_id: event.id.clone(),
            notification_type: plan.notification_type.clone(),
            to: plan.to.clone(),
            order_id: plan.order_id.clone(),
            correlation_id: event.correlation_id.clone(),
            priority: plan.priority,
            category: plan.category.clone(),
            created_at: *now,
            updated_at: *now,
            send_at: self.acceptance.send_at,
            lifecycle,
        };
        Record {
            notification,
            business_key: plan.business_key.to_bytes(),
            data_fingerprint: self.acceptance.data_fingerprint,
            labels: EventLabels {
                source: event.source.clone(),
                event_type: event.event_type.clone(),
                locale: event.locale.clone(),
            },
            data: match &self.apart {
                Some((content, _)) => Data::Apart(*content),
                None => Data::Inline(event.data.clone()),
            },
            copy: None,
            entries: entry.into_iter().collect(),
            pieces: 0,
            moved: 0,
            moved_sent_at: None,
            constant,
        }
    }

    /// The notification that has the business key of `plan`, if there is one.
    async fn existing(
        &self,
        work: &mut Work<'_>,
        id: NotificationId,
        plan: &PlannedNotification,
    ) -> Result<Option<Record>, LedgerError> {
        let key = keys::notification(id);
        let context = work.context;
        let Some(body) = work.body(&key).await? else { return Ok(None) };
        let record = Record::read(body).map_err(|garbled| context.garbled(&key, &garbled))?;
        if record.business_key == plan.business_key.to_bytes() {
            return Ok(Some(record));
        }
        Err(collision(&key, record.notification.id))
    }

    async fn store(&self, work: &mut Work<'_>) -> Result<Accepted, LedgerError> {
        let mut notifications = Vec::new();
        let mut first_events: Vec<EventId> = Vec::new();
        let mut claims = Vec::new();
        let mut is_apart_stored = false;
        for ((id, plan), constant) in self.acceptance.notifications.iter().zip(&self.constants) {
            if let Some(existing) = self.existing(work, *id, plan).await? {
                first_events.push(existing.notification.event_id.clone());
                notifications.push(answer(&existing, true));
                continue;
            }
            let suppressed = work.context.suppression(&plan.to, &plan.category, self.acceptance.now).await?;
            let mut record = self.new_record(*id, plan, constant.clone(), suppressed.as_ref());
            for entry in &record.entries {
                work.note_change(*id, entry, None, record.status());
            }
            if let Some((content, packed)) = self.apart.as_ref().filter(|_| !is_apart_stored) {
                store_apart(work.context, *content, packed).await?;
                is_apart_stored = true;
            }
            if record.status() == Status::Sending {
                let event = self.acceptance.event.clone();
                claims.push(Claim { notification: record.notification.clone(), event });
                work.remember(keys::notification(*id));
            }
            notifications.push(answer(&record, false));
            work.save(&mut record);
        }
        let all_known = !notifications.is_empty() && notifications.iter().all(|each| each.duplicate);
        let event_id = match first_events.first() {
            Some(first) if all_known && first_events.iter().all(|event| event == first) => first.clone(),
            _ => self.acceptance.event.id.clone(),
        };
        Ok(Accepted { event_id, notifications, claims })
    }
}

impl Step for Accept {
    type Output = AcceptResult;

    async fn run(&self, work: &mut Work<'_>) -> Result<AcceptResult, LedgerError> {
        let acceptance = &self.acceptance;
        if let Some(idempotency) = &acceptance.idempotency
            && let Some((request, answer)) = recall_in(work, idempotency.key, acceptance.now).await?
        {
            return Ok(if request == idempotency.request {
                AcceptResult::Replayed(answer)
            } else {
                AcceptResult::IdempotencyKeyReused
            });
        }
        let keys: Vec<Key> = acceptance.notifications.iter().map(|(id, _)| keys::notification(*id)).collect();
        match keys.as_slice() {
            // The usual case, an order that is new: believed without a look. The write tells if it is not, and what is
            // there instead.
            [one] if !work.is_repeated() && self.apart.is_none() && acceptance.idempotency.is_none() => {
                work.take(one.clone(), None);
            }
            all => work.read_all(all).await?,
        }
        for (id, plan) in &acceptance.notifications {
            if let Some(existing) = self.existing(work, *id, plan).await?
                && existing.data_fingerprint != acceptance.data_fingerprint
            {
                return Ok(AcceptResult::BusinessKeyConflict {
                    existing: existing.notification.id,
                    notification_type: existing.notification.notification_type,
                });
            }
        }
        let accepted = self.store(work).await?;
        if let Some(idempotency) = &acceptance.idempotency {
            let answer = (idempotency.answer)(&accepted);
            remember_in(work, idempotency.key, idempotency.request, &answer, acceptance.now);
        }
        Ok(AcceptResult::Accepted(accepted))
    }
}

fn answer(record: &Record, duplicate: bool) -> AcceptedNotification {
    let notification = &record.notification;
    AcceptedNotification {
        id: notification.id,
        notification_type: notification.notification_type.clone(),
        to: notification.to.clone(),
        status: record.status(),
        duplicate,
    }
}

/// Stores an event's data by its content, before anything refers to it. Whoever stores it again stores the same; what
/// nobody comes to refer to is in nobody's way.
async fn store_apart(context: &Context, content: Fingerprint, packed: &[u8]) -> Result<(), LedgerError> {
    let token = context.calls.new_token();
    let item = Item {
        key: keys::payload(content),
        version: 1,
        token,
        indexed: Indexed::default(),
        label: Some(Cow::Borrowed("event")),
        expires_at: None,
        body: packed.to_vec(),
    };
    let write = Write { change: Change::Put(Box::new(item)), condition: Condition::None };
    context.calls.write(&[write], token).await.map(|_| ())
}

/// Two business keys whose hashes agree in 80 bits: among a billion notifications a chance of one in two million.
fn collision(key: &Key, existing: NotificationId) -> LedgerError {
    LedgerError::Unavailable {
        reason: format!(
            "the business key of this event has the same short hash as that of {existing} (item {key}), which is \
             another one; nothing was stored. Send this notification by hand, or give its type another dedup expression"
        ),
    }
}

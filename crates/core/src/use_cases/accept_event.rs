//! Takes an event in: validates it, plans its notifications, makes them durable.

use crate::domain::event::{Event, StoredEvent, check_send_at};
use crate::domain::id::{EventId, NotificationId};
use crate::domain::notification::PlannedNotification;
use crate::domain::outcome::Cause;
use crate::domain::problem::{FieldError, FieldErrors};
use crate::domain::suppression::Secret;
use crate::domain::time::Timestamp;
use crate::ingest::Rejected;
use crate::ports::catalog::{Catalog, Rejection};
use crate::ports::clock::{Clock, Random};
use crate::ports::ledger::{AcceptResult, Acceptance, Idempotency, Ledger, LedgerError};

/// Everything that is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongEvent {
    /// The wrong fields, each where its sender knows it.
    pub errors: Vec<FieldError>,
    /// Whether no notification type answers its type.
    pub is_unknown_type: bool,
}

/// Why an event was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// The event itself is not acceptable.
    Wrong(WrongEvent),
    /// The ledger could not make it durable.
    Ledger(LedgerError),
}

/// Everything acceptance needs besides the event.
pub struct AcceptEvent<'a> {
    /// Where it is made durable.
    pub ledger: &'a dyn Ledger,
    /// What knows the notification types.
    pub catalog: &'a dyn Catalog,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The source of event ids.
    pub random: &'a dyn Random,
    /// What makes notification ids unguessable.
    pub secret: &'a Secret,
    /// Until when the caller claims what is new and due, to send it itself; `None` leaves it to whoever claims next.
    pub lease_until: Option<Timestamp>,
    /// Why everything is on hold, if it is.
    pub hold: Option<Cause>,
}

impl AcceptEvent<'_> {
    /// Accepts the event that was read, or says everything that is wrong with it: where its envelope is wrong but its
    /// type and data could be read, the data is held to its schema all the same. When this returns `Ok`, what it says
    /// is durable.
    ///
    /// # Errors
    /// [`AcceptError::Wrong`] if the event is wrong, [`AcceptError::Ledger`] if it could not be stored.
    pub async fn run(
        &self,
        read: Result<Event, Rejected>,
        idempotency: Option<Idempotency>,
    ) -> Result<AcceptResult, AcceptError> {
        let now = self.clock.now();
        let event = match read {
            Ok(event) => event,
            Err(Rejected { mut errors, partial }) => {
                let is_unknown_type =
                    partial.is_some_and(|event| self.plan(&event, now, &mut errors).is_unknown_type);
                return Err(AcceptError::Wrong(WrongEvent { errors: errors.into_vec(), is_unknown_type }));
            }
        };
        let mut errors = FieldErrors::default();
        let Plan { planned, is_unknown_type } = self.plan(&event, now, &mut errors);
        if !errors.is_empty() {
            return Err(AcceptError::Wrong(WrongEvent { errors: errors.into_vec(), is_unknown_type }));
        }
        let notifications = planned
            .into_iter()
            .map(|plan| (NotificationId::for_key(now, self.secret, plan.business_key), plan))
            .collect();
        let data_fingerprint = event.data_fingerprint();
        let id = event.id.unwrap_or_else(|| EventId::generate(now, self.random.next_u128()));
        let acceptance = Acceptance {
            event: StoredEvent {
                id,
                source: event.source,
                event_type: event.event_type,
                data: event.data.to_string(),
                correlation_id: event.correlation_id,
                locale: event.locale,
            },
            data_fingerprint,
            notifications,
            send_at: event.send_at,
            now,
            idempotency,
            lease_until: self.lease_until,
            hold: self.hold.clone(),
        };
        self.ledger.accept(acceptance).await.map_err(AcceptError::Ledger)
    }

    /// What the event calls for, with everything that forbids it in `errors`.
    fn plan(&self, event: &Event, now: Timestamp, errors: &mut FieldErrors) -> Plan {
        if let Some(Err(message)) = event.send_at.map(|send_at| check_send_at(send_at, now)) {
            errors.push(FieldError::new(event.pointers.send_at, message));
        }
        match self.catalog.plan(event) {
            Ok(planned) => return Plan { planned, is_unknown_type: false },
            Err(Rejection::Invalid(wrong)) => errors.extend(wrong),
            Err(Rejection::UnknownEventType { nearest }) => {
                let hint = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
                let message = format!("is not an event type that any notification type answers{hint}");
                errors.push(FieldError::new(event.pointers.event_type, message));
                return Plan { planned: Vec::new(), is_unknown_type: true };
            }
        }
        Plan { planned: Vec::new(), is_unknown_type: false }
    }
}

struct Plan {
    planned: Vec<PlannedNotification>,
    is_unknown_type: bool,
}

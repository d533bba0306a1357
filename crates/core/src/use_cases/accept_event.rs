//! Takes an event in: validates it, plans its notifications, makes them durable.

use crate::domain::event::{Event, StoredEvent, check_send_at};
use crate::domain::id::{EventId, NotificationId};
use crate::domain::problem::FieldError;
use crate::ports::catalog::{Catalog, Rejection};
use crate::ports::clock::{Clock, Random};
use crate::ports::ledger::{AcceptResult, Acceptance, Idempotency, Ledger, LedgerError};

/// Why an event was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// The event itself is not acceptable.
    Rejected(Rejection),
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
    /// The source of ids.
    pub random: &'a dyn Random,
}

impl AcceptEvent<'_> {
    /// Accepts `event`. When this returns `Ok`, what it says is durable.
    ///
    /// # Errors
    /// [`AcceptError::Rejected`] if the event is wrong, [`AcceptError::Ledger`] if it could not be stored.
    pub async fn run(
        &self,
        event: Event,
        idempotency: Option<Idempotency>,
    ) -> Result<AcceptResult, AcceptError> {
        let now = self.clock.now();
        if let Some(send_at) = event.send_at {
            check_send_at(send_at, now).map_err(|message| {
                AcceptError::Rejected(Rejection::Invalid(vec![FieldError::new("/sendAt", message)]))
            })?;
        }
        let planned = self.catalog.plan(&event).map_err(AcceptError::Rejected)?;
        let notifications = planned
            .into_iter()
            .map(|plan| (NotificationId::new(now, self.random.next_u128()), plan))
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
        };
        self.ledger.accept(acceptance).await.map_err(AcceptError::Ledger)
    }
}

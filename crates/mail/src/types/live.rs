//! Notification types that can be exchanged while a server runs.

use std::sync::{Arc, PoisonError, RwLock};

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::event::{Event, StoredEvent};
use postrider_core::domain::guard::Guards;
use postrider_core::domain::notification::{Notification, PlannedNotification};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::{Catalog, ComposeFailure, Composed, Rejection};

use super::TypeSet;

/// The notification types in force. Whoever has taken [`LiveTypes::current`] keeps that set until the work is done.
#[derive(Debug)]
pub struct LiveTypes(RwLock<Arc<TypeSet>>);

impl LiveTypes {
    /// Begins with `types`.
    #[must_use]
    pub fn new(types: TypeSet) -> Self {
        Self(RwLock::new(Arc::new(types)))
    }

    /// The set in force now.
    #[must_use]
    pub fn current(&self) -> Arc<TypeSet> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts `types` in force. Their renditions must be in the ledger already: the next message may be made of them.
    pub fn replace(&self, types: TypeSet) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(types);
    }
}

impl Catalog for LiveTypes {
    fn plan(&self, event: &Event) -> Result<Vec<PlannedNotification>, Rejection> {
        self.current().plan(event)
    }

    fn guards(&self, notification_type: &str) -> Option<Arc<Guards>> {
        self.current().guards(notification_type)
    }

    fn stands_in(&self, address: Option<&EmailAddress>) -> bool {
        self.current().stands_in(address)
    }

    fn compose(
        &self,
        notification: &Notification,
        event: &StoredEvent,
        at: Timestamp,
    ) -> Result<Composed, ComposeFailure> {
        self.current().compose(notification, event, at)
    }
}

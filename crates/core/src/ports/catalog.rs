//! The port to the notification types: which event calls for which e-mail, and what it looks like.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::address::EmailAddress;
use crate::domain::document::Fingerprint;
use crate::domain::event::{Event, StoredEvent};
use crate::domain::guard::Guards;
use crate::domain::notification::{Notification, PlannedNotification};
use crate::domain::outcome::{Cause, Words};
use crate::domain::problem::FieldError;
use crate::domain::time::Timestamp;

use super::ledger::LedgerError;
use super::mailer::Envelope;

/// Names everything a message was made of besides the event: the type's templates and the sender's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RenditionId(pub Fingerprint);

/// What it takes to show a sent message again, byte for byte, without storing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCopy {
    /// What it was made of.
    pub rendition: RenditionId,
    /// The instant in its `Date` header.
    pub composed_at: Timestamp,
    /// Of the whole message as it left.
    pub fingerprint: Fingerprint,
    /// The `DKIM-Signature` header field as it left, if the message was signed. A signature is kept because the key
    /// may have changed since.
    pub signature: Option<String>,
}

/// A message and the means to make it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// Sender and recipient on the wire.
    pub envelope: Envelope,
    /// Header and body, lines ended by CRLF.
    pub message: Vec<u8>,
    /// The means to make it again.
    pub copy: SentCopy,
}

/// Why an event is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// No notification type answers this event type.
    UnknownEventType {
        /// The nearest event type that is answered, if any resembles it.
        nearest: Option<String>,
    },
    /// Fields of the event are missing or wrong.
    Invalid(Vec<FieldError>),
}

/// Why a message could not be made. The notification fails with it; others go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposeFailure {
    /// The stable name: `type_missing`, `render_failed`, `render_too_large`.
    pub cause: Cause,
    /// What went wrong, without the event's contents.
    pub words: Words,
}

/// The notification types of a running server.
pub trait Catalog: Send + Sync {
    /// Validates an event and says which notifications it calls for. Field pointers start with the event's
    /// `pointers.data`.
    ///
    /// # Errors
    /// [`Rejection`], naming every wrong field.
    fn plan(&self, event: &Event) -> Result<Vec<PlannedNotification>, Rejection>;

    /// What the type says about the other e-mails of an order; `None` if nothing, which costs nothing.
    fn guards(&self, _notification_type: &str) -> Option<Arc<Guards>> {
        None
    }

    /// Whether reports about `address` are about messages that were meant for somebody else, because a sandbox sent them
    /// there. Reports that do not say whom they are about may be.
    fn stands_in(&self, address: Option<&EmailAddress>) -> bool {
        let _ = address;
        false
    }

    /// Makes the message of one notification, dated `at`. The same arguments give the same bytes.
    ///
    /// # Errors
    /// [`ComposeFailure`] when the notification's type is gone or its template fails for this event.
    fn compose(
        &self,
        notification: &Notification,
        event: &StoredEvent,
        at: Timestamp,
    ) -> Result<Composed, ComposeFailure>;
}

/// Sees to it that what a message is made of is in the ledger before the message leaves, for a process that does not store
/// everything at its start.
#[async_trait]
pub trait KeepRenditions: Send + Sync {
    /// Stores the rendition, unless that is known to be done.
    ///
    /// # Errors
    /// The ledger's; then nothing made of it may leave yet.
    async fn keep(&self, id: RenditionId) -> Result<(), LedgerError>;
}

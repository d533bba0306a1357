//! The port through which a message leaves.

use async_trait::async_trait;

use crate::domain::address::EmailAddress;
use crate::domain::id::NotificationId;
use crate::domain::outcome::AttemptOutcome;

/// Who a message is handed over for (RFC 5321 §2.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Where bounces go.
    pub return_path: EmailAddress,
    /// The one recipient.
    pub recipient: EmailAddress,
}

/// A message ready to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The notification it is for.
    pub notification_id: NotificationId,
    /// The fence of the claim under which it is sent; distinguishes a second copy from the first.
    pub attempt: u32,
    /// Sender and recipient on the wire.
    pub envelope: Envelope,
    /// Header and body, RFC 5322, lines ended by CRLF, not dot-stuffed.
    pub message: Vec<u8>,
}

/// Resolves when sends that have not come far enough must be given up, because the process is stopping. Polled no
/// more once it has resolved.
pub type Stop<'a> = &'a mut (dyn Future<Output = ()> + Send + Unpin);

/// What came of handing a message on, and who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOn {
    /// The mailer's name, for the timeline.
    pub by: &'static str,
    /// What came of it.
    pub outcome: AttemptOutcome,
}

/// Hands messages on.
///
/// An implementation bounds its own time: `send` returns within [`Mailer::deadline_ms`].
#[async_trait]
pub trait Mailer: Send + Sync {
    /// The name shown on timelines: `outbox`, `smtp`, `ses`.
    fn name(&self) -> &'static str;

    /// The longest a `send` can take, in milliseconds. Leases outlast it.
    fn deadline_ms(&self) -> u64;

    /// Hands one message on and reports what came of it.
    ///
    /// Every failure is classified: `Retryable` or `Permanent` only when the other side certainly did not take the
    /// message, `Unknown` as soon as it may have.
    ///
    /// Once `stop` resolves, a message that the other side cannot have taken yet is given up and reported as
    /// `Released`; one that it may have taken is still waited for, within its time. A mailer whose sends are short, or
    /// cannot be taken back, may ignore `stop`.
    async fn send(&self, message: &OutgoingMessage, stop: Stop<'_>) -> AttemptOutcome;

    /// The same, and tells the name of who was asked: a mailer that chooses among others names the one it chose.
    async fn hand_on(&self, message: &OutgoingMessage, stop: Stop<'_>) -> HandedOn {
        HandedOn { by: self.name(), outcome: self.send(message, stop).await }
    }

    /// Says goodbye to whoever is connected, because the process is stopping. Takes no longer than it takes to write
    /// a few bytes, and may be called again. What is sent later is `Released`; what is under way ends as usual.
    async fn close(&self) {}
}

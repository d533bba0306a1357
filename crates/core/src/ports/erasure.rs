//! The port to erasure: forgetting what notifications said, and to whom.

use async_trait::async_trait;

use crate::domain::address::EmailAddress;
use crate::domain::id::NotificationId;
use crate::domain::lifecycle::{Lifecycle, Step};
use crate::domain::status::Status;
use crate::domain::time::Timestamp;

use super::ledger::LedgerError;

/// What of one notification is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Which notification.
    pub id: NotificationId,
    /// Whether its recipient is forgotten too; otherwise only what it said, because its event tells of somebody else.
    pub forget_recipient: bool,
    /// Whether its event's data stays, because it does not tell of the recipient and is others' too.
    pub keep_data: bool,
    /// When.
    pub now: Timestamp,
}

/// The data of an event that was erased.
pub const ERASED_DATA: &str = "{}";

impl Erasure {
    /// What becomes of a notification that knows its recipient and its event's data or not; `None` if it has forgotten all
    /// that it is to forget.
    ///
    /// # Errors
    /// The status in which it could still be sent.
    pub fn next(
        &self,
        before: &Lifecycle,
        knows_recipient: bool,
        knows_data: bool,
    ) -> Result<Option<Lifecycle>, Status> {
        let knows_more = (self.forget_recipient && knows_recipient) || (!self.keep_data && knows_data);
        match before.apply(&Step::Erase) {
            _ if before.erased && !knows_more => Ok(None),
            Ok(after) => Ok(Some(after)),
            Err(_) if before.erased => Ok(Some(before.clone())),
            Err(forbidden) => Err(forbidden.status),
        }
    }
}

/// What an erasure came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// It is erased now, or was so before.
    Done,
    /// There is no such notification.
    NotFound,
    /// It is under way or could still be sent: nothing changed. It must be canceled first.
    Forbidden(Status),
}

/// Whether what was erased is gone from wherever a storage keeps it for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleared {
    /// Gone.
    Wholly,
    /// Somebody reads it at this moment, such as a backup: ask again when that is over.
    InUse,
}

/// Where notifications are erased.
#[async_trait]
pub trait ErasureLedger: Send + Sync {
    /// Forgets what a notification that can no longer be sent said: its event's data unless [`Erasure::keep_data`], the words
    /// of mail servers on its timeline, the means to show its message again; with [`Erasure::forget_recipient`] its address
    /// too, which is then [`EmailAddress::erased`]. What was erased with its data kept can be erased without. Id, order,
    /// business key, fingerprints, times, statuses and causes stay, so that the same order is still a duplicate. Where
    /// several notifications share one stored event, its data is gone for all of them: whoever calls has canceled those
    /// before, and erases them as well.
    async fn erase(&self, erasure: Erasure) -> Result<Erased, LedgerError>;

    /// Forgets what is known of an address beside notifications: reports about it that wait for their message. And clears
    /// what was erased before out of wherever the storage keeps it for a while, as far as it is ours to clear. Where nothing
    /// was erased it costs reads only.
    async fn finish_erasing(&self, address: EmailAddress) -> Result<Cleared, LedgerError>;
}

//! Forgets a person: whatever was or would have been written to an address, and every event that tells of it.
//!
//! One notification after the other, and of each its whole event, because an order's data is told to the merchant too. What
//! could still leave is canceled first, then what the outbox captured goes, then the ledger forgets; the notification by
//! which all of it is found comes last. So whoever is interrupted runs it again and finds what is left.

use std::collections::{BTreeSet, HashSet};

use async_trait::async_trait;

use crate::domain::address::EmailAddress;
use crate::domain::id::NotificationId;
use crate::domain::notification::Notification;
use crate::domain::status::Status;
use crate::domain::time::Timestamp;
use crate::limits::{ERASE_LOOKED_AT_MAX, ERASE_STEPS_MAX, PAGE_MAX};
use crate::ports::erasure::{Erased, Erasure};
use crate::ports::ledger::{Intervened, Intervention, Ledger, LedgerError, ListQuery};

/// Where messages lie that were captured instead of being sent.
#[async_trait]
pub trait CapturedMessages: Send + Sync {
    /// Removes what was captured of a notification in its attempts from the first to the one numbered `attempts`, durably.
    /// Tells how many messages there were.
    ///
    /// # Errors
    /// The system's; some may be left.
    async fn remove(&self, id: NotificationId, attempts: u32) -> std::io::Result<usize>;
}

/// Why not everything was erased. What was erased stays so; running it again goes on.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The ledger's.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What was captured could not be removed.
    #[error("the captured messages of {id} cannot be removed")]
    Captured {
        /// Of which notification.
        id: NotificationId,
        /// Why.
        source: std::io::Error,
    },
}

/// What one call has erased.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    /// Notifications to the address.
    pub notifications: usize,
    /// Those, and others of the same events, that could still have left.
    pub canceled: usize,
    /// Events whose data is gone.
    pub events: usize,
    /// Captured messages that were removed.
    pub captured: usize,
    /// Entries of the suppression list that stay, as keyed hashes.
    pub suppressed: usize,
    /// Notifications that a sender has: what hangs on them is still there until their attempt is over.
    pub in_flight: Vec<NotificationId>,
    /// Whether there is more than one call may do.
    pub has_more: bool,
}

impl Tally {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.in_flight.is_empty() && !self.has_more
    }
}

/// What erasing needs.
pub struct EraseRecipient<'a> {
    /// Where the person is known.
    pub ledger: &'a dyn Ledger,
    /// Where messages were captured; `None` where none are.
    pub captured: Option<&'a dyn CapturedMessages>,
    /// Now.
    pub now: Timestamp,
}

/// One event's notifications.
struct Group {
    /// By which the others were found; it is addressed to the person.
    found: NotificationId,
    /// All of them, with whether each is addressed to the person.
    members: Vec<(NotificationId, bool)>,
    events: HashSet<String>,
}

impl EraseRecipient<'_> {
    /// Erases what is known of `address`, up to [`ERASE_STEPS_MAX`] notifications.
    ///
    /// # Errors
    /// [`EraseError`]; running it again goes on.
    pub async fn run(&self, address: &EmailAddress) -> Result<Tally, EraseError> {
        let mut tally = Tally { suppressed: self.forget_entries(address).await?, ..Tally::default() };
        let (mut events, mut done) = (HashSet::new(), HashSet::new());
        let (mut after, mut steps) = (None, 0);
        'pages: loop {
            let query =
                ListQuery { to: Some(address.clone()), after, limit: PAGE_MAX, ..ListQuery::default() };
            let page = self.ledger.list(query).await?;
            for notification in &page.notifications {
                if done.contains(&notification.id) {
                    continue;
                }
                if steps >= ERASE_STEPS_MAX {
                    tally.has_more = true;
                    break 'pages;
                }
                let group = self.group_of(notification, address).await?;
                steps += group.members.len();
                if self.settle(&group, &mut tally).await? {
                    self.erase(&group, &mut tally).await?;
                    done.extend(group.members.iter().map(|(id, _)| *id));
                    events.extend(group.events);
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        tally.events = events.len();
        tally.in_flight.sort_unstable();
        tally.in_flight.dedup();
        self.ledger.finish_erasing(address.clone()).await?;
        Ok(tally)
    }

    async fn forget_entries(&self, address: &EmailAddress) -> Result<usize, LedgerError> {
        self.ledger.forget_suppressed_address(address.clone()).await
    }

    /// Everything that shares the event of `notification`, and what else of its order tells of `address`.
    async fn group_of(
        &self,
        notification: &Notification,
        address: &EmailAddress,
    ) -> Result<Group, LedgerError> {
        let to = address.normalized();
        let at = notification.created_at;
        let mut members = BTreeSet::new();
        let mut events = HashSet::from([notification.event_id.as_str().to_owned()]);
        // What one event calls for is accepted in one step, and so at one instant.
        let siblings = ListQuery { since: Some(at), until: Some(at.plus_ms(1)), ..ListQuery::default() };
        for sibling in self.all(siblings).await? {
            if sibling.event_id == notification.event_id {
                members.insert((sibling.id, sibling.to.normalized() == to));
            }
        }
        if notification.order_id.is_some() {
            let order = ListQuery { order_id: notification.order_id.clone(), ..ListQuery::default() };
            for other in self.all(order).await? {
                let is_to_them = other.to.normalized() == to;
                // Those to the person come up by themselves.
                if is_to_them || other.lifecycle.erased || members.contains(&(other.id, false)) {
                    continue;
                }
                let content = self.ledger.content(other.id).await?;
                if content.is_some_and(|content| mentions(&content.event.data, address)) {
                    members.insert((other.id, false));
                    events.insert(other.event_id.as_str().to_owned());
                }
            }
        }
        members.remove(&(notification.id, true));
        let mut members: Vec<_> = members.into_iter().collect();
        members.push((notification.id, true));
        Ok(Group { found: notification.id, members, events })
    }

    /// Every notification that `query` lists, within bounds.
    async fn all(&self, query: ListQuery) -> Result<Vec<Notification>, LedgerError> {
        let mut found = Vec::new();
        let mut query = ListQuery { limit: PAGE_MAX, ..query };
        loop {
            let page = self.ledger.list(query.clone()).await?;
            found.extend(page.notifications);
            match page.next {
                Some(next) if found.len() < ERASE_LOOKED_AT_MAX => query.after = Some(next),
                _ => return Ok(found),
            }
        }
    }

    /// Sees to it that nothing of the group can be sent any more. Tells whether that is so: not while a sender has one.
    async fn settle(&self, group: &Group, tally: &mut Tally) -> Result<bool, LedgerError> {
        let mut is_settled = true;
        for (id, _) in &group.members {
            match self.cancel(*id).await? {
                Intervened::Done(_) => tally.canceled += 1,
                Intervened::Forbidden(Status::Sending) => {
                    tally.in_flight.push(*id);
                    is_settled = false;
                }
                // It has left, is canceled, or was erased.
                Intervened::Forbidden(_) | Intervened::Erased | Intervened::NotFound => {}
            }
        }
        Ok(is_settled)
    }

    async fn cancel(&self, id: NotificationId) -> Result<Intervened, LedgerError> {
        let canceled = self.ledger.intervene(id, Intervention::Cancel, self.now).await?;
        if canceled != Intervened::Forbidden(Status::Sending) {
            return Ok(canceled);
        }
        // Its sender is gone if its lease has run out: nobody but a hold may take it then.
        match self.ledger.intervene(id, Intervention::Hold, self.now).await? {
            Intervened::Done(_) => self.ledger.intervene(id, Intervention::Cancel, self.now).await,
            refused => Ok(refused),
        }
    }

    async fn erase(&self, group: &Group, tally: &mut Tally) -> Result<(), EraseError> {
        for (id, _) in &group.members {
            if let Some(captured) = self.captured {
                // Nobody can have it any more, so there will be no further attempt.
                let Some(record) = self.ledger.find(*id).await? else { continue };
                let removed = captured.remove(*id, record.notification.lifecycle.fence).await;
                tally.captured += removed.map_err(|source| EraseError::Captured { id: *id, source })?;
            }
        }
        for (id, forget_recipient) in &group.members {
            let erasure = Erasure { id: *id, forget_recipient: *forget_recipient, now: self.now };
            match self.ledger.erase(erasure).await? {
                Erased::Done => tally.notifications += usize::from(*forget_recipient),
                Erased::NotFound => {}
                // A report or a person was faster; the group is found again as long as its own is not erased.
                Erased::Forbidden(_) => {
                    tally.has_more = true;
                    return Ok(());
                }
            }
        }
        debug_assert!(group.members.last().is_some_and(|(id, _)| *id == group.found));
        Ok(())
    }
}

/// Whether `data` tells of `address`, in whatever spelling of case.
fn mentions(data: &str, address: &EmailAddress) -> bool {
    data.to_lowercase().contains(&address.normalized())
}

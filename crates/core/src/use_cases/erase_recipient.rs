//! Forgets a person: whatever was or would have been written to an address, and every event that tells of it.
//!
//! One notification after the other, and of each its whole event where that tells of the person, because an order's data is
//! told to the merchant too. The merchant, who is not in the data, is forgotten without it: it is the customers'. What
//! could still leave is canceled first, then what the outbox captured goes, then the ledger forgets; the notification by
//! which all of it is found comes last. So whoever is interrupted runs it again and finds what is left.

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;

use crate::domain::address::EmailAddress;
use crate::domain::id::NotificationId;
use crate::domain::mention::Mention;
use crate::domain::notification::Notification;
use crate::domain::status::Status;
use crate::domain::time::Timestamp;
use crate::limits::{ERASE_LOOKED_AT_MAX, ERASE_STEPS_MAX, PAGE_MAX};
use crate::ports::erasure::{Cleared, ERASED_DATA, Erased, Erasure};
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
    /// Of those the ones to others, at most [`ERASE_STEPS_MAX`] of them.
    pub canceled_for_others: Vec<NotificationId>,
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
    /// Whether the ledger still has some of it on the side, because somebody reads that at this moment.
    pub in_use: bool,
}

impl Tally {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.in_flight.is_empty() && !self.has_more && !self.in_use
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

/// What is forgotten together: a notification to the person, by which the others were found, and those.
struct Group {
    /// The one to the person comes last.
    members: Vec<Member>,
    /// Whose data goes.
    events: HashSet<String>,
}

#[derive(Clone, Copy)]
struct Member {
    id: NotificationId,
    is_to_them: bool,
    /// Whether its event does not tell of the person, and stays.
    keep_data: bool,
    /// Whether a sender had it when it was looked up.
    is_under_way: bool,
}

impl Member {
    fn of(notification: &Notification, is_to_them: bool) -> Self {
        let is_under_way = notification.lifecycle.status == Status::Sending;
        Self { id: notification.id, is_to_them, keep_data: false, is_under_way }
    }
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
                    done.extend(group.members.iter().map(|member| member.id));
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
        if steps > 0 {
            // What a sender had at the beginning may have bounced since, and put the address on the list. What can still do
            // so is in flight.
            tally.suppressed = self.forget_entries(address).await?;
        }
        tally.in_use = self.ledger.finish_erasing(address.clone()).await? == Cleared::InUse;
        Ok(tally)
    }

    async fn forget_entries(&self, address: &EmailAddress) -> Result<usize, LedgerError> {
        self.ledger.forget_suppressed_address(address.clone()).await
    }

    /// What tells of `address` of the event of `notification`, and of its order. Where the event does not, the notification
    /// alone: a merchant's address is in no order, and the orders are the customers'.
    async fn group_of(
        &self,
        notification: &Notification,
        address: &EmailAddress,
    ) -> Result<Group, LedgerError> {
        let (to, mention) = (address.normalized(), Mention::of(address));
        let mut members = BTreeMap::new();
        let mut events = HashSet::new();
        let mut own = Member::of(notification, true);
        let content = self.ledger.content(notification.id).await?;
        let data = content.as_ref().map_or(ERASED_DATA, |content| content.event.data.as_str());
        let is_told = mention.is_in_json(data);
        if is_told || data == ERASED_DATA {
            let siblings = self.siblings(notification).await?;
            // Whoever was interrupted has erased the data with the first of them.
            let is_begun = siblings.iter().any(|sibling| sibling.lifecycle.erased);
            own.keep_data = !is_told && !is_begun;
            if !own.keep_data {
                events.insert(notification.event_id.as_str().to_owned());
                for sibling in &siblings {
                    members.insert(sibling.id, Member::of(sibling, sibling.to.normalized() == to));
                }
            }
        } else {
            own.keep_data = true;
        }
        if notification.order_id.is_some() {
            let order = ListQuery { order_id: notification.order_id.clone(), ..ListQuery::default() };
            for other in self.all(order).await? {
                // Those to the person come up by themselves.
                if other.to.normalized() == to || members.contains_key(&other.id) {
                    continue;
                }
                let Some(content) = self.ledger.content(other.id).await? else { continue };
                // As above: begun, and interrupted.
                let is_begun = content.event.data == ERASED_DATA && !other.lifecycle.erased;
                if is_begun || mention.is_in_json(&content.event.data) {
                    members.insert(other.id, Member::of(&other, false));
                    events.insert(other.event_id.as_str().to_owned());
                }
            }
        }
        members.remove(&own.id);
        Ok(Group { members: members.into_values().chain([own]).collect(), events })
    }

    /// All notifications of one's event, itself among them.
    async fn siblings(&self, notification: &Notification) -> Result<Vec<Notification>, LedgerError> {
        let at = notification.created_at;
        // What one event calls for is accepted in one step, and so at one instant.
        let then = ListQuery { since: Some(at), until: Some(at.plus_ms(1)), ..ListQuery::default() };
        let mut siblings = self.all(then).await?;
        siblings.retain(|sibling| sibling.event_id == notification.event_id);
        Ok(siblings)
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

    /// Sees to it that nothing of the group can be sent any more. Tells whether that is so: not while a sender has one, and
    /// then the others are left alone.
    async fn settle(&self, group: &Group, tally: &mut Tally) -> Result<bool, LedgerError> {
        for is_under_way in [true, false] {
            let mut is_settled = true;
            for member in group.members.iter().filter(|member| member.is_under_way == is_under_way) {
                match self.cancel(member.id).await? {
                    Intervened::Done(_) => {
                        tally.canceled += 1;
                        if !member.is_to_them && tally.canceled_for_others.len() < ERASE_STEPS_MAX {
                            tally.canceled_for_others.push(member.id);
                        }
                    }
                    Intervened::Forbidden(Status::Sending) => {
                        tally.in_flight.push(member.id);
                        is_settled = false;
                    }
                    // It has left, is canceled, or was erased.
                    Intervened::Forbidden(_) | Intervened::Erased | Intervened::NotFound => {}
                }
            }
            if !is_settled {
                return Ok(false);
            }
        }
        Ok(true)
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
        for Member { id, .. } in &group.members {
            if let Some(captured) = self.captured {
                // Nobody can have it any more, so there will be no further attempt.
                let Some(record) = self.ledger.find(*id).await? else { continue };
                let removed = captured.remove(*id, record.notification.lifecycle.fence).await;
                tally.captured += removed.map_err(|source| EraseError::Captured { id: *id, source })?;
            }
        }
        for Member { id, is_to_them, keep_data, .. } in group.members.iter().copied() {
            let erasure = Erasure { id, forget_recipient: is_to_them, keep_data, now: self.now };
            match self.ledger.erase(erasure).await? {
                Erased::Done => tally.notifications += usize::from(is_to_them),
                Erased::NotFound => {}
                // A report or a person was faster; the group is found again as long as its own is not erased.
                Erased::Forbidden(_) => {
                    tally.has_more = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

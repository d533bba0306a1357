//! The port to the ledger, where notifications and their timelines are stored.
//!
//! Every method is one atomic step: it happens whole or not at all, and has happened durably when it returns `Ok`.
//! What one conditional write on DynamoDB cannot do is not asked for. One contract suite, in `postrider-testkit`,
//! holds every implementation to these words.

use async_trait::async_trait;

use crate::domain::address::EmailAddress;
use crate::domain::document::Fingerprint;
use crate::domain::event::StoredEvent;
use crate::domain::id::{EventId, NotificationId};
use crate::domain::lifecycle::{Lifecycle, OnUnknown, Step, Verdict};
use crate::domain::notification::{Notification, NotificationRecord, PlannedNotification};
use crate::domain::outcome::{Cause, Words};
use crate::domain::status::Status;
use crate::domain::time::Timestamp;
use crate::domain::timeline::TimelineEntry;

use super::budget::BudgetLedger;
use super::catalog::{RenditionId, SentCopy};
use super::erasure::ErasureLedger;
use super::feedback::{FeedbackEffect, FeedbackLedger};
use super::keys::KeyLedger;
use super::stats::StatsLedger;
use super::webhooks::WebhookLedger;

/// Why the ledger did not do what it was asked. Nothing changed, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Passing: no room, locked, or too busy. The step may be repeated.
    #[error("the ledger cannot be written now: {reason}")]
    Unavailable {
        /// What is in the way, and what to do about it.
        reason: String,
    },
    /// Not passing: damaged, from a newer version, or a write whose fate is uncertain. The process must stop.
    #[error("the ledger can no longer be trusted: {reason}")]
    Fatal {
        /// What happened, and what to do about it.
        reason: String,
    },
}

/// An event and the notifications it calls for, to be accepted together.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The event.
    pub event: StoredEvent,
    /// Of the event's data; duplicates must agree on it.
    pub data_fingerprint: Fingerprint,
    /// What it calls for, each with the id it gets if it is new, which is that of
    /// [`NotificationId::for_key`].
    pub notifications: Vec<(NotificationId, PlannedNotification)>,
    /// The sender's wish; also the first due time when it lies ahead.
    pub send_at: Option<Timestamp>,
    /// When it is accepted.
    pub now: Timestamp,
    /// The request's `Idempotency-Key`, if it had one.
    pub idempotency: Option<Idempotency>,
    /// Until when the caller claims, in the same step, what is new and due: whoever sends it right away saves a write
    /// and a look at the queue. `None` leaves it to [`Ledger::claim_due`].
    pub lease_until: Option<Timestamp>,
    /// Why everything is on hold, if it is: what is new and due becomes `held`. What is wished for later waits for its
    /// time, when the hold may be over.
    pub hold: Option<Cause>,
}

impl Acceptance {
    /// The lifecycle with which a new notification is stored: waiting, claimed by the caller, on hold, or suppressed for
    /// the cause `suppressed`; and the entry this leaves on its timeline, if any.
    #[must_use]
    pub fn beginning(&self, suppressed: Option<&Cause>) -> (Lifecycle, Option<TimelineEntry>) {
        if let Some(cause) = suppressed {
            let entry = TimelineEntry::suppressed(self.now, cause.clone());
            return (Lifecycle::suppressed(cause.clone()), Some(entry));
        }
        let due_at = self.send_at.map_or(self.now, |send_at| send_at.max(self.now));
        match &self.hold {
            Some(cause) if due_at <= self.now => {
                let entry = TimelineEntry::held(self.now, cause.clone());
                (Lifecycle::held(cause.clone()), Some(entry))
            }
            Some(_) | None => (self.waiting_or_claimed(due_at), None),
        }
    }

    fn waiting_or_claimed(&self, due_at: Timestamp) -> Lifecycle {
        let accepted = Lifecycle::accepted(due_at);
        let claim = self.lease_until.map(|lease_until| Step::Claim { now: self.now, lease_until });
        claim.and_then(|claim| accepted.apply(&claim).ok()).unwrap_or(accepted)
    }
}

/// One use of an idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct Idempotency {
    /// Of the key and whoever used it.
    pub key: Fingerprint,
    /// Of the request: method, path and body by meaning.
    pub request: Fingerprint,
    /// Writes the answer that is stored with the acceptance, in the same atomic step.
    pub answer: fn(&Accepted) -> RememberedAnswer,
}

/// An answer given once, to be given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What an acceptance came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptResult {
    /// Every notification is in the ledger, now or since an earlier event with the same data.
    Accepted(Accepted),
    /// This request was answered before.
    Replayed(RememberedAnswer),
    /// The idempotency key was used for another request. Nothing was stored.
    IdempotencyKeyReused,
    /// A business key exists with other data. Nothing was stored, the first stays.
    BusinessKeyConflict {
        /// The notification that has the key.
        existing: NotificationId,
        /// Its type.
        notification_type: String,
    },
}

/// An accepted event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// This event's id; the first event's id when every notification is a duplicate of it.
    pub event_id: EventId,
    /// In the order they were asked for.
    pub notifications: Vec<AcceptedNotification>,
    /// What was claimed for the caller, who must finish every one ([`Ledger::finish_attempt`]). Empty unless
    /// [`Acceptance::lease_until`] was given; duplicates are never claimed.
    pub claims: Vec<Claim>,
}

/// One notification of an accepted event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedNotification {
    /// Its id; the first one's for a duplicate.
    pub id: NotificationId,
    /// Its type.
    pub notification_type: String,
    /// Its recipient.
    pub to: EmailAddress,
    /// Its status at this moment.
    pub status: Status,
    /// Whether it was there before.
    pub duplicate: bool,
}

/// A request for work.
#[derive(Clone, Copy, Debug)]
pub struct ClaimDue {
    /// The sender's clock.
    pub now: Timestamp,
    /// When the claims lapse.
    pub lease_until: Timestamp,
    /// How many at most; an implementation may cap it at [`crate::limits::CLAIM_MAX`].
    pub limit: usize,
}

/// Claimed notifications.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Claims {
    /// Highest priority first, then longest due first.
    pub claims: Vec<Claim>,
    /// When the next notification that is not yet due becomes due. May be earlier than the truth, never later.
    pub next_due_at: Option<Timestamp>,
    /// How many were due and not claimed, because their recipients are on the suppression list. They are `suppressed`
    /// now.
    pub suppressed: usize,
}

/// One claimed notification, with what is needed to compose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The notification, already `sending`, with the fence of this claim.
    pub notification: Notification,
    /// Its event.
    pub event: StoredEvent,
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub struct FinishAttempt {
    /// Which notification.
    pub id: NotificationId,
    /// The fence of the claim.
    pub fence: u32,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// When it ended.
    pub now: Timestamp,
    /// What follows.
    pub verdict: Verdict,
    /// Which mailer was asked.
    pub mailer: String,
    /// The server's words.
    pub words: Words,
    /// The means to show the message again; kept when it was, or may have been, accepted.
    pub copy: Option<SentCopy>,
    /// Whether the refusal says that the address will never take mail: then it goes on the suppression list in the same
    /// step.
    pub condemns_address: bool,
}

/// What finishing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Recorded; the status is now this.
    Recorded(Status),
    /// Recorded, and with it reports that had come before the mail service's id of the message was known.
    RecordedWithReports {
        /// The status now.
        status: Status,
        /// What the reports changed.
        effects: Vec<FeedbackEffect>,
    },
    /// Somebody else has claimed it since, or it is not there: nothing changed.
    Stale,
}

/// A request to look after what was left behind.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// Now.
    pub now: Timestamp,
    /// Which leases count as lost.
    pub leases: Leases,
    /// When to judge an outcome that becomes unknown now.
    pub judge_at: Timestamp,
    /// What to do with unknown outcomes whose waiting time is over.
    pub on_unknown: OnUnknown,
    /// Attempts after which an unknown outcome is held, whatever `on_unknown` says.
    pub max_attempts: u32,
    /// How many notifications at most.
    pub limit: usize,
}

/// Which leases a sweep takes for lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// Those that ran out.
    Expired,
    /// All: the caller knows that no other sender is alive.
    All,
}

/// What a sweep found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Swept {
    /// Leases lost; their notifications are `unknown` now.
    pub leases_lost: usize,
    /// Unknown outcomes queued again.
    pub resent: usize,
    /// Unknown outcomes held for a person.
    pub held: usize,
    /// Answers forgotten because their time is over, at most [`crate::limits::ANSWERS_FORGOTTEN_MAX`].
    pub answers_forgotten: usize,
}

/// What may be done to a notification out of turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intervention {
    /// A person: try again now, with a fresh budget of attempts.
    Retry,
    /// The dispatcher: a deferred notification need not wait any longer, its route works again.
    Hasten,
    /// A person: never send.
    Cancel,
    /// A person: not before somebody has decided.
    Hold,
    /// The sweep: the budget's hold is over that held it. A notification that something else holds stays.
    Resume,
}

/// What an intervention came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intervened {
    /// Done; this is the notification now.
    Done(Box<Notification>),
    /// There is no such notification.
    NotFound,
    /// Its status forbids it; nothing changed.
    Forbidden(Status),
    /// What it would say was erased; nothing changed.
    Erased,
}

/// Which notifications to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// About this order.
    pub order_id: Option<String>,
    /// To this address, however it is spelt.
    pub to: Option<EmailAddress>,
    /// Of this type.
    pub notification_type: Option<String>,
    /// In one of these statuses; empty means any.
    pub statuses: Vec<Status>,
    /// With this cause.
    pub cause: Option<Cause>,
    /// Accepted at or after this instant.
    pub since: Option<Timestamp>,
    /// Accepted before this instant.
    pub until: Option<Timestamp>,
    /// Older than this notification: the cursor of the page before.
    pub after: Option<NotificationId>,
    /// How many at most, up to [`crate::limits::PAGE_MAX`].
    pub limit: usize,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NotificationPage {
    /// Newest first. May be fewer than asked for, even none, while `next` says that there is more to look at.
    pub notifications: Vec<Notification>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<NotificationId>,
}

/// Dead letters that share a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterGroup {
    /// The cause.
    pub cause: Cause,
    /// How many.
    pub count: u64,
    /// When the first of them was accepted.
    pub oldest_at: Timestamp,
    /// When the last of them was accepted.
    pub newest_at: Timestamp,
}

/// What is needed to show a notification's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The notification.
    pub notification: Notification,
    /// Its event.
    pub event: StoredEvent,
    /// Of the last attempt that may have left; `None` if none did.
    pub copy: Option<SentCopy>,
}

/// How much is waiting, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct QueueStats {
    /// Notifications by status, for the statuses that still ask for something (`queued`, `sending`, `deferred`,
    /// `unknown`, `held`, `failed`, `dead`); those with none may be left out.
    pub counts: Vec<(Status, u64)>,
    /// The due time of the notification that has been due longest. Those due since the epoch do not count: that is
    /// their place in the queue, not a time.
    pub oldest_due_at: Option<Timestamp>,
}

/// Where notifications live.
#[async_trait]
pub trait Ledger:
    FeedbackLedger + WebhookLedger + BudgetLedger + StatsLedger + ErasureLedger + KeyLedger
{
    /// Stores an event and its notifications, or finds the ones stored before. All or nothing. A notification whose
    /// recipient is on the suppression list is stored as `suppressed`.
    ///
    /// Races: of two acceptances with one business key exactly one stores, the other finds it.
    async fn accept(&self, acceptance: Acceptance) -> Result<AcceptResult, LedgerError>;

    /// Claims due notifications for one sender. No notification is claimed by two, and none whose recipient is on the
    /// suppression list.
    async fn claim_due(&self, request: ClaimDue) -> Result<Claims, LedgerError>;

    /// Records the end of an attempt, if the claim is still the caller's, and adds it to the timeline.
    async fn finish_attempt(&self, finish: FinishAttempt) -> Result<Finished, LedgerError>;

    /// Turns lost leases into unknown outcomes, judges unknown outcomes whose time has come, and forgets answers whose
    /// time is over, oldest first.
    async fn sweep(&self, sweep: Sweep) -> Result<Swept, LedgerError>;

    /// Carries out an intervention and adds it to the timeline.
    async fn intervene(
        &self,
        id: NotificationId,
        intervention: Intervention,
        now: Timestamp,
    ) -> Result<Intervened, LedgerError>;

    /// One notification with its history.
    async fn find(&self, id: NotificationId) -> Result<Option<NotificationRecord>, LedgerError>;

    /// What is needed to show one notification's message.
    async fn content(&self, id: NotificationId) -> Result<Option<Content>, LedgerError>;

    /// One page of notifications.
    async fn list(&self, query: ListQuery) -> Result<NotificationPage, LedgerError>;

    /// Dead letters by cause, most first, at most [`crate::limits::DEAD_LETTER_GROUPS_MAX`].
    async fn dead_letter_groups(&self) -> Result<Vec<DeadLetterGroup>, LedgerError>;

    /// The answer remembered under an idempotency key, with the fingerprint of its request. An answer counts for
    /// [`crate::limits::IDEMPOTENCY_KEPT_MS`] by the caller's clock, here and in [`Ledger::accept`], whether or not a
    /// sweep has got to it; then its key is free again.
    async fn recall_answer(
        &self,
        key: Fingerprint,
        now: Timestamp,
    ) -> Result<Option<(Fingerprint, RememberedAnswer)>, LedgerError>;

    /// Remembers an answer under an idempotency key, unless the key is taken.
    async fn remember_answer(
        &self,
        key: Fingerprint,
        request: Fingerprint,
        answer: RememberedAnswer,
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// Stores what messages are made of, once per content.
    async fn store_rendition(&self, id: RenditionId, bundle: Vec<u8>) -> Result<(), LedgerError>;

    /// What messages of this rendition are made of.
    async fn rendition(&self, id: RenditionId) -> Result<Option<Vec<u8>>, LedgerError>;

    /// How much is waiting at `now`.
    async fn queue_stats(&self, now: Timestamp) -> Result<QueueStats, LedgerError>;

    /// Proves that the ledger can be written, by writing.
    async fn probe(&self, now: Timestamp) -> Result<(), LedgerError>;
}

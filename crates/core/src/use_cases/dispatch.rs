//! Takes one event all the way: accepted and claimed in one durable step, handed on, recorded. For a sender that lives
//! as long as one invocation and must be done by a deadline.
//!
//! Until the event is accepted nothing has happened, and whoever brought it may bring it again. From then on it is the
//! ledger's: what is not sent here is sent by whoever claims next, and what was claimed and never finished becomes
//! `unknown` once its lease has run out. So the event can be forgotten by the queue it came from, however its messages
//! fared.

use futures_util::future::join_all;

use crate::domain::budget::CAUSE_BUDGET;
use crate::domain::event::Event;
use crate::domain::id::NotificationId;
use crate::domain::lifecycle::Verdict;
use crate::domain::outcome::{Failure, FaultScope, Words};
use crate::domain::retry::RetryPolicy;
use crate::domain::status::Status;
use crate::domain::suppression::Secret;
use crate::domain::time::Timestamp;
use crate::ingest::Rejected;
use crate::limits::{DISPATCH_LEASE_MARGIN_MS, DISPATCH_PAUSE_MS_MAX, DISPATCH_RECORD_MS};
use crate::ports::catalog::{Catalog, KeepRenditions};
use crate::ports::clock::{Clock, Pause, Random};
use crate::ports::feedback::FeedbackEffect;
use crate::ports::ledger::{
    AcceptResult, AcceptedNotification, Claim, FinishAttempt, Finished, Ledger, LedgerError,
};
use crate::ports::mailer::Mailer;

use super::accept_event::{AcceptError, AcceptEvent, WrongEvent};
use super::deliver::{Attempt, Deliver};

/// The first pause between two tries to record what came of an attempt.
const PAUSE_MS_MIN: u64 = 50;

/// Everything a dispatch needs besides the event.
#[derive(Clone, Copy)]
pub struct Dispatch<'a> {
    /// Where notifications live.
    pub ledger: &'a dyn Ledger,
    /// What knows the notification types and makes messages.
    pub catalog: &'a dyn Catalog,
    /// What hands them on.
    pub mailer: &'a dyn Mailer,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The source of ids and jitter.
    pub random: &'a dyn Random,
    /// What lets time pass between tries to record.
    pub pause: &'a dyn Pause,
    /// What makes notification ids unguessable.
    pub secret: &'a Secret,
    /// When to try again.
    pub policy: &'a RetryPolicy,
    /// Who stores what messages are made of; `None` where that was done at the start.
    pub renditions: Option<&'a dyn KeepRenditions>,
    /// Whether the month's budget is spent: what comes in is held, and nothing leaves.
    pub is_on_hold: bool,
}

/// Who sends what is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// We, right away, as far as it is due.
    Now,
    /// Whoever claims next: the way to the mail service is known to be closed.
    Later,
}

/// What came of one event.
#[derive(Clone, Debug)]
pub enum Dispatched {
    /// It is durable. Whoever brought it may forget it.
    Taken(Taken),
    /// The ledger could not take it. It must come again; should the ledger have taken it all the same, it is a duplicate
    /// then.
    NotTaken(LedgerError),
    /// It will never be taken as it is.
    Poison(Poison),
}

/// An event that is in the ledger.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its notifications. A duplicate was there before, and nothing was sent for it.
    pub notifications: Vec<AcceptedNotification>,
    /// What was sent for it right away, and what came of it.
    pub attempts: Vec<Ended>,
}

/// Why an event will never be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poison {
    /// Fields are missing or wrong, or no notification type answers its type.
    Wrong(WrongEvent),
    /// Its business key exists with other data. The first stays.
    BusinessKeyConflict {
        /// The notification that has the key.
        existing: NotificationId,
        /// Its type.
        notification_type: String,
    },
}

impl Poison {
    /// The stable name, the same as the API's.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wrong(WrongEvent { is_unknown_type: true, .. }) => "unknown_event_type",
            Self::Wrong(_) => "invalid_event",
            Self::BusinessKeyConflict { .. } => "business_key_conflict",
        }
    }
}

/// One attempt that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What the ledger was told.
    pub finish: FinishAttempt,
    /// The sender's correlation id.
    pub correlation_id: Option<String>,
    /// Since when the message was wanted; latency is counted from here.
    pub wanted_at: Timestamp,
    /// The failure, if the attempt failed.
    pub failure: Option<Failure>,
    /// What the ledger said.
    pub recorded: Recorded,
}

impl Ended {
    /// Whether the way all messages take was at fault, so that there is no use in sending others now.
    #[must_use]
    pub fn is_route_fault(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.scope == FaultScope::Route)
    }
}

/// What came of recording the end of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is durable.
    Durable {
        /// The status now.
        status: Status,
        /// What reports changed that had come before.
        effects: Vec<FeedbackEffect>,
    },
    /// Somebody else has claimed the notification since; nothing changed.
    Stale,
    /// It could not be recorded within the time. Once the lease has run out the outcome is `unknown`.
    NotRecorded(LedgerError),
}

impl Dispatch<'_> {
    /// Whether what is begun now can be sent and recorded by `until`.
    #[must_use]
    pub fn has_time(&self, until: Timestamp) -> bool {
        self.clock.now().plus_ms(self.needed_ms()) <= until
    }

    /// The time it takes at most to send one message and to record it, in milliseconds.
    #[must_use]
    pub fn needed_ms(&self) -> u64 {
        self.mailer.deadline_ms().saturating_add(DISPATCH_RECORD_MS)
    }

    /// Until when a claim made now must hold: longer than the mailer can take.
    #[must_use]
    pub fn lease_until(&self) -> Timestamp {
        self.clock.now().plus_ms(self.mailer.deadline_ms().saturating_add(DISPATCH_LEASE_MARGIN_MS))
    }

    /// Takes the event that was read, and sends what it calls for and is due, all of it by `until`. What there is no
    /// time for is left to whoever claims next.
    pub async fn run(&self, read: Result<Event, Rejected>, sending: Sending, until: Timestamp) -> Dispatched {
        let sends = sending == Sending::Now && self.has_time(until);
        let accept = AcceptEvent {
            ledger: self.ledger,
            catalog: self.catalog,
            clock: self.clock,
            random: self.random,
            secret: self.secret,
            lease_until: sends.then(|| self.lease_until()),
            hold: self.is_on_hold.then_some(CAUSE_BUDGET),
        };
        let accepted = match accept.run(read, None).await {
            Ok(AcceptResult::Accepted(accepted)) => accepted,
            Ok(AcceptResult::BusinessKeyConflict { existing, notification_type }) => {
                return Dispatched::Poison(Poison::BusinessKeyConflict { existing, notification_type });
            }
            // Only an acceptance under an idempotency key comes to these, and there is none here.
            Ok(AcceptResult::Replayed(_) | AcceptResult::IdempotencyKeyReused) => {
                return Dispatched::Taken(Taken { notifications: Vec::new(), attempts: Vec::new() });
            }
            Err(AcceptError::Wrong(wrong)) => return Dispatched::Poison(Poison::Wrong(wrong)),
            Err(AcceptError::Ledger(error)) => return Dispatched::NotTaken(error),
        };
        let attempts = join_all(accepted.claims.into_iter().map(|claim| self.attempt(claim, until))).await;
        Dispatched::Taken(Taken { notifications: accepted.notifications, attempts })
    }

    /// Hands on the message of `claim` and records what came of it, repeatedly until it is durable or the time is over.
    /// A claim for which there is no time is given back.
    pub async fn attempt(&self, claim: Claim, until: Timestamp) -> Ended {
        let notification = &claim.notification;
        let correlation_id = notification.correlation_id.clone();
        let wanted_at = notification.send_at.unwrap_or(notification.created_at);
        let claimed_at = notification.updated_at;
        let Attempt { finish, failure } = if self.has_time(until) {
            let deliver = Deliver {
                ledger: self.ledger,
                catalog: self.catalog,
                mailer: self.mailer,
                clock: self.clock,
                random: self.random,
                policy: self.policy,
                renditions: self.renditions,
                is_on_hold: self.is_on_hold,
            };
            // There is time for all that the mailer may take; this is for clocks that jump.
            let mut stop = self.pause.pause(until.ms_since(self.clock.now()));
            deliver.run(claim, claimed_at, &mut stop).await
        } else {
            Attempt { finish: self.given_back(&claim), failure: None }
        };
        let recorded = self.record(&finish, until).await;
        Ended { finish, correlation_id, wanted_at, failure, recorded }
    }

    fn given_back(&self, claim: &Claim) -> FinishAttempt {
        FinishAttempt {
            id: claim.notification.id,
            fence: claim.notification.lifecycle.fence,
            claimed_at: claim.notification.updated_at,
            now: self.clock.now(),
            verdict: Verdict::Released,
            mailer: self.mailer.name().to_owned(),
            words: Words::default(),
            copy: None,
            condemns_address: false,
        }
    }

    async fn record(&self, finish: &FinishAttempt, until: Timestamp) -> Recorded {
        let mut pause_ms = PAUSE_MS_MIN;
        let mut is_first = true;
        loop {
            let error = match self.ledger.finish_attempt(finish.clone()).await {
                Ok(Finished::Recorded(status)) => return Recorded::Durable { status, effects: Vec::new() },
                Ok(Finished::RecordedWithReports { status, effects }) => {
                    return Recorded::Durable { status, effects };
                }
                Ok(Finished::Stale) if is_first => return Recorded::Stale,
                Ok(Finished::Stale) => return self.recorded_before(finish).await,
                Err(error) => error,
            };
            let is_passing = matches!(error, LedgerError::Unavailable { .. });
            if !is_passing || self.clock.now().plus_ms(pause_ms) > until {
                return Recorded::NotRecorded(error);
            }
            is_first = false;
            self.pause.pause(pause_ms).await;
            pause_ms = (pause_ms * 2).min(DISPATCH_PAUSE_MS_MAX);
        }
    }

    /// Whether an earlier try, whose answer was lost, has recorded `finish`: then the notification has its fence still,
    /// and its sender is not awaited any more.
    async fn recorded_before(&self, finish: &FinishAttempt) -> Recorded {
        match self.ledger.find(finish.id).await {
            Ok(Some(record)) if record.notification.lifecycle.fence == finish.fence => {
                Recorded::Durable { status: record.notification.lifecycle.status, effects: Vec::new() }
            }
            Ok(_) => Recorded::Stale,
            Err(error) => Recorded::NotRecorded(error),
        }
    }
}

//! Every transition of a notification's status, in one place.
//!
//! Ledgers load a [`Lifecycle`], apply one [`Step`] and store the result in one atomic write. No ledger decides by
//! itself what follows what.

mod step;

pub use step::{OnUnknown, Step, Verdict};

use super::budget::CAUSE_BUDGET;
use super::feedback::Reported;
use super::outcome::Cause;
use super::status::Status;
use super::time::Timestamp;

/// The part of a notification that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// What became of it so far.
    pub status: Status,
    /// When something must happen next: the send time (`queued`, `deferred`), the lease's end (`sending`) or the
    /// judgement (`unknown`). `None` where nothing happens by itself.
    pub due_at: Option<Timestamp>,
    /// Counts claims. Whoever finishes an attempt must show the number it claimed with, so that a late loser of an
    /// expired lease changes nothing.
    pub fence: u32,
    /// Attempts spent since acceptance or the last redrive.
    pub attempts: u32,
    /// Why it is where it is, when it is not well.
    pub cause: Option<Cause>,
    /// The best that reports have said since it was accepted or retried. While a sender has it, this waits for the
    /// sender's own word; otherwise the status says it already.
    pub reported: Option<Reported>,
    /// Whether what it would say was erased: whatever becomes of it, it is never sent again.
    pub erased: bool,
}

/// The step is not possible in this status; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not possible while the notification is {status}")]
pub struct Forbidden {
    /// The status that forbids it.
    pub status: Status,
}

/// The cause of an outcome nobody reported because the sender vanished.
pub const CAUSE_SENDER_LOST: Cause = Cause::known("sender_lost");

/// The cause of what a person has put on hold.
pub const CAUSE_HELD_BY_PERSON: Cause = Cause::known("held_by_person");

/// The cause of the same where its message may have left before: a redrive by cause must not mix them up.
pub const CAUSE_HELD_MAYBE_SENT: Cause = Cause::known("held_by_person_maybe_sent");

/// The cause of what waited in a ledger that was put back to an earlier moment: it may have been sent since.
pub const CAUSE_RESTORED_MAYBE_SENT: Cause = Cause::known("restored_maybe_sent");

impl Lifecycle {
    /// A notification just accepted, to be sent at `due_at`.
    #[must_use]
    pub fn accepted(due_at: Timestamp) -> Self {
        Self {
            status: Status::Queued,
            due_at: Some(due_at),
            fence: 0,
            attempts: 0,
            cause: None,
            reported: None,
            erased: false,
        }
    }

    /// A notification just accepted while everything is on hold.
    #[must_use]
    pub fn held(cause: Cause) -> Self {
        Self { status: Status::Held, ..Self::suppressed(cause) }
    }

    /// A notification just accepted whose recipient is on the suppression list.
    #[must_use]
    pub fn suppressed(cause: Cause) -> Self {
        Self {
            status: Status::Suppressed,
            due_at: None,
            fence: 0,
            attempts: 0,
            cause: Some(cause),
            reported: None,
            erased: false,
        }
    }

    /// Whether a claim at `now` would succeed.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.status, Status::Queued | Status::Deferred) && self.due_at.is_some_and(|due| due <= now)
    }

    /// Applies one step.
    ///
    /// # Errors
    /// [`Forbidden`] with the current status; the lifecycle stays as it is.
    pub fn apply(&self, step: &Step) -> Result<Self, Forbidden> {
        match step {
            Step::Claim { now, lease_until } => self.claim(*now, *lease_until),
            Step::Finish { fence, verdict } => self.finish(*fence, verdict),
            Step::LeaseLost { judge_at } => self.lose_lease(*judge_at),
            Step::Judge { now, on_unknown, max_attempts } => self.judge(*now, *on_unknown, *max_attempts),
            Step::Retry { now } => self.retry(*now),
            Step::Hasten => self.hasten(),
            Step::Cancel => self.cancel(),
            Step::Hold { now } => self.hold(*now),
            Step::Erase => self.erase(),
            Step::HoldRestored { now } => self.hold_restored(*now),
            Step::Report(reported) => self.report(reported),
            Step::Resume { now, cause } => self.resume(*now, cause),
            Step::Suppress { cause } => self.suppress(cause),
        }
    }

    fn forbidden(&self) -> Forbidden {
        Forbidden { status: self.status }
    }

    fn claim(&self, now: Timestamp, lease_until: Timestamp) -> Result<Self, Forbidden> {
        if !self.is_due(now) {
            return Err(self.forbidden());
        }
        Ok(Self {
            status: Status::Sending,
            due_at: Some(lease_until),
            fence: self.fence.saturating_add(1),
            attempts: self.attempts,
            cause: self.cause.clone(),
            reported: self.reported.clone(),
            erased: self.erased,
        })
    }

    fn finish(&self, fence: u32, verdict: &Verdict) -> Result<Self, Forbidden> {
        // After a lost lease the notification is `unknown` under the same fence until somebody claims it again. The
        // true outcome of that attempt is still welcome: it is better knowledge than a guess.
        let ends_it = matches!(verdict, Verdict::Sent | Verdict::Failed { .. } | Verdict::Dead { .. });
        let is_welcome = match self.status {
            Status::Sending => true,
            Status::Unknown => !matches!(verdict, Verdict::Released),
            // Whether it left is what whoever holds it has to find out; nothing else may end the hold.
            Status::Held => ends_it && self.cause == Some(CAUSE_HELD_MAYBE_SENT),
            _ => false,
        };
        if !is_welcome || self.fence != fence {
            return Err(self.forbidden());
        }
        // Losing the lease has already counted this attempt.
        let spent = self.attempts.saturating_add(u32::from(self.status == Status::Sending));
        let (reported, erased) = (self.reported.clone(), self.erased);
        let next = |status, due_at, attempts, cause| Self {
            status,
            due_at,
            fence,
            attempts,
            cause,
            reported,
            erased,
        };
        let ended = match verdict.clone() {
            Verdict::Sent => next(Status::Sent, None, spent, None),
            Verdict::Deferred { cause, until, spends_attempt } => {
                let attempts = if spends_attempt { spent } else { self.attempts };
                next(Status::Deferred, Some(until), attempts, Some(cause))
            }
            Verdict::Failed { cause } => next(Status::Failed, None, spent, Some(cause)),
            Verdict::Dead { cause } => next(Status::Dead, None, spent, Some(cause)),
            Verdict::Unknown { cause, judge_at } => next(Status::Unknown, Some(judge_at), spent, Some(cause)),
            // Due since the epoch: what was given back goes first, and no clock is needed to say so.
            Verdict::Released => {
                next(Status::Queued, Some(Timestamp::EPOCH), self.attempts, self.cause.clone())
            }
            // Nothing was tried.
            Verdict::Held { cause } => next(Status::Held, None, self.attempts, Some(cause)),
            Verdict::Superseded { cause } => next(Status::Canceled, None, self.attempts, Some(cause)),
        };
        Ok(ended.settled())
    }

    fn lose_lease(&self, judge_at: Timestamp) -> Result<Self, Forbidden> {
        if self.status != Status::Sending {
            return Err(self.forbidden());
        }
        Ok(Self {
            status: Status::Unknown,
            due_at: Some(judge_at),
            fence: self.fence,
            attempts: self.attempts.saturating_add(1),
            cause: Some(CAUSE_SENDER_LOST),
            reported: self.reported.clone(),
            erased: self.erased,
        }
        .settled())
    }

    fn judge(&self, now: Timestamp, on_unknown: OnUnknown, max_attempts: u32) -> Result<Self, Forbidden> {
        if self.status != Status::Unknown || self.due_at.is_some_and(|due| due > now) {
            return Err(self.forbidden());
        }
        let (status, due_at) = match on_unknown {
            // A server that takes messages and never says so would otherwise be sent copies without end.
            OnUnknown::Resend if self.attempts < max_attempts => (Status::Queued, Some(now)),
            OnUnknown::Resend | OnUnknown::Hold => (Status::Held, None),
        };
        Ok(Self { status, due_at, ..self.clone() })
    }

    fn retry(&self, now: Timestamp) -> Result<Self, Forbidden> {
        if self.erased {
            return Err(self.forbidden());
        }
        match self.status {
            Status::Deferred
            | Status::Failed
            | Status::Dead
            | Status::Held
            | Status::Suppressed
            | Status::Unknown => Ok(Self {
                status: Status::Queued,
                due_at: Some(now),
                fence: self.fence,
                attempts: 0,
                cause: self.cause.clone(),
                // What was reported belongs to the message before.
                reported: None,
                erased: false,
            }),
            // Already waiting, on its way, arrived, or taken back: another try would be a second e-mail or nothing.
            Status::Queued
            | Status::Sending
            | Status::Sent
            | Status::Delivered
            | Status::Bounced
            | Status::Complained
            | Status::Canceled => Err(self.forbidden()),
        }
    }

    fn resume(&self, now: Timestamp, cause: &Cause) -> Result<Self, Forbidden> {
        // What another reason holds, such as an unknown outcome, waits for a person still.
        if self.status != Status::Held || self.cause.as_ref() != Some(cause) {
            return Err(self.forbidden());
        }
        Ok(Self { status: Status::Queued, due_at: Some(now), cause: None, ..self.clone() })
    }

    fn hasten(&self) -> Result<Self, Forbidden> {
        if self.status != Status::Deferred {
            return Err(self.forbidden());
        }
        // Due since the epoch, like what was given back: it waited longest and goes first.
        Ok(Self { due_at: Some(Timestamp::EPOCH), ..self.clone() })
    }

    fn cancel(&self) -> Result<Self, Forbidden> {
        match self.status {
            Status::Queued
            | Status::Deferred
            | Status::Held
            | Status::Failed
            | Status::Dead
            | Status::Suppressed
            | Status::Unknown => Ok(Self { status: Status::Canceled, due_at: None, ..self.clone() }),
            // On its way or gone: nobody can take it back.
            Status::Sending
            | Status::Sent
            | Status::Delivered
            | Status::Bounced
            | Status::Complained
            | Status::Canceled => Err(self.forbidden()),
        }
    }

    /// Whether it waits for the budget, and goes by itself once that allows it.
    #[must_use]
    pub fn is_held_by_budget(&self) -> bool {
        self.status == Status::Held && self.cause == Some(CAUSE_BUDGET)
    }

    fn hold(&self, now: Timestamp) -> Result<Self, Forbidden> {
        let is_free = match self.status {
            Status::Queued | Status::Deferred | Status::Unknown => true,
            Status::Sending => self.due_at.is_some_and(|lease_until| lease_until <= now),
            // Otherwise it would go by itself once the budget allows it. Whatever else is held waits for a person already.
            Status::Held => self.is_held_by_budget(),
            Status::Sent
            | Status::Delivered
            | Status::Bounced
            | Status::Complained
            | Status::Failed
            | Status::Dead
            | Status::Suppressed
            | Status::Canceled => false,
        };
        if !is_free {
            return Err(self.forbidden());
        }
        let was_sending = self.status == Status::Sending;
        let may_have_left = was_sending || self.status == Status::Unknown;
        let held = Self {
            status: Status::Held,
            due_at: None,
            attempts: self.attempts.saturating_add(u32::from(was_sending)),
            cause: Some(if may_have_left { CAUSE_HELD_MAYBE_SENT } else { CAUSE_HELD_BY_PERSON }),
            ..self.clone()
        };
        // While it was sending, what was reported waited for its sender's word, which will not come any more.
        Ok(if was_sending { held.settled() } else { held })
    }

    fn erase(&self) -> Result<Self, Forbidden> {
        match self.status {
            Status::Sent | Status::Delivered | Status::Bounced | Status::Complained | Status::Canceled => {
                Ok(Self { erased: true, ..self.clone() })
            }
            // It could still leave, if only because a person asks for it: it is canceled first.
            Status::Queued
            | Status::Sending
            | Status::Deferred
            | Status::Failed
            | Status::Dead
            | Status::Suppressed
            | Status::Held
            | Status::Unknown => Err(self.forbidden()),
        }
    }

    fn hold_restored(&self, now: Timestamp) -> Result<Self, Forbidden> {
        let held = Self { status: Status::Held, due_at: None, ..self.clone() };
        // A claim of which this ledger knows nothing counts as one, so that reports about that message are taken.
        let perhaps_sent = || Self {
            fence: self.fence.saturating_add(1),
            cause: Some(CAUSE_RESTORED_MAYBE_SENT),
            ..held.clone()
        };
        match self.status {
            // Wished for a time that has not come: nobody can have sent it.
            Status::Queued if self.due_at.is_some_and(|due| due > now) => Err(self.forbidden()),
            Status::Queued | Status::Deferred => Ok(perhaps_sent()),
            Status::Held if self.is_held_by_budget() => Ok(perhaps_sent()),
            // May have left before the moment already, so it is not to be queued again together with those.
            Status::Unknown => Ok(Self { cause: Some(CAUSE_HELD_MAYBE_SENT), ..held }),
            // What a sender has is unknown first. All else is over, or waits for a person.
            Status::Sending
            | Status::Sent
            | Status::Delivered
            | Status::Bounced
            | Status::Complained
            | Status::Failed
            | Status::Dead
            | Status::Suppressed
            | Status::Held
            | Status::Canceled => Err(self.forbidden()),
        }
    }

    fn report(&self, reported: &Reported) -> Result<Self, Forbidden> {
        // Nobody has ever taken it to a mailer: what was reported is not ours.
        if self.fence == 0 {
            return Err(self.forbidden());
        }
        let best = self.reported.as_ref().filter(|known| *known >= reported).unwrap_or(reported);
        let known = Self { reported: Some(best.clone()), ..self.clone() };
        // Its sender is about to say how the attempt ended; then both count.
        Ok(if self.status == Status::Sending { known } else { known.settled() })
    }

    fn suppress(&self, cause: &Cause) -> Result<Self, Forbidden> {
        match self.status {
            Status::Queued | Status::Deferred => Ok(Self {
                status: Status::Suppressed,
                due_at: None,
                cause: Some(cause.clone()),
                ..self.clone()
            }),
            Status::Sending
            | Status::Sent
            | Status::Delivered
            | Status::Bounced
            | Status::Complained
            | Status::Failed
            | Status::Dead
            | Status::Suppressed
            | Status::Held
            | Status::Canceled
            | Status::Unknown => Err(self.forbidden()),
        }
    }

    /// What reports established outweighs whatever an attempt, a clock or a person made of it.
    fn settled(self) -> Self {
        match &self.reported {
            None => self,
            Some(reported) => {
                Self { status: reported.truth.status(), due_at: None, cause: reported.cause.clone(), ..self }
            }
        }
    }
}

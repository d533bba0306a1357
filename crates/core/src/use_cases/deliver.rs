//! Carries one claimed notification to its mailer and works out what follows.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::domain::address::EmailAddress;
use crate::domain::bounce::classify_reply;
use crate::domain::budget::CAUSE_BUDGET;
use crate::domain::guard::Decision;
use crate::domain::lifecycle::Verdict;
use crate::domain::notification::Notification;
use crate::domain::outcome::{AttemptOutcome, Cause, Failure, FailureClass, FaultScope, Reach, Words};
use crate::domain::retry::RetryPolicy;
use crate::domain::time::Timestamp;
use crate::limits::{GUARD_PAGES_MAX, PAGE_MAX};
use crate::ports::catalog::{Catalog, ComposeFailure, Composed, KeepRenditions, SentCopy};
use crate::ports::clock::{Clock, Random};
use crate::ports::ledger::{Claim, FinishAttempt, Ledger, LedgerError, ListQuery};
use crate::ports::mailer::{HandedOn, Mailer, OutgoingMessage, Stop};

/// The cause of an attempt that met a fault of the program itself.
pub const CAUSE_INTERNAL_ERROR: Cause = Cause::known("internal_error");

/// The cause of a pause because the order's other notifications could not be read.
const CAUSE_ORDER_UNREADABLE: Cause = Cause::known("order_unreadable");
/// How long that pause is.
const ORDER_UNREADABLE_PAUSE_MS: u64 = 5_000;

/// Everything a delivery needs besides the claim.
pub struct Deliver<'a> {
    /// Where an order's other notifications are looked up, for types that have guards.
    pub ledger: &'a dyn Ledger,
    /// What makes the message.
    pub catalog: &'a dyn Catalog,
    /// What hands it on.
    pub mailer: &'a dyn Mailer,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The source of jitter.
    pub random: &'a dyn Random,
    /// When to try again.
    pub policy: &'a RetryPolicy,
    /// Who stores what messages are made of; `None` where that was done at the start.
    pub renditions: Option<&'a dyn KeepRenditions>,
    /// Whether the month's budget is spent: then nothing leaves but what a person has asked for since it was held.
    pub is_on_hold: bool,
}

/// An attempt that was made and is still to be recorded.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What to tell the ledger.
    pub finish: FinishAttempt,
    /// What the route must know: the failure, if the attempt failed.
    pub failure: Option<Failure>,
}

/// Whether a failure says that the address will never take mail, as a bounce of such a class would: only the server's
/// own permanent refusal of this recipient or content can, and only if its class does.
fn condemns_address(failure: &Failure) -> bool {
    failure.class == FailureClass::Permanent
        && failure.scope == FaultScope::Message
        && failure.reach == Reach::Answered
        && classify_reply(failure.words.as_str()).condemns_address()
}

impl Deliver<'_> {
    /// Composes and hands on the message of `claim`. Records nothing: the caller tells the ledger, as often as it
    /// takes, because from here on the message may have left. `stop` is the mailer's, see [`Mailer::send`].
    pub async fn run(&self, claim: Claim, claimed_at: Timestamp, stop: Stop<'_>) -> Attempt {
        // A retry by a person leaves the cause for which a notification was held; the end of the hold takes it away.
        if self.is_on_hold && claim.notification.lifecycle.cause != Some(CAUSE_BUDGET) {
            return self.held(&claim.notification, claimed_at);
        }
        if let Some(held_back) = self.hold_back(&claim.notification, claimed_at).await {
            return held_back;
        }
        let (HandedOn { by, outcome }, made) = self.attempt(&claim, claimed_at, stop).await;
        let notification = &claim.notification;
        let (recipient, copy) = made.unzip();
        let now = self.clock.now();
        let spent = notification.lifecycle.attempts;
        let verdict = self.policy.judge(&outcome, spent, now, self.random.next_u64());
        let (words, failure) = match outcome {
            AttemptOutcome::Accepted { words } => (words, None),
            AttemptOutcome::NotAccepted(failure) => (failure.words.clone(), Some(failure)),
            AttemptOutcome::Released => (Words::default(), None),
        };
        let may_have_left = matches!(verdict, Verdict::Sent | Verdict::Unknown { .. });
        let finish = FinishAttempt {
            id: notification.id,
            fence: notification.lifecycle.fence,
            claimed_at,
            now,
            verdict,
            mailer: by.to_owned(),
            words,
            copy: copy.filter(|_| may_have_left),
            // Whoever stands in for the recipient says nothing about the recipient's own address.
            condemns_address: recipient.as_ref() == Some(&notification.to)
                && failure.as_ref().is_some_and(condemns_address),
        };
        Attempt { finish, failure }
    }

    /// The attempt that is none, because everything is on hold.
    fn held(&self, notification: &Notification, claimed_at: Timestamp) -> Attempt {
        let finish = FinishAttempt {
            id: notification.id,
            fence: notification.lifecycle.fence,
            claimed_at,
            now: self.clock.now(),
            verdict: Verdict::Held { cause: CAUSE_BUDGET },
            mailer: self.mailer.name().to_owned(),
            words: Words::default(),
            copy: None,
            condemns_address: false,
        };
        Attempt { finish, failure: None }
    }

    /// The attempt that is none, because the order's other notifications forbid it, for now or for good.
    async fn hold_back(&self, notification: &Notification, claimed_at: Timestamp) -> Option<Attempt> {
        let guards = self.catalog.guards(&notification.notification_type)?;
        let order_id = notification.order_id.clone()?;
        let order = self.order(order_id).await;
        let now = self.clock.now();
        let decision = match order {
            Ok(order) => guards.decide(notification, &order, now),
            // Not to look would be to guess. The ledger is asked again with the next claim.
            Err(_) => Decision::Wait {
                cause: CAUSE_ORDER_UNREADABLE,
                until: now.plus_ms(ORDER_UNREADABLE_PAUSE_MS),
            },
        };
        let (verdict, words) = match decision {
            Decision::Go => return None,
            Decision::Wait { cause, until } => {
                (Verdict::Deferred { cause, until, spends_attempt: false }, Words::default())
            }
            Decision::Skip { cause, words } => (Verdict::Superseded { cause }, words),
        };
        let (Verdict::Deferred { cause, .. } | Verdict::Superseded { cause }) = &verdict else { return None };
        let failure = Failure {
            class: FailureClass::Retryable,
            scope: FaultScope::Message,
            cause: cause.clone(),
            words: words.clone(),
            spends_attempt: false,
            // Whatever watches the route learns nothing from it.
            reach: Reach::NotAsked,
            is_account_fault: false,
        };
        let finish = FinishAttempt {
            id: notification.id,
            fence: notification.lifecycle.fence,
            claimed_at,
            now,
            verdict,
            mailer: self.mailer.name().to_owned(),
            words,
            copy: None,
            condemns_address: false,
        };
        Some(Attempt { finish, failure: Some(failure) })
    }

    /// The notifications of an order, the newest [`GUARD_PAGES_MAX`] pages of them.
    async fn order(&self, order_id: String) -> Result<Vec<Notification>, LedgerError> {
        let mut query = ListQuery { order_id: Some(order_id), limit: PAGE_MAX, ..ListQuery::default() };
        let mut order = Vec::new();
        for _ in 0..GUARD_PAGES_MAX {
            let page = self.ledger.list(query.clone()).await?;
            order.extend(page.notifications);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        Ok(order)
    }

    async fn attempt(
        &self,
        claim: &Claim,
        claimed_at: Timestamp,
        stop: Stop<'_>,
    ) -> (HandedOn, Option<(EmailAddress, SentCopy)>) {
        let composed = match self.compose(claim, claimed_at) {
            Ok(composed) => composed,
            Err(failure) => {
                let outcome = AttemptOutcome::NotAccepted(Failure {
                    class: FailureClass::Permanent,
                    scope: FaultScope::Message,
                    cause: failure.cause,
                    words: failure.words,
                    spends_attempt: true,
                    reach: Reach::NotAsked,
                    is_account_fault: false,
                });
                return (HandedOn { by: self.mailer.name(), outcome }, None);
            }
        };
        if let Some(renditions) = self.renditions
            && renditions.keep(composed.copy.rendition).await.is_err()
        {
            // Nothing has left, and whoever claims next tries again.
            return (HandedOn { by: self.mailer.name(), outcome: AttemptOutcome::Released }, None);
        }
        let message = OutgoingMessage {
            notification_id: claim.notification.id,
            attempt: claim.notification.lifecycle.fence,
            envelope: composed.envelope,
            message: composed.message,
        };
        let handed_on = self.mailer.hand_on(&message, stop).await;
        (handed_on, Some((message.envelope.recipient, composed.copy)))
    }

    /// Templates and what runs them are other people's code: where it panics nothing has left yet, and only the
    /// notification it panics for must fail.
    fn compose(&self, claim: &Claim, claimed_at: Timestamp) -> Result<Composed, ComposeFailure> {
        let compose = || self.catalog.compose(&claim.notification, &claim.event, claimed_at);
        catch_unwind(AssertUnwindSafe(compose)).unwrap_or_else(|_| {
            // What the panic said may hold the event's contents; it stays where panics are printed.
            let words = "making the message ended in a panic, which the server's error output shows; nothing was sent. \
                         Correct the notification type, or report the panic, and redrive";
            Err(ComposeFailure { cause: CAUSE_INTERNAL_ERROR, words: Words::new(words) })
        })
    }
}

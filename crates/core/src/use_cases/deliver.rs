//! Carries one claimed notification to its mailer and works out what follows.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::domain::address::EmailAddress;
use crate::domain::bounce::classify_reply;
use crate::domain::lifecycle::Verdict;
use crate::domain::outcome::{AttemptOutcome, Cause, Failure, FailureClass, FaultScope, Reach, Words};
use crate::domain::retry::RetryPolicy;
use crate::domain::time::Timestamp;
use crate::ports::catalog::{Catalog, ComposeFailure, Composed, SentCopy};
use crate::ports::clock::{Clock, Random};
use crate::ports::ledger::{Claim, FinishAttempt};
use crate::ports::mailer::{HandedOn, Mailer, OutgoingMessage, Stop};

/// The cause of an attempt that met a fault of the program itself.
pub const CAUSE_INTERNAL_ERROR: Cause = Cause::known("internal_error");

/// Everything a delivery needs besides the claim.
pub struct Deliver<'a> {
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

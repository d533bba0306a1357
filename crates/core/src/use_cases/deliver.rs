//! Carries one claimed notification to its mailer and works out what follows.

use crate::domain::lifecycle::Verdict;
use crate::domain::outcome::{AttemptOutcome, Failure, FailureClass, FaultScope, Words};
use crate::domain::retry::RetryPolicy;
use crate::domain::time::Timestamp;
use crate::ports::catalog::{Catalog, SentCopy};
use crate::ports::clock::{Clock, Random};
use crate::ports::ledger::{Claim, FinishAttempt};
use crate::ports::mailer::{Mailer, OutgoingMessage};

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
    /// Whether the mailer was asked at all; a message that could not be composed says nothing about the route.
    pub mailer_asked: bool,
}

impl Deliver<'_> {
    /// Composes and hands on the message of `claim`. Records nothing: the caller tells the ledger, as often as it
    /// takes, because from here on the message may have left.
    pub async fn run(&self, claim: Claim, claimed_at: Timestamp) -> Attempt {
        let (outcome, copy) = self.attempt(&claim, claimed_at).await;
        let notification = &claim.notification;
        let now = self.clock.now();
        let spent = notification.lifecycle.attempts;
        let verdict = self.policy.judge(&outcome, spent, now, self.random.next_u64());
        let (words, failure) = match outcome {
            AttemptOutcome::Accepted { words } => (words, None),
            AttemptOutcome::NotAccepted(failure) => (failure.words.clone(), Some(failure)),
            AttemptOutcome::Released => (Words::default(), None),
        };
        let mailer_asked = copy.is_some();
        let may_have_left = matches!(verdict, Verdict::Sent | Verdict::Unknown { .. });
        let finish = FinishAttempt {
            id: notification.id,
            fence: notification.lifecycle.fence,
            claimed_at,
            now,
            verdict,
            mailer: self.mailer.name().to_owned(),
            words,
            copy: copy.filter(|_| may_have_left),
        };
        Attempt { finish, failure, mailer_asked }
    }

    async fn attempt(&self, claim: &Claim, claimed_at: Timestamp) -> (AttemptOutcome, Option<SentCopy>) {
        let composed = match self.catalog.compose(&claim.notification, &claim.event, claimed_at) {
            Ok(composed) => composed,
            Err(failure) => {
                return (
                    AttemptOutcome::NotAccepted(Failure {
                        class: FailureClass::Permanent,
                        scope: FaultScope::Message,
                        cause: failure.cause,
                        words: failure.words,
                        spends_attempt: true,
                    }),
                    None,
                );
            }
        };
        let message = OutgoingMessage {
            notification_id: claim.notification.id,
            attempt: claim.notification.lifecycle.fence,
            envelope: composed.envelope,
            message: composed.message,
        };
        (self.mailer.send(&message).await, Some(composed.copy))
    }
}

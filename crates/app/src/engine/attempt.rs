//! One attempt, from the claim to the record.

use std::pin::pin;
use std::time::Duration;

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::{Cause, FaultScope, Words};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::STOP_GRACE_MS;
use postrider_core::ports::ledger::{Claim, FinishAttempt};
use postrider_core::use_cases::deliver::{CAUSE_INTERNAL_ERROR, Deliver};
use tokio::sync::{Semaphore, watch};

use super::Engine;
use super::pace::Waiting;
use super::route::{Departure, Sign};

/// How long a message that is on its way when the process is told to stop may still take until it is given back.
const STOP_GRACE: Duration = Duration::from_millis(STOP_GRACE_MS);

/// What an attempt tells the dispatcher when it has ended.
pub struct Report {
    /// What it says about the route.
    pub sign: Sign,
    /// The cause, if the route was at fault.
    pub route_fault: Option<Cause>,
    /// When it is to be tried again, if it is.
    pub again_at: Option<Timestamp>,
}

/// What must be known of an attempt to end it for a task that panicked.
#[derive(Clone, Copy, Debug)]
pub struct InHand {
    pub id: NotificationId,
    pub fence: u32,
    pub claimed_at: Timestamp,
    /// Since when it is wanted; latency is counted from here.
    pub wanted_at: Timestamp,
    pub departure: Departure,
    /// Whether the attempt is lost and only its end is being recorded.
    pub is_lost: bool,
}

impl InHand {
    pub fn new(claim: &Claim, claimed_at: Timestamp, departure: Departure) -> Self {
        let notification = &claim.notification;
        Self {
            id: notification.id,
            fence: notification.lifecycle.fence,
            claimed_at,
            wanted_at: notification.send_at.unwrap_or(notification.created_at),
            departure,
            is_lost: false,
        }
    }

    fn finish(&self, engine: &Engine, verdict: Verdict, words: Words) -> FinishAttempt {
        FinishAttempt {
            id: self.id,
            fence: self.fence,
            claimed_at: self.claimed_at,
            now: engine.clock.now(),
            verdict,
            mailer: engine.mailer.name().to_owned(),
            words,
            copy: None,
            condemns_address: false,
        }
    }
}

impl Engine {
    /// Sends the claimed message when a connection is free and its turn has come, and records what came of it.
    pub(super) async fn attempt(
        &self,
        claim: Claim,
        in_hand: InHand,
        waiting: Waiting,
        slots: &Semaphore,
        mut stop: watch::Receiver<bool>,
    ) -> Report {
        let correlation = claim.notification.correlation_id.clone();
        let admitted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            // The connection first: who has had its turn leaves at once, or turns would pile up into a burst.
            slot = async {
                let slot = slots.acquire().await.ok();
                waiting.turn().await;
                slot
            } => slot,
        };
        let Some(slot) = admitted else {
            let finish = in_hand.finish(self, Verdict::Released, Words::default());
            self.record(finish, in_hand.wanted_at, correlation.as_deref()).await;
            return Report { sign: Sign::Silent, route_fault: None, again_at: None };
        };
        let attempts_before = claim.notification.lifecycle.attempts;
        let deliver = Deliver {
            ledger: &*self.ledger,
            catalog: &*self.catalog,
            mailer: &*self.mailer,
            clock: &*self.clock,
            random: &*self.random,
            policy: &self.policy,
            renditions: None,
            is_on_hold: self.hold.last_seen(self.clock.now()),
        };
        let mut patience = pin!(async {
            // An error means that whoever could say stop is gone: the process is going.
            let _ = stop.wait_for(|stop| *stop).await;
            tokio::time::sleep(STOP_GRACE).await;
        });
        let attempt = deliver.run(claim, in_hand.claimed_at, &mut patience).await;
        drop(slot);
        let sign = Sign::of(&attempt, attempts_before, self.policy.max_attempts);
        let fault = attempt.failure.as_ref().filter(|failure| failure.scope == FaultScope::Route);
        let route_fault = fault.map(|failure| failure.cause.clone());
        let again_at = match &attempt.finish.verdict {
            Verdict::Deferred { until, .. } => Some(*until),
            Verdict::Sent
            | Verdict::Failed { .. }
            | Verdict::Dead { .. }
            | Verdict::Unknown { .. }
            | Verdict::Released
            | Verdict::Held { .. }
            | Verdict::Superseded { .. } => None,
        };
        self.record(attempt.finish, in_hand.wanted_at, correlation.as_deref()).await;
        Report { sign, route_fault, again_at }
    }

    /// Records the end of an attempt whose task panicked. Making messages is guarded by itself, so the panic came
    /// while the message was handed over or later: nobody can tell whether it left.
    pub(super) async fn record_lost(&self, in_hand: InHand) {
        let judge_at = self.clock.now().plus_ms(self.policy.unknown_wait_ms);
        let verdict = Verdict::Unknown { cause: CAUSE_INTERNAL_ERROR, judge_at };
        let words =
            "the attempt ended in a panic, which the server's error output shows; the message may have left";
        let finish = in_hand.finish(self, verdict, Words::new(words));
        self.record(finish, in_hand.wanted_at, None).await;
    }
}

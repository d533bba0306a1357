//! Keeps a broken route from being hammered: after a failure that is not about the message, the route pauses, then one
//! message probes it, and only what becomes of a probe opens it again.

use std::collections::BTreeSet;
use std::time::Duration;

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::{FaultScope, Reach};
use postrider_core::limits::HASTENED_MAX;
use postrider_core::use_cases::deliver::Attempt;
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What the dispatcher may do with the route now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// Send.
    Open,
    /// Send one message to see whether the route works again.
    Probe,
    /// Wait until then.
    PausedUntil(Instant),
}

/// What an attempt says about the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The mailer took the message, or answered about it and about nothing else.
    Works,
    /// A fault that all messages share.
    Broken {
        /// Whether the message waits now, without having had any part in the fault.
        waits_blameless: bool,
    },
    /// The mailer was asked, and gave no answer about the message.
    Silent,
    /// The mailer was not asked.
    NotAsked,
}

impl Sign {
    /// Reads the sign of an attempt. `attempts_max` is the budget of each message.
    pub fn of(attempt: &Attempt, attempts_before: u32, attempts_max: u32) -> Self {
        let Some(failure) = &attempt.failure else {
            return match attempt.finish.verdict {
                // What a mailer gives back got nowhere: nobody knows whether it would have.
                Verdict::Released => Self::Silent,
                Verdict::Held { .. } => Self::NotAsked,
                _ => Self::Works,
            };
        };
        match (failure.scope, failure.reach) {
            (_, Reach::NotAsked) => Self::NotAsked,
            (FaultScope::Route, reach) => {
                let waits = matches!(attempt.finish.verdict, Verdict::Deferred { .. });
                let spent = attempts_before.saturating_add(u32::from(failure.spends_attempt));
                // A route that comes and goes must not use up in minutes what was meant to last a day.
                let has_attempts_to_spare = spent.saturating_mul(2) < attempts_max || !failure.spends_attempt;
                let waits_blameless = waits && reach == Reach::BeforeMessage && has_attempts_to_spare;
                Self::Broken { waits_blameless }
            }
            (FaultScope::Message, Reach::Answered | Reach::AnsweredByService) => Self::Works,
            (FaultScope::Message, Reach::BeforeMessage | Reach::Unanswered) => Self::Silent,
        }
    }
}

/// When an attempt began, as the route counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Which stretch of being open or paused it began in.
    era: u64,
    /// Which probe of that stretch it is, if it is one.
    probe: Option<u64>,
}

/// What the end of an attempt changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// The route was open and is paused.
    Paused,
    /// The route was paused and is open.
    Opened,
}

/// The state of one route.
#[derive(Debug, Default)]
pub struct Route {
    paused_until: Option<Instant>,
    pause: Duration,
    /// Counts how often the route was paused and opened.
    era: u64,
    /// Counts probes.
    probes: u64,
    /// Deferred because of the route and not for any fault of their own, each once however often it was tried.
    /// Hastened when the route works again, the oldest first.
    deferred: BTreeSet<NotificationId>,
}

impl Route {
    /// What may be done at `now`.
    pub fn allowance(&self, now: Instant) -> Allowance {
        match self.paused_until {
            None => Allowance::Open,
            Some(until) if now < until => Allowance::PausedUntil(until),
            Some(_) => Allowance::Probe,
        }
    }

    /// An attempt begins at `now`, as the allowance said it may. The first one after a pause is a probe. Should it
    /// hang, the next probe does not wait for it for ever.
    pub fn departs(&mut self, now: Instant) -> Departure {
        let probe = (self.allowance(now) == Allowance::Probe).then(|| {
            self.paused_until = Some(now + LONGEST_PAUSE);
            self.probes += 1;
            self.probes
        });
        Departure { era: self.era, probe }
    }

    /// An attempt has ended at `now`.
    ///
    /// What began before the pause says nothing about what came after: such an attempt neither opens the route nor
    /// makes the pause longer. The next probe is never more than half a minute away.
    pub fn arrived(&mut self, id: NotificationId, departure: Departure, sign: Sign, now: Instant) -> Change {
        if sign == (Sign::Broken { waits_blameless: true }) {
            self.deferred.insert(id);
            if self.deferred.len() > HASTENED_MAX {
                self.deferred.pop_last();
            }
        }
        if departure.era != self.era {
            return Change::None;
        }
        match (departure.probe, sign) {
            (None, Sign::Broken { .. }) => {
                self.pause = FIRST_PAUSE;
                self.turn(Some(now + self.pause));
                Change::Paused
            }
            (None, Sign::Works | Sign::Silent | Sign::NotAsked) => Change::None,
            (Some(_), Sign::Works) => {
                self.turn(None);
                Change::Opened
            }
            (Some(probe), _) if probe != self.probes => Change::None,
            (Some(_), Sign::Broken { .. } | Sign::Silent) => {
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.paused_until = Some(now + self.pause);
                Change::None
            }
            // The route is as unknown as before: the next message may ask at once.
            (Some(_), Sign::NotAsked) => {
                self.paused_until = Some(now);
                Change::None
            }
        }
    }

    fn turn(&mut self, paused_until: Option<Instant>) {
        self.era += 1;
        self.paused_until = paused_until;
    }

    /// Whoever waits because of the route, once it is open.
    pub fn take_waiting(&mut self) -> Vec<NotificationId> {
        if self.paused_until.is_some() {
            return Vec::new();
        }
        std::mem::take(&mut self.deferred).into_iter().collect()
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;

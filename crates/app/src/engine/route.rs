//! Keeps a broken route from being hammered: after a failure that is not about the message, the route pauses, then one
//! message probes it, and only its success opens it again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use postrider_core::domain::id::NotificationId;
use postrider_core::limits::HASTENED_MAX;

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

/// The state of one route.
#[derive(Debug, Default)]
pub struct Route {
    paused_until: Option<Instant>,
    pause: Duration,
    /// Whether a probe is on its way.
    probing: bool,
    /// Deferred because of the route and not for any fault of their own. Hastened when the route works again.
    deferred: VecDeque<NotificationId>,
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

    /// A probe is on its way. Should it hang, the next one does not wait for it for ever.
    pub fn probe_started(&mut self, now: Instant) {
        self.probing = true;
        self.paused_until = Some(now + LONGEST_PAUSE);
    }

    /// A message met a fault of the route at `now`. Faults of messages that were on their way together count once.
    /// Returns true if the route was open until now.
    pub fn failed(&mut self, id: NotificationId, now: Instant) -> bool {
        if self.deferred.len() == HASTENED_MAX {
            self.deferred.pop_front();
        }
        self.deferred.push_back(id);
        match self.paused_until {
            None => {
                self.pause = FIRST_PAUSE;
                self.paused_until = Some(now + self.pause);
                true
            }
            Some(until) if self.probing || now >= until => {
                self.probing = false;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.paused_until = Some(now + self.pause);
                false
            }
            Some(_) => false,
        }
    }

    /// A message got through to the server. If the route was paused, it is open again, and the notifications that
    /// waited because of it are returned.
    pub fn worked(&mut self) -> Option<Vec<NotificationId>> {
        self.probing = false;
        self.paused_until.take()?;
        Some(self.deferred.drain(..).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use postrider_core::domain::id::NotificationId;
    use postrider_core::domain::time::Timestamp;

    use super::{Allowance, LONGEST_PAUSE, Route};

    fn id(n: u128) -> NotificationId {
        NotificationId::new(Timestamp::EPOCH, n)
    }

    #[test]
    fn a_fault_pauses_and_then_one_probe_is_allowed() {
        let start = Instant::now();
        let mut route = Route::default();
        assert_eq!(route.allowance(start), Allowance::Open);
        assert!(route.failed(id(1), start));
        let until = start + Duration::from_secs(1);
        assert_eq!(route.allowance(start), Allowance::PausedUntil(until));
        assert_eq!(route.allowance(until), Allowance::Probe);
    }

    #[test]
    fn faults_of_one_moment_count_once() {
        let start = Instant::now();
        let mut route = Route::default();
        for n in 0..50 {
            route.failed(id(n), start);
        }
        assert_eq!(route.allowance(start + Duration::from_secs(1)), Allowance::Probe);
    }

    #[test]
    fn a_probe_that_fails_doubles_the_pause_and_one_that_hangs_is_followed_by_another() {
        let start = Instant::now();
        let mut route = Route::default();
        route.failed(id(1), start);
        let probed = start + Duration::from_secs(1);
        route.probe_started(probed);
        assert_eq!(route.allowance(probed), Allowance::PausedUntil(probed + LONGEST_PAUSE));
        assert_eq!(route.allowance(probed + LONGEST_PAUSE), Allowance::Probe);
        route.failed(id(2), probed);
        assert_eq!(route.allowance(probed), Allowance::PausedUntil(probed + Duration::from_secs(2)));
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let mut now = Instant::now();
        let mut route = Route::default();
        for n in 0..20 {
            route.failed(id(n), now);
            let Allowance::PausedUntil(until) = route.allowance(now) else { panic!("not paused") };
            assert!(until - now <= LONGEST_PAUSE);
            now = until;
        }
        route.failed(id(99), now);
        assert_eq!(route.allowance(now), Allowance::PausedUntil(now + LONGEST_PAUSE));
    }

    #[test]
    fn success_opens_the_route_and_gives_back_who_waited() {
        let start = Instant::now();
        let mut route = Route::default();
        assert_eq!(route.worked(), None);
        route.failed(id(1), start);
        route.failed(id(2), start);
        assert_eq!(route.worked(), Some(vec![id(1), id(2)]));
        assert_eq!(route.allowance(start), Allowance::Open);
        assert_eq!(route.worked(), None);
    }
}

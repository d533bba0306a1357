//! Claims what is due and starts an attempt for each claim, as many at once as the configuration allows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{CLAIM_MAX, HASTENING_MAX};
use postrider_core::ports::ledger::{ClaimDue, Claims, Intervention, LedgerError};
use tokio::sync::{Semaphore, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::Engine;
use super::attempt::{InHand, Report};
use super::pace::{Pace, Waiting};
use super::route::{Allowance, Change, Route, Sign};

/// The dispatcher shows signs of life at least this often.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long it waits after the ledger has refused a claim.
const REFUSED_PAUSE: Duration = Duration::from_millis(500);

struct Dispatcher {
    engine: Arc<Engine>,
    stop: watch::Receiver<bool>,
    route: Route,
    /// `None` if there is no rate to keep.
    pace: Option<Arc<Pace>>,
    send_slots: Arc<Semaphore>,
    /// One task for each notification in hand. `None` from a task that only records the end of a lost attempt.
    attempts: JoinSet<Option<Report>>,
    /// What is in hand, by task.
    in_hand: HashMap<Id, InHand>,
    /// Hastening what waited for the route; one task at a time.
    errands: JoinSet<()>,
    /// Something may be due now.
    look: bool,
    /// When something becomes due next, as far as known.
    next_due: Option<Timestamp>,
}

pub async fn run(engine: Arc<Engine>, stop: watch::Receiver<bool>) {
    let dispatcher = Dispatcher {
        route: Route::default(),
        pace: engine.rate().map(|rate| Pace::new(rate, Instant::now())),
        send_slots: Arc::new(Semaphore::new(engine.connections)),
        attempts: JoinSet::new(),
        in_hand: HashMap::with_capacity(engine.concurrency),
        errands: JoinSet::new(),
        look: true,
        next_due: None,
        engine,
        stop,
    };
    dispatcher.run().await;
}

impl Dispatcher {
    async fn run(mut self) {
        while !*self.stop.borrow() {
            self.engine.health.dispatcher_seen(self.engine.clock.now());
            self.hasten_who_waited();
            self.keep_pace();
            let limit = self.limit();
            if limit == 0 || !self.look {
                self.wait().await;
                continue;
            }
            match self.claim(limit).await {
                Ok(claims) => self.start(claims, limit),
                Err(LedgerError::Unavailable { reason }) => {
                    tracing::error!(reason, "nothing could be claimed");
                    tokio::time::sleep(REFUSED_PAUSE).await;
                }
                Err(LedgerError::Fatal { reason }) => {
                    self.engine.fatal.send_replace(Some(reason));
                    break;
                }
            }
        }
        self.drain().await;
    }

    /// Follows the rate, which the mailer's account may change. What was known once is kept while nobody knows.
    fn keep_pace(&mut self) {
        match (self.engine.rate(), &self.pace) {
            (Some(rate), Some(pace)) => pace.set(rate),
            (Some(rate), None) => self.pace = Some(Pace::new(rate, Instant::now())),
            (None, _) => {}
        }
    }

    /// How many notifications may be claimed now.
    fn limit(&mut self) -> usize {
        let free = self.engine.concurrency.saturating_sub(self.attempts.len());
        // Few large claims cost less than many small ones; with little in hand there is nothing to wait for.
        if free < self.engine.concurrency.div_ceil(4) {
            return 0;
        }
        let by_route = match self.route.allowance(Instant::now()) {
            Allowance::Open => usize::MAX,
            Allowance::Probe => 1,
            Allowance::PausedUntil(_) => 0,
        };
        let by_pace = self.pace.as_ref().map_or(usize::MAX, |pace| pace.room());
        free.min(by_route).min(by_pace).min(CLAIM_MAX)
    }

    async fn claim(&mut self, limit: usize) -> Result<Claims, LedgerError> {
        let now = self.engine.clock.now();
        let lease_until = now.plus_ms(self.engine.lease_ms());
        self.engine.ledger.claim_due(ClaimDue { now, lease_until, limit }).await
    }

    fn start(&mut self, claims: Claims, limit: usize) {
        // Places that the suppressed took may be wanted by others that are due.
        self.look = claims.claims.len() >= limit || claims.suppressed > 0;
        self.engine.metrics.suppressed.inc_by(claims.suppressed as u64);
        self.next_due = claims.next_due_at;
        let now = Instant::now();
        let claimed_at = self.engine.clock.now();
        for claim in claims.claims {
            let in_hand = InHand::new(&claim, claimed_at, self.route.departs(now));
            let waiting = Waiting::at(self.pace.as_ref());
            let engine = Arc::clone(&self.engine);
            let slots = Arc::clone(&self.send_slots);
            let stop = self.stop.clone();
            let task = self
                .attempts
                .spawn(async move { Some(engine.attempt(claim, in_hand, waiting, &slots, stop).await) });
            self.in_hand.insert(task.id(), in_hand);
        }
    }

    /// Waits until something may be done, at most a heartbeat.
    async fn wait(&mut self) {
        let now = Instant::now();
        let mut until = now + HEARTBEAT;
        if let Allowance::PausedUntil(resume) = self.route.allowance(now) {
            until = until.min(resume);
        }
        if let Some(due) = self.next_due.filter(|_| !self.look) {
            let ms = due.ms_since(self.engine.clock.now());
            until = until.min(now + Duration::from_millis(ms));
        }
        let room = async {
            match &self.pace {
                Some(pace) => pace.emptied.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.engine.wake.notified() => self.look = true,
            Some(ended) = self.attempts.join_next_with_id() => self.end(ended),
            () = room => {}
            Some(_) = self.errands.join_next() => {}
            // Also without a reason: what is due is in the ledger, and no wake-up is needed to find it.
            () = tokio::time::sleep_until(until) => self.look = true,
            _ = self.stop.changed() => {}
        }
        while let Some(ended) = self.attempts.try_join_next_with_id() {
            self.end(ended);
        }
    }

    fn end(&mut self, ended: Result<(Id, Option<Report>), JoinError>) {
        match ended {
            Ok((task, report)) => {
                if let (Some(in_hand), Some(report)) = (self.in_hand.remove(&task), report) {
                    self.take(in_hand, report);
                }
            }
            Err(error) => {
                let Some(in_hand) = self.in_hand.remove(&error.id()) else { return };
                self.lose(in_hand);
            }
        }
    }

    fn take(&mut self, in_hand: InHand, report: Report) {
        if let Some(at) = report.again_at {
            self.next_due = Some(self.next_due.map_or(at, |due| due.min(at)));
        }
        let now = Instant::now();
        match self.route.arrived(in_hand.id, in_hand.departure, report.sign, now) {
            Change::Paused => {
                let cause = report.route_fault.as_ref().map(ToString::to_string);
                tracing::error!(cause, "the route to the mail server is paused; messages wait");
            }
            Change::Opened => {
                tracing::info!("the route to the mail server works again");
                self.engine.health.set_route_fault(None);
                self.look = true;
            }
            Change::None => {}
        }
        // A fault that began before the route was opened again says nothing about it.
        if let Some(cause) = report.route_fault.filter(|_| self.route.allowance(now) != Allowance::Open) {
            self.engine.health.set_route_fault(Some(cause.to_string()));
        }
    }

    /// An attempt's task panicked. Its place is free, and the ledger is told what is known, which is nothing.
    fn lose(&mut self, in_hand: InHand) {
        if in_hand.is_lost {
            tracing::error!(
                notification_id = %in_hand.id,
                "the end of a lost attempt could not be recorded; its outcome is unknown once its lease has run out"
            );
            return;
        }
        tracing::error!(
            notification_id = %in_hand.id,
            "an attempt ended in a panic, which is a fault of the program; its outcome is unknown, the others go on"
        );
        self.route.arrived(in_hand.id, in_hand.departure, Sign::Silent, Instant::now());
        let engine = Arc::clone(&self.engine);
        let task = self.attempts.spawn(async move {
            engine.record_lost(in_hand).await;
            None
        });
        self.in_hand.insert(task.id(), InHand { is_lost: true, ..in_hand });
    }

    /// Sends off what hastens those who waited for the route, once it is open. Who is deferred meanwhile is
    /// remembered until the errand is done.
    fn hasten_who_waited(&mut self) {
        while self.errands.try_join_next().is_some() {}
        if !self.errands.is_empty() {
            return;
        }
        let waiting = self.route.take_waiting();
        if !waiting.is_empty() {
            tracing::info!(hastened = waiting.len(), "messages that waited for the mail server go first");
            self.errands.spawn(hasten(Arc::clone(&self.engine), waiting, self.stop.clone()));
        }
    }

    /// Waits for everything in hand; attempts that have not begun give their notification back.
    async fn drain(mut self) {
        while let Some(ended) = self.attempts.join_next_with_id().await {
            self.end(ended);
        }
        while self.errands.join_next().await.is_some() {}
    }
}

/// Hastens many at once, so that the ledger can commit them together, and stops when told to: whoever is left goes at
/// its own time.
pub(super) async fn hasten(
    engine: Arc<Engine>,
    waiting: Vec<NotificationId>,
    mut stop: watch::Receiver<bool>,
) {
    let all = async {
        let mut steps = JoinSet::new();
        for id in waiting {
            if steps.len() >= HASTENING_MAX {
                steps.join_next().await;
            }
            let engine = Arc::clone(&engine);
            steps.spawn(async move {
                // One that is no longer deferred, or a ledger that is busy: it goes at its own time.
                let _ = engine.ledger.intervene(id, Intervention::Hasten, engine.clock.now()).await;
            });
        }
        while steps.join_next().await.is_some() {}
    };
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => {}
        () = all => {}
    }
    engine.wake.notify_one();
}

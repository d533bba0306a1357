//! Claims what is due and starts an attempt for each claim, as many at once as the configuration allows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::{FaultScope, Words};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::CLAIM_MAX;
use postrider_core::ports::ledger::{Claim, ClaimDue, Claims, FinishAttempt, Intervention, LedgerError};
use postrider_core::use_cases::deliver::Deliver;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::Engine;
use super::pace::Pace;
use super::route::{Allowance, Route};

/// The dispatcher shows signs of life at least this often.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long it waits after the ledger has refused a claim.
const REFUSED_PAUSE: Duration = Duration::from_millis(500);

/// What an attempt tells the dispatcher when it has ended.
struct Report {
    id: NotificationId,
    /// `Some` if the route was at fault, with the cause.
    route_fault: Option<String>,
    /// Whether the server was reached at all.
    reached: bool,
    /// When it is to be tried again, if it is.
    again_at: Option<Timestamp>,
}

struct Dispatcher {
    engine: Arc<Engine>,
    stop: watch::Receiver<bool>,
    route: Route,
    pace: Pace,
    send_slots: Arc<Semaphore>,
    reports: mpsc::Receiver<Report>,
    report_to: mpsc::Sender<Report>,
    in_hand: usize,
    tasks: JoinSet<()>,
    /// Something may be due now.
    look: bool,
    /// When something becomes due next, as far as known.
    next_due: Option<Timestamp>,
}

pub async fn run(engine: Arc<Engine>, stop: watch::Receiver<bool>) {
    let (report_to, reports) = mpsc::channel(engine.concurrency);
    let dispatcher = Dispatcher {
        route: Route::default(),
        pace: Pace::new(engine.rate_per_second, Instant::now()),
        send_slots: Arc::new(Semaphore::new(engine.connections)),
        reports,
        report_to,
        in_hand: 0,
        tasks: JoinSet::new(),
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

    /// How many notifications may be claimed now.
    fn limit(&mut self) -> usize {
        let free = self.engine.concurrency - self.in_hand;
        // Few large claims cost less than many small ones; with little in hand there is nothing to wait for.
        if free < self.engine.concurrency.div_ceil(4) {
            return 0;
        }
        let now = Instant::now();
        let by_route = match self.route.allowance(now) {
            Allowance::Open => usize::MAX,
            Allowance::Probe => 1,
            Allowance::PausedUntil(_) => 0,
        };
        free.min(by_route).min(self.pace.allowance(now)).min(CLAIM_MAX)
    }

    async fn claim(&mut self, limit: usize) -> Result<Claims, LedgerError> {
        let now = self.engine.clock.now();
        let lease_until = now.plus_ms(self.engine.lease_ms());
        self.engine.ledger.claim_due(ClaimDue { now, lease_until, limit }).await
    }

    fn start(&mut self, claims: Claims, limit: usize) {
        self.look = claims.claims.len() >= limit;
        self.next_due = claims.next_due_at;
        self.pace.take(claims.claims.len());
        let now = Instant::now();
        if !claims.claims.is_empty() && self.route.allowance(now) == Allowance::Probe {
            self.route.probe_started(now);
        }
        let claimed_at = self.engine.clock.now();
        for claim in claims.claims {
            self.in_hand += 1;
            let engine = Arc::clone(&self.engine);
            let slots = Arc::clone(&self.send_slots);
            let stop = self.stop.clone();
            let report_to = self.report_to.clone();
            self.tasks.spawn(async move {
                let report = attempt(&engine, claim, claimed_at, &slots, stop).await;
                // The dispatcher is gone only when the process is going.
                let _ = report_to.send(report).await;
            });
        }
    }

    /// Waits until something may be done, at most a heartbeat.
    async fn wait(&mut self) {
        let now = Instant::now();
        let mut until = now + HEARTBEAT;
        match self.route.allowance(now) {
            Allowance::PausedUntil(resume) => until = until.min(resume),
            Allowance::Open | Allowance::Probe => {
                if let Some(next) = self.pace.next(now).filter(|_| self.look) {
                    until = until.min(next.max(now + Duration::from_millis(1)));
                }
            }
        }
        if let Some(due) = self.next_due.filter(|_| !self.look) {
            let ms = due.ms_since(self.engine.clock.now());
            until = until.min(now + Duration::from_millis(ms));
        }
        tokio::select! {
            () = self.engine.wake.notified() => self.look = true,
            Some(report) = self.reports.recv() => self.take(report),
            // Also without a reason: what is due is in the ledger, and no wake-up is needed to find it.
            () = tokio::time::sleep_until(until.into()) => self.look = true,
            _ = self.stop.changed() => {}
        }
        while let Ok(report) = self.reports.try_recv() {
            self.take(report);
        }
        while self.tasks.try_join_next().is_some() {}
    }

    fn take(&mut self, report: Report) {
        self.in_hand -= 1;
        if let Some(again_at) = report.again_at {
            self.next_due = Some(self.next_due.map_or(again_at, |due| due.min(again_at)));
        }
        match report.route_fault {
            Some(cause) => {
                if self.route.failed(report.id, Instant::now()) {
                    tracing::error!(cause, "the route to the mail server is paused; messages wait");
                }
                self.engine.health.set_route_fault(Some(cause));
            }
            None if report.reached => {
                if let Some(waiting) = self.route.worked() {
                    tracing::info!(hastened = waiting.len(), "the route to the mail server works again");
                    self.engine.health.set_route_fault(None);
                    self.hasten(waiting);
                }
            }
            None => {}
        }
    }

    fn hasten(&mut self, waiting: Vec<NotificationId>) {
        let engine = Arc::clone(&self.engine);
        self.tasks.spawn(async move {
            for id in waiting {
                // One that is no longer deferred, or a ledger that is busy: it goes at its own time.
                let _ = engine.ledger.intervene(id, Intervention::Hasten, engine.clock.now()).await;
            }
            engine.wake.notify_one();
        });
    }

    /// Waits for everything in hand; attempts that have not begun give their notification back.
    async fn drain(mut self) {
        while self.tasks.join_next().await.is_some() {
            while self.reports.try_recv().is_ok() {}
        }
    }
}

async fn attempt(
    engine: &Engine,
    claim: Claim,
    claimed_at: Timestamp,
    slots: &Semaphore,
    mut stop: watch::Receiver<bool>,
) -> Report {
    let id = claim.notification.id;
    let accepted_at = claim.notification.send_at.unwrap_or(claim.notification.created_at);
    let correlation = claim.notification.correlation_id.clone();
    let slot = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => None,
        slot = slots.acquire() => slot.ok(),
    };
    let Some(slot) = slot else {
        let finish = FinishAttempt {
            id,
            fence: claim.notification.lifecycle.fence,
            claimed_at,
            now: engine.clock.now(),
            verdict: Verdict::Released,
            mailer: engine.mailer.name().to_owned(),
            words: Words::default(),
            copy: None,
        };
        engine.record(finish, accepted_at, correlation.as_deref()).await;
        return Report { id, route_fault: None, reached: false, again_at: None };
    };
    let deliver = Deliver {
        catalog: &*engine.catalog,
        mailer: &*engine.mailer,
        clock: &*engine.clock,
        random: &*engine.random,
        policy: &engine.policy,
    };
    let attempt = deliver.run(claim, claimed_at).await;
    drop(slot);
    let fault = attempt.failure.as_ref().filter(|failure| failure.scope == FaultScope::Route);
    let route_fault = fault.map(|failure| failure.cause.to_string());
    let reached = attempt.mailer_asked && route_fault.is_none();
    let again_at = match &attempt.finish.verdict {
        Verdict::Deferred { until, .. } => Some(*until),
        Verdict::Sent
        | Verdict::Failed { .. }
        | Verdict::Dead { .. }
        | Verdict::Unknown { .. }
        | Verdict::Released => None,
    };
    engine.record(attempt.finish, accepted_at, correlation.as_deref()).await;
    Report { id, route_fault, reached, again_at }
}

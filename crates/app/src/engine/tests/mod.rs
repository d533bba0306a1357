//! The engine with a ledger in memory, a mailer that does what a test says, and a clock that jumps when nothing is
//! left to do.

mod guards;
mod hold;
mod panics;
mod rate;
mod route;
mod stop;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::{Event, StoredEvent};
use postrider_core::domain::guard::Guards;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::{Lifecycle, OnUnknown};
use postrider_core::domain::notification::{Notification, PlannedNotification, Priority};
use postrider_core::domain::outcome::{
    AttemptOutcome, Cause, Failure, FailureClass, FaultScope, Reach, Words,
};
use postrider_core::domain::retry::RetryPolicy;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::{Catalog, ComposeFailure, Composed, Rejection, RenditionId, SentCopy};
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::mailer::{Envelope, Mailer, OutgoingMessage, Stop};
use postrider_http::health::Health;
use postrider_http::metrics::Metrics;
use postrider_testkit::contract::scene::{Scene, recipient_rules};
use postrider_testkit::memory_ledger::MemoryLedger;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::Engine;

/// What the mailer does with a message.
pub enum Act {
    Take,
    TakeAfter(Duration),
    Fail(Failure),
    FailAfter(Duration, Failure),
    Panic,
    /// Waits until the process stops, and gives the message back then.
    HangUntilStop,
}

type Behaviour = Box<dyn Fn(&str) -> Act + Send + Sync>;

/// Does what `behave` says of an order, and notes who was handed over when.
pub struct TestMailer {
    behave: Behaviour,
    handed_over: Mutex<Vec<(String, Instant)>>,
}

#[async_trait]
impl Mailer for TestMailer {
    fn name(&self) -> &'static str {
        "test"
    }

    fn deadline_ms(&self) -> u64 {
        10_000
    }

    async fn send(&self, message: &OutgoingMessage, stop: Stop<'_>) -> AttemptOutcome {
        let order = String::from_utf8_lossy(&message.message).into_owned();
        let act = (self.behave)(&order);
        self.handed_over.lock().unwrap_or_else(PoisonError::into_inner).push((order, Instant::now()));
        match act {
            Act::Take => {}
            Act::TakeAfter(delay) => sleep(delay).await,
            Act::Fail(failure) => return AttemptOutcome::NotAccepted(failure),
            Act::FailAfter(delay, failure) => {
                sleep(delay).await;
                return AttemptOutcome::NotAccepted(failure);
            }
            Act::Panic => panic!("as the test says"),
            Act::HangUntilStop => {
                stop.await;
                return AttemptOutcome::Released;
            }
        }
        AttemptOutcome::Accepted { words: Words::default() }
    }
}

/// Writes the order's id as the message; panics for the orders a test names.
struct TestCatalog {
    panics_for: &'static [&'static str],
    guards: Option<(&'static str, Arc<Guards>)>,
}

impl Catalog for TestCatalog {
    fn plan(&self, _event: &Event) -> Result<Vec<PlannedNotification>, Rejection> {
        Ok(Vec::new())
    }

    fn guards(&self, notification_type: &str) -> Option<Arc<Guards>> {
        self.guards
            .as_ref()
            .filter(|(name, _)| *name == notification_type)
            .map(|(_, guards)| Arc::clone(guards))
    }

    fn compose(
        &self,
        notification: &Notification,
        _event: &StoredEvent,
        at: Timestamp,
    ) -> Result<Composed, ComposeFailure> {
        let order = notification.order_id.clone().unwrap_or_default();
        assert!(!self.panics_for.contains(&order.as_str()), "as the test says");
        let address = EmailAddress::parse("ada@example.com").unwrap();
        Ok(Composed {
            envelope: Envelope { return_path: address.clone(), recipient: address },
            message: order.into_bytes(),
            copy: SentCopy {
                rendition: RenditionId(Fingerprint::of_parts(&[])),
                composed_at: at,
                fingerprint: Fingerprint::of_parts(&[]),
                signature: None,
            },
        })
    }
}

/// Tokio's paused clock, which jumps to the next timer when every task waits. Counts how often it is read.
struct JumpingClock {
    start: Instant,
    epoch: Timestamp,
    reads: AtomicUsize,
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.epoch.plus_ms(u64::try_from(self.start.elapsed().as_millis()).unwrap())
    }
}

/// Draws the longest delay every time.
struct LongestDelay;

impl Random for LongestDelay {
    fn next_u64(&self) -> u64 {
        u64::MAX
    }
}

/// What differs from test to test.
pub struct Stage {
    pub concurrency: usize,
    pub connections: usize,
    pub rate_per_second: Option<u32>,
    pub compose_panics_for: &'static [&'static str],
    /// Of one type.
    pub guards: Option<(&'static str, Guards)>,
    pub behave: Behaviour,
}

impl Stage {
    pub fn new(behave: impl Fn(&str) -> Act + Send + Sync + 'static) -> Self {
        Self {
            concurrency: 1,
            connections: 1,
            rate_per_second: None,
            compose_panics_for: &[],
            guards: None,
            behave: Box::new(behave),
        }
    }
}

/// A stage with an engine on it, which runs from [`World::run`] to [`World::stop`].
pub struct World {
    pub scene: Scene,
    pub engine: Arc<Engine>,
    pub start: Instant,
    mailer: Arc<TestMailer>,
    clock: Arc<JumpingClock>,
    stop: watch::Sender<bool>,
    running: Option<JoinHandle<()>>,
}

impl World {
    pub fn new(stage: Stage) -> Self {
        let scene = Scene::new(Arc::new(MemoryLedger::new(recipient_rules())));
        let start = Instant::now();
        let clock = Arc::new(JumpingClock { start, epoch: scene.now(), reads: AtomicUsize::new(0) });
        let mailer = Arc::new(TestMailer { behave: stage.behave, handed_over: Mutex::default() });
        let engine = Engine {
            ledger: Arc::clone(&scene.ledger),
            catalog: Arc::new(TestCatalog {
                panics_for: stage.compose_panics_for,
                guards: stage.guards.map(|(name, guards)| (name, Arc::new(guards))),
            }),
            mailer: Arc::clone(&mailer) as Arc<dyn Mailer>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(LongestDelay),
            policy: RetryPolicy { base_delay_ms: HOUR_MS, max_delay_ms: HOUR_MS, ..RetryPolicy::default() },
            on_unknown: OnUnknown::Hold,
            concurrency: stage.concurrency,
            connections: stage.connections,
            rate_per_second: stage.rate_per_second,
            account_rate: Arc::new(|| None),
            metrics: Arc::new(Metrics::default()),
            health: Arc::new(Health::new(scene.now())),
            hold: Arc::default(),
            wake: Arc::new(Notify::new()),
            fatal: watch::channel(None).0,
        };
        let stop = watch::channel(false).0;
        Self { scene, engine: Arc::new(engine), start, mailer, clock, stop, running: None }
    }

    /// Posts orders in this order.
    pub async fn post(&self, orders: &[&str]) -> Vec<NotificationId> {
        let mut ids = Vec::new();
        for order in orders {
            ids.push(self.scene.post(order).await);
            self.scene.clock.advance_ms(1);
        }
        sleep(Duration::from_millis(orders.len() as u64)).await;
        self.engine.wake.notify_one();
        ids
    }

    /// Posts an order that goes before the others.
    pub async fn post_urgent(&self, order: &str) -> NotificationId {
        let mut acceptance = self.scene.acceptance(order);
        acceptance.notifications[0].1.priority = Priority::High;
        let accepted = self.scene.accept(acceptance).await;
        self.engine.wake.notify_one();
        accepted.notifications[0].id
    }

    pub fn run(&mut self) {
        self.running = Some(tokio::spawn(Arc::clone(&self.engine).run(self.stop.subscribe())));
    }

    /// Tells the engine to stop, and how long it took.
    pub async fn stop(&mut self) -> Duration {
        let told = Instant::now();
        self.stop.send_replace(true);
        self.running.take().unwrap().await.unwrap();
        told.elapsed()
    }

    pub async fn lifecycle(&self, id: NotificationId) -> Lifecycle {
        self.scene.notification(id).await.lifecycle
    }

    /// Waits until `id` is in `status`. Time jumps, so that an hour of it is a moment.
    pub async fn until(&self, id: NotificationId, status: Status) -> Lifecycle {
        for _ in 0..100_000 {
            let lifecycle = self.lifecycle(id).await;
            if lifecycle.status == status {
                return lifecycle;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("never {status}, but {:?}", self.lifecycle(id).await);
    }

    /// Which orders were handed over, and how many milliseconds after the start.
    pub fn handed_over(&self) -> Vec<(String, u64)> {
        let handed_over = self.mailer.handed_over.lock().unwrap_or_else(PoisonError::into_inner);
        let ms = |at: Instant| u64::try_from((at - self.start).as_millis()).unwrap();
        handed_over.iter().map(|(order, at)| (order.clone(), ms(*at))).collect()
    }

    pub fn clock_reads(&self) -> usize {
        self.clock.reads.load(Ordering::Relaxed)
    }
}

pub const HOUR_MS: u64 = 3_600_000;

fn failure(scope: FaultScope, reach: Reach, cause: &'static str) -> Failure {
    let (class, words) = (FailureClass::Retryable, Words::default());
    let cause = Cause::known(cause);
    Failure { class, scope, cause, words, spends_attempt: true, reach, is_account_fault: false }
}

/// The server could not be reached.
pub fn refused() -> Failure {
    failure(FaultScope::Route, Reach::BeforeMessage, "connect_refused")
}

/// The server refused this message for what it thinks of us.
pub fn blocked() -> Failure {
    failure(FaultScope::Route, Reach::Answered, "smtp_550_5.7.1")
}

/// The connection broke in the middle of this message.
pub fn cut() -> Failure {
    failure(FaultScope::Message, Reach::Unanswered, "disconnected_at_rcpt")
}

/// The server refused this message for what it is.
pub fn greylisted() -> Failure {
    failure(FaultScope::Message, Reach::Answered, "smtp_450_4.2.0")
}

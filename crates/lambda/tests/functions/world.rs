//! The world of one test: parts whose time is Tokio's paused clock, which jumps to the next timer when everything waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use postrider_aws::emf::Measurements;
use postrider_aws::ingest::{BatchAnswer, QueueBatch};
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::OnUnknown;
use postrider_core::domain::notification::Notification;
use postrider_core::domain::outcome::{
    AttemptOutcome, Cause, Failure, FailureClass, FaultScope, Reach, Words,
};
use postrider_core::domain::retry::RetryPolicy;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::clock::Clock;
use postrider_core::ports::ledger::{Ledger, ListQuery};
use postrider_core::ports::mailer::{Mailer, OutgoingMessage, Stop};
use postrider_lambda::invocation::Invocation;
use postrider_lambda::parts::{Parts, TimerPause};
use postrider_lambda::{dispatch, feedback, sweep};
use postrider_mail::types::{Sender, TypeSet, TypeSource};
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::faulty_ledger::{Fault, FaultyLedger};
use postrider_testkit::memory_ledger::MemoryLedger;
use postrider_testkit::random::SeededRandom;
use tokio::time::{Instant, sleep};

/// The longest a send may take.
pub const MAILER_DEADLINE_MS: u64 = 10_000;
/// How long an unknown outcome waits for a report.
pub const UNKNOWN_WAIT_MS: u64 = 600_000;

/// What the mailer does with a message.
pub enum Act {
    Take,
    TakeAfterMs(u64),
    Fail(Failure),
    Panic,
    /// Never answers.
    Hang,
}

type Behaviour = Box<dyn Fn(&str) -> Act + Send + Sync>;

/// Does what `behave` says of a message's text, and notes what was handed over.
pub struct TestMailer {
    behave: Behaviour,
    sent: Mutex<Vec<NotificationId>>,
    asked: Mutex<usize>,
    in_hand: Mutex<(usize, usize)>,
    yields: bool,
}

impl TestMailer {
    fn enter(&self) {
        let mut in_hand = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        in_hand.0 += 1;
        in_hand.1 = in_hand.1.max(in_hand.0);
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn leave(&self) {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner).0 -= 1;
    }
}

#[async_trait]
impl Mailer for TestMailer {
    fn name(&self) -> &'static str {
        "test"
    }

    fn deadline_ms(&self) -> u64 {
        MAILER_DEADLINE_MS
    }

    async fn send(&self, message: &OutgoingMessage, _stop: Stop<'_>) -> AttemptOutcome {
        self.enter();
        if self.yields {
            tokio::task::yield_now().await;
        }
        let taken = AttemptOutcome::Accepted { words: Words::new("250 Ok") };
        let outcome = match (self.behave)(&String::from_utf8_lossy(&message.message)) {
            Act::Take => taken,
            Act::TakeAfterMs(ms) => {
                sleep(Duration::from_millis(ms)).await;
                taken
            }
            Act::Fail(failure) => AttemptOutcome::NotAccepted(failure),
            Act::Panic => panic!("as the test says"),
            Act::Hang => std::future::pending().await,
        };
        if matches!(outcome, AttemptOutcome::Accepted { .. }) {
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(message.notification_id);
        }
        if self.yields {
            tokio::task::yield_now().await;
        }
        self.leave();
        outcome
    }
}

/// A failure that may pass.
pub fn passing(scope: FaultScope, cause: &'static str) -> Failure {
    Failure {
        class: FailureClass::Retryable,
        scope,
        cause: Cause::known(cause),
        words: Words::default(),
        spends_attempt: scope == FaultScope::Message,
        is_account_fault: scope == FaultScope::Route,
        reach: Reach::Unanswered,
    }
}

/// Tokio's paused clock.
struct JumpingClock {
    start: Instant,
    epoch: Timestamp,
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        self.epoch.plus_ms(u64::try_from(self.start.elapsed().as_millis()).unwrap())
    }
}

pub struct World {
    pub ledger: Arc<FaultyLedger>,
    pub mailer: Arc<TestMailer>,
    pub parts: Parts,
}

impl World {
    /// One whose mailer takes everything.
    pub fn new() -> Self {
        Self::with_mailer(|_| Act::Take)
    }

    pub fn with_mailer(behave: impl Fn(&str) -> Act + Send + Sync + 'static) -> Self {
        Self::build(Box::new(behave), false)
    }

    /// One whose every call of ledger and mailer can be interrupted before its effect and after it.
    pub fn interruptible() -> Self {
        Self::build(Box::new(|_| Act::Take), true)
    }

    fn build(behave: Behaviour, yields: bool) -> Self {
        let memory = Arc::new(MemoryLedger::new(recipient_rules()));
        let faulty = FaultyLedger::new(memory);
        let ledger = Arc::new(if yields { faulty.interruptible() } else { faulty });
        let mailer = Arc::new(TestMailer {
            behave,
            sent: Mutex::default(),
            asked: Mutex::default(),
            in_hand: Mutex::default(),
            yields,
        });
        let sender = Sender::new(None, EmailAddress::parse("orders@shop.example").unwrap());
        let epoch = Timestamp::from_millis(1_795_428_000_000);
        let parts = Parts {
            ledger: Arc::clone(&ledger) as Arc<dyn Ledger>,
            catalog: Arc::new(TypeSet::load(&TypeSource::Shipped, sender).unwrap()),
            mailer: Arc::clone(&mailer) as Arc<dyn Mailer>,
            clock: Arc::new(JumpingClock { start: Instant::now(), epoch }),
            random: Arc::new(SeededRandom::new(1)),
            pause: Arc::new(TimerPause),
            secret: recipient_rules().secret,
            policy: RetryPolicy { unknown_wait_ms: UNKNOWN_WAIT_MS, ..RetryPolicy::default() },
            on_unknown: OnUnknown::Resend,
            renditions: None,
            concurrency: 10,
            hold: Arc::default(),
        };
        Self { ledger, mailer, parts }
    }

    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// One that has a minute.
    pub fn invocation(&self) -> Invocation {
        self.invocation_of_ms(60_000)
    }

    pub fn invocation_of_ms(&self, ms: u64) -> Invocation {
        Invocation { request_id: "req-1".to_owned(), deadline: self.now().plus_ms(ms) }
    }

    pub async fn dispatch(&self, batch: QueueBatch) -> (BatchAnswer, Measurements) {
        dispatch::handle(&self.parts, batch, &self.invocation()).await
    }

    pub async fn feedback(&self, batch: QueueBatch) -> (BatchAnswer, Measurements) {
        feedback::handle(&self.parts, batch, &self.invocation()).await
    }

    /// A sweep that must succeed.
    pub async fn sweep(&self) -> Measurements {
        let mut measured = Measurements::default();
        sweep::handle(&self.parts, None, &self.invocation(), &mut measured).await.unwrap();
        measured
    }

    /// One fault for each of the next calls of the ledger.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.ledger.plan(faults);
    }

    /// Everything in the ledger, newest first.
    pub async fn notifications(&self) -> Vec<Notification> {
        let query = ListQuery { limit: 100, ..ListQuery::default() };
        self.ledger.list(query).await.unwrap().notifications
    }

    pub async fn of_order(&self, order: &str) -> Notification {
        let query = ListQuery { order_id: Some(order.to_owned()), limit: 10, ..ListQuery::default() };
        let mut found = self.ledger.list(query).await.unwrap().notifications;
        assert_eq!(found.len(), 1, "one notification of order {order}");
        found.remove(0)
    }

    pub async fn status(&self, order: &str) -> Status {
        self.of_order(order).await.lifecycle.status
    }

    pub async fn story(&self, id: NotificationId) -> Vec<TimelineKind> {
        let record = self.ledger.find(id).await.unwrap().unwrap();
        record.timeline().into_iter().map(|entry| entry.kind).collect()
    }

    /// How many copies of the message left.
    pub fn copies(&self, id: NotificationId) -> usize {
        let sent = self.mailer.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.iter().filter(|each| **each == id).count()
    }

    /// How many messages left.
    pub fn sent(&self) -> usize {
        self.mailer.sent.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How often the mailer was asked.
    pub fn asked(&self) -> usize {
        *self.mailer.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many messages the mailer had in hand at the same time at most.
    pub fn most_in_hand(&self) -> usize {
        self.mailer.in_hand.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// The same with other numbers to draw.
    pub fn seeded(mut self, seed: u64) -> Self {
        self.parts.random = Arc::new(SeededRandom::new(seed));
        self
    }

    /// Lets every call of the ledger pass from now on.
    pub fn plan_nothing(&self) {
        self.ledger.forget_plan();
    }

    /// A number that is the same in every run.
    pub fn draw(&self, below: u64) -> u64 {
        self.parts.random.next_u64() % below
    }
}

/// Which messages must come again, sorted.
pub fn again(answer: &BatchAnswer) -> Vec<&str> {
    let mut ids: Vec<&str> =
        answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    ids.sort_unstable();
    ids
}

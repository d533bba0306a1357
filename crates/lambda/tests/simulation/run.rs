//! One run: what a seed makes of it, and what must be true at its end.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::Duration;

use postrider_aws::emf::Measurements;
use postrider_aws::ingest::BatchAnswer;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::lifecycle::OnUnknown;
use postrider_core::domain::notification::NotificationRecord;
use postrider_core::domain::retry::RetryPolicy;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::ledger::ListQuery;
use postrider_core::ports::mailer::Mailer;
use postrider_dynamodb::fake::{FakeTable, Faults};
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_lambda::invocation::Invocation;
use postrider_lambda::parts::{Parts, TimerPause};
use postrider_lambda::{dispatch, feedback, sweep};
use postrider_mail::types::{Sender, TypeSet, TypeSource};
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::random::SeededRandom;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::mail_service::MailService;
use crate::queue::{Queue, VISIBILITY_MS};

const UNKNOWN_WAIT_MS: u64 = 600_000;
const INVOCATION_MS: u64 = 60_000;
/// What happens before everything is well again.
const TURNS: u64 = 24;
/// Turns in which everything must come to rest then.
const TURNS_TO_REST: u64 = 200;

static TYPES: LazyLock<Arc<TypeSet>> = LazyLock::new(|| {
    let sender = Sender::new(None, EmailAddress::parse("orders@shop.example").unwrap());
    Arc::new(TypeSet::load(&TypeSource::Shipped, sender).unwrap())
});

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

/// What went wrong in some runs, and what became of it.
#[derive(Debug, Default)]
pub struct Tally {
    pub deaths: u64,
    pub lost_answers: u64,
    pub second_copies: u64,
    pub settled_by_report: u64,
    pub repeated_reports: u64,
    pub held: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.deaths += other.deaths;
        self.lost_answers += other.lost_answers;
        self.second_copies += other.second_copies;
        self.settled_by_report += other.settled_by_report;
        self.repeated_reports += other.repeated_reports;
        self.held += other.held;
    }
}

/// One run.
pub struct Run {
    seed: u64,
    random: Arc<SeededRandom>,
    table: Arc<FakeTable>,
    mail: Arc<MailService>,
    parts: Parts,
    orders: Queue,
    reports: Queue,
    published: Vec<String>,
    tally: Tally,
}

impl Run {
    pub async fn new(seed: u64) -> Self {
        let random = Arc::new(SeededRandom::new(seed));
        let table = Arc::new(FakeTable::default());
        let config = DynamoConfig::new("fake");
        let ledger = DynamoLedger::over(
            Arc::clone(&table) as Arc<_>,
            &config,
            recipient_rules(),
            Arc::clone(&random) as Arc<_>,
        );
        let mail = Arc::new(MailService::new(Arc::clone(&random) as Arc<_>));
        let epoch = Timestamp::from_millis(1_795_428_000_000);
        let parts = Parts {
            ledger: Arc::new(ledger.await.unwrap()),
            catalog: Arc::clone(&TYPES) as Arc<_>,
            mailer: Arc::clone(&mail) as Arc<dyn Mailer>,
            clock: Arc::new(JumpingClock { start: Instant::now(), epoch }),
            random: Arc::clone(&random) as Arc<_>,
            pause: Arc::new(TimerPause),
            secret: recipient_rules().secret,
            policy: RetryPolicy {
                unknown_wait_ms: UNKNOWN_WAIT_MS,
                max_attempts: 20,
                ..RetryPolicy::default()
            },
            on_unknown: OnUnknown::Resend,
            renditions: None,
            concurrency: 4,
            hold: Arc::default(),
        };
        let (orders, reports) = (Queue::new("order"), Queue::new("report"));
        Self {
            seed,
            random,
            table,
            mail,
            parts,
            orders,
            reports,
            published: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn draw(&self, below: u64) -> u64 {
        self.random.next_u64() % below
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Plays the run to its end and looks at what is left.
    pub async fn play(mut self) -> Tally {
        let one_in = 4 + self.draw(30);
        self.table.set_faults(Faults::at_random(Arc::clone(&self.random) as Arc<_>, one_in));
        for _ in 0..TURNS {
            self.turn().await;
        }
        self.table.set_faults(Faults::none());
        self.mail.recover();
        self.come_to_rest().await;
        self.check().await;
        self.tally.lost_answers = self.mail.lost_answers();
        self.tally
    }

    async fn turn(&mut self) {
        match self.draw(9) {
            0 | 1 => self.publish(),
            2 | 3 => self.dispatch().await,
            4 => self.dispatch_twice().await,
            5 => self.feedback().await,
            6 => self.sweep().await,
            7 => sleep(Duration::from_millis(self.draw(2 * VISIBILITY_MS))).await,
            _ => sleep(Duration::from_millis(self.draw(2 * UNKNOWN_WAIT_MS))).await,
        }
        self.collect_reports();
    }

    /// A few orders, some again, sometimes poison.
    fn publish(&mut self) {
        let now = self.now();
        for _ in 0..=self.draw(3) {
            let is_again = !self.published.is_empty() && self.draw(3) == 0;
            let order_id = if is_again {
                let place = usize::try_from(self.draw(self.published.len() as u64)).unwrap();
                self.published[place].clone()
            } else {
                let order_id = format!("{}", self.published.len() + 1);
                self.published.push(order_id.clone());
                order_id
            };
            let order = json!({
                "orderId": order_id, "customerEmail": format!("customer-{order_id}@example.com"), "customerName": "Ada Lovelace",
                "items": [{ "name": "Analytical Engine", "quantity": 1, "unitPrice": "129.00" }], "total": "129.00",
            });
            self.orders.put(order.to_string(), now);
        }
        if self.draw(6) == 0 {
            self.orders.put("poison".to_owned(), now);
        }
    }

    /// What the mail service reports gets into the queue, sometimes twice.
    fn collect_reports(&mut self) {
        let now = self.now();
        for report in self.mail.reports() {
            self.reports.put(report.to_string(), now);
            if self.draw(4) == 0 {
                self.reports.put(report.to_string(), now);
                self.tally.repeated_reports += 1;
            }
        }
    }

    fn invocation(&self) -> Invocation {
        Invocation { request_id: "req-1".to_owned(), deadline: self.now().plus_ms(INVOCATION_MS) }
    }

    /// How often an invocation is polled before its process dies; `None` lets it live.
    fn death(&self) -> Option<u64> {
        (self.draw(3) == 0).then(|| self.draw(60))
    }

    async fn dispatch(&mut self) {
        let batch = self.orders.receive(self.now(), &*self.random);
        let ids: Vec<_> = batch.messages.iter().map(|message| message.message_id.clone()).collect();
        let (parts, invocation, death) = (self.parts.clone(), self.invocation(), self.death());
        let answer = live(death, dispatch::handle(&parts, batch, &invocation)).await;
        self.tally.deaths += u64::from(answer.is_none());
        if let Some((answer, _)) = answer {
            self.orders.delete(|id| is_done(&ids, &answer, id));
        }
    }

    /// The same batch to two functions at once, as SQS may.
    async fn dispatch_twice(&mut self) {
        let batch = self.orders.receive(self.now(), &*self.random);
        let ids: Vec<_> = batch.messages.iter().map(|message| message.message_id.clone()).collect();
        let (parts, invocation) = (self.parts.clone(), self.invocation());
        let deaths = (self.death(), self.death());
        let (one, other) = tokio::join!(
            live(deaths.0, dispatch::handle(&parts, batch.clone(), &invocation)),
            live(deaths.1, dispatch::handle(&parts, batch, &invocation)),
        );
        for answer in [one, other] {
            self.tally.deaths += u64::from(answer.is_none());
            if let Some((answer, _)) = answer {
                self.orders.delete(|id| is_done(&ids, &answer, id));
            }
        }
    }

    async fn feedback(&mut self) {
        let batch = self.reports.receive(self.now(), &*self.random);
        let ids: Vec<_> = batch.messages.iter().map(|message| message.message_id.clone()).collect();
        let (parts, invocation, death) = (self.parts.clone(), self.invocation(), self.death());
        let answer = live(death, feedback::handle(&parts, batch, &invocation)).await;
        self.tally.deaths += u64::from(answer.is_none());
        if let Some((answer, _)) = answer {
            self.reports.delete(|id| is_done(&ids, &answer, id));
        }
    }

    async fn sweep(&mut self) {
        let (parts, invocation, death) = (self.parts.clone(), self.invocation(), self.death());
        let mut measured = Measurements::default();
        // What the table refuses is left to the next sweep.
        let ended = live(death, sweep::handle(&parts, None, &invocation, &mut measured)).await;
        self.tally.deaths += u64::from(ended.is_none());
    }

    /// Nothing fails any more, and everything runs on schedule, until nothing is left to do.
    async fn come_to_rest(&mut self) {
        for _ in 0..TURNS_TO_REST {
            sleep(Duration::from_millis(UNKNOWN_WAIT_MS + 1)).await;
            self.dispatch_well().await;
            self.collect_reports();
            let mut measured = Measurements::default();
            sweep::handle(&self.parts, None, &self.invocation(), &mut measured).await.unwrap();
            self.collect_reports();
            self.feedback_well().await;
            let stats = self.parts.ledger.queue_stats(self.now()).await.unwrap();
            let open = [Status::Queued, Status::Sending, Status::Deferred, Status::Unknown];
            let is_quiet = stats.counts.iter().all(|(status, count)| *count == 0 || !open.contains(status));
            if is_quiet && self.orders.is_empty() && self.reports.is_empty() {
                return;
            }
        }
        panic!("seed {}: it does not come to rest", self.seed);
    }

    async fn dispatch_well(&mut self) {
        let batch = self.orders.receive(self.now(), &*self.random);
        let ids: Vec<_> = batch.messages.iter().map(|message| message.message_id.clone()).collect();
        let (answer, _) = dispatch::handle(&self.parts, batch, &self.invocation()).await;
        self.orders.delete(|id| is_done(&ids, &answer, id));
    }

    async fn feedback_well(&mut self) {
        let batch = self.reports.receive(self.now(), &*self.random);
        let ids: Vec<_> = batch.messages.iter().map(|message| message.message_id.clone()).collect();
        let (answer, _) = feedback::handle(&self.parts, batch, &self.invocation()).await;
        self.reports.delete(|id| is_done(&ids, &answer, id));
    }

    async fn check(&mut self) {
        let seed = self.seed;
        assert!(self.orders.dead_letters.iter().all(|body| body == "poison"), "seed {seed}: an order died");
        assert!(self.reports.dead_letters.is_empty(), "seed {seed}: a report died");
        for order_id in self.published.clone() {
            let record = self.record(&order_id).await;
            self.check_order(&order_id, &record);
        }
    }

    async fn record(&self, order_id: &str) -> NotificationRecord {
        let query = ListQuery { order_id: Some(order_id.to_owned()), limit: 10, ..ListQuery::default() };
        let found = self.parts.ledger.list(query).await.unwrap().notifications;
        assert_eq!(found.len(), 1, "seed {}: one notification of order {order_id}: {found:#?}", self.seed);
        self.parts.ledger.find(found[0].id).await.unwrap().unwrap()
    }

    fn check_order(&mut self, order_id: &str, record: &NotificationRecord) {
        let scene = format!("seed {}, order {order_id}", self.seed);
        let id = record.notification.id;
        let story: Vec<_> = record.timeline().into_iter().map(|entry| entry.kind).collect();
        let copies: Vec<_> = self.mail.taken().into_iter().filter(|taken| taken.notification == id).collect();
        let status = record.notification.lifecycle.status;
        let unknowns = story.iter().filter(|kind| **kind == TimelineKind::Unknown).count();
        assert!(!copies.is_empty() || status == Status::Held, "{scene} is lost: {status} {story:?}");
        assert!(
            copies.len() <= 1 + unknowns,
            "{scene}: {} copies, {unknowns} unknown: {story:?}",
            copies.len()
        );
        let truth = copies.iter().map(|taken| taken.truth).max_by_key(|truth| rank(*truth));
        if status == Status::Held {
            self.tally.held += 1;
        } else {
            assert_eq!(Some(status), truth, "{scene}: {story:?}");
        }
        self.tally.second_copies += copies.len().saturating_sub(1) as u64;
        let was_resent = story.contains(&TimelineKind::Resent);
        self.tally.settled_by_report += u64::from(unknowns > 0 && !was_resent && status != Status::Held);
    }
}

/// What a later report never lowers.
fn rank(status: Status) -> u8 {
    match status {
        Status::Complained => 3,
        Status::Bounced => 2,
        Status::Delivered => 1,
        _ => 0,
    }
}

/// Whether `answer` says that the message `id` of the batch `ids` is done with.
fn is_done(ids: &[String], answer: &BatchAnswer, id: &str) -> bool {
    let again = || answer.batch_item_failures.iter().any(|failure| failure.item_identifier == id);
    ids.iter().any(|known| known == id) && !again()
}

/// Lets `work` live to its end, or polls it so often and drops it. `None` if it died.
async fn live<T>(death: Option<u64>, work: impl Future<Output = T>) -> Option<T> {
    let Some(polls) = death else { return Some(work.await) };
    let mut work = pin!(work);
    for _ in 0..polls {
        match poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            Poll::Ready(value) => return Some(value),
            // The runtime wakes whoever gave way.
            Poll::Pending => tokio::task::yield_now().await,
        }
    }
    None
}

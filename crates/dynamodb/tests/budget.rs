//! What one e-mail costs, counted as the service counts, for the order that the documentation shows and for a larger
//! one. docs/dynamodb.md quotes these numbers.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Reference, Report, ReportKind, ReportSource};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::Words;
use postrider_core::domain::status::Status;
use postrider_core::ports::catalog::{RenditionId, SentCopy};
use postrider_core::ports::feedback::{Feedback, FeedbackLedger as _, FeedbackRecorded};
use postrider_core::ports::ledger::{Acceptance, Claim, FinishAttempt, Ledger as _};
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::meter::Consumed;
use postrider_dynamodb::table::Table as _;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::scene::{LEASE_MS, Scene, recipient_rules};
use postrider_testkit::random::SeededRandom;

const SES_ID: &str = "010001935a3c7e21-5f0c1a52-9d3e-4b6f-8a71-2c4d5e6f7081-000000";

/// A ledger over a table whose use is counted.
struct Counted {
    table: Arc<FakeTable>,
    ledger: Arc<DynamoLedger>,
    scene: Scene,
    last: Consumed,
}

impl Counted {
    async fn new() -> Self {
        let table = Arc::new(FakeTable::default());
        let config = DynamoConfig::new("fake");
        let random = Arc::new(SeededRandom::new(3));
        let opened = DynamoLedger::over(Arc::clone(&table) as _, &config, recipient_rules(), random).await;
        let ledger = Arc::new(opened.expect("an empty table opens"));
        let scene = Scene::new(Arc::clone(&ledger) as _);
        // The type's name is written once, not with every e-mail.
        scene.post("before").await;
        let last = table.meter().read();
        Self { table, ledger, scene, last }
    }

    /// What was used since the last time this was asked.
    fn used(&mut self) -> Consumed {
        let now = self.table.meter().read();
        let used = now.since(&self.last);
        self.last = now;
        used
    }

    fn acceptance(&self, data: &str) -> Acceptance {
        let lease_until = Some(self.scene.now().plus_ms(LEASE_MS));
        let mut acceptance = Acceptance { lease_until, ..self.scene.acceptance("1042") };
        acceptance.event.data = data.to_owned();
        acceptance
    }

    fn finish(&self, claim: &Claim) -> FinishAttempt {
        let of = |text: &str| Fingerprint::of_parts(&[text.as_bytes()]);
        let copy = SentCopy {
            rendition: RenditionId(of("rendition")),
            composed_at: self.scene.now(),
            fingerprint: of("message"),
            signature: None,
        };
        FinishAttempt {
            mailer: "ses".to_owned(),
            words: Words::new(&format!("250 Ok {SES_ID}")),
            copy: Some(copy),
            ..self.scene.report(claim, Verdict::Sent)
        }
    }

    fn feedback(&self, id: NotificationId, kind: ReportKind, diagnostic: &str) -> Feedback {
        Feedback {
            references: vec![Reference::Notification(id), Reference::Provider(SES_ID.to_owned())],
            report: Report {
                kind,
                status: None,
                diagnostic: Words::new(diagnostic),
                source: ReportSource::Ses,
                occurred_at: Some(self.scene.now()),
                recipient: Some(self.scene.plan("", "").1.to),
                fingerprint: Fingerprint::of_parts(&[diagnostic.as_bytes()]),
            },
            may_condemn: true,
            now: self.scene.now(),
        }
    }

    /// Sends an order as the functions do, and counts every step.
    async fn send(&mut self, data: &str) -> (NotificationId, [Consumed; 4]) {
        let accepted = self.scene.accept(self.acceptance(data)).await;
        let accept = self.used();
        let claim = accepted.claims.first().expect("a new order is claimed at once");
        let id = claim.notification.id;
        self.scene.clock.advance_ms(180);
        self.ledger.finish_attempt(self.finish(claim)).await.expect("the attempt is recorded");
        let finish = self.used();
        self.scene.clock.advance_ms(400);
        let send = self.ledger.record_feedback(self.feedback(id, ReportKind::Accepted, "")).await;
        assert_eq!(send, Ok(FeedbackRecorded::Repeated(id)), "our own record says so already");
        let send = self.used();
        self.scene.clock.advance_ms(1_100);
        let words = "250 2.0.0 OK  1732359601 d2e1a72fcca58-724de5647a3si9265512b3a.123 - gsmtp";
        let delivered = self.ledger.record_feedback(self.feedback(id, ReportKind::Delivered, words)).await;
        assert!(
            matches!(delivered, Ok(FeedbackRecorded::Recorded(effect)) if effect.status == Status::Delivered)
        );
        (id, [accept, finish, send, self.used()])
    }

    fn size_of(&self, id: NotificationId) -> usize {
        let of_it = |key: &[u8]| key.get(1..) == Some(&id.key_part()[..]);
        let items = self.table.items();
        items.iter().filter(|item| of_it(&item.key.pk)).map(postrider_dynamodb::table::Item::size).sum()
    }
}

fn example() -> String {
    let text = include_str!("../../../examples/order.json");
    let event: serde_json::Value = serde_json::from_str(text).expect("the example is JSON");
    event["data"].to_string()
}

fn larger() -> String {
    let names =
        ["Analytical Engine, brass", "Difference Engine No. 2", "Punched cards, box of 500", "Oil can"];
    let items: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            format!(
                r#"{{"sku":"AE-{n}-{}","name":"{name}","quantity":{n},"unitPrice":"{n}29.50"}}"#,
                n * 7919
            )
        })
        .collect();
    format!(
        r#"{{"orderId":"1042","customerEmail":"ada@example.com","customerName":"Ada Lovelace","items":[{}],"subtotal":"1206.00","shippingCost":"12.90","tax":"241.20","total":"1460.10","currency":"USD","timestamp":"2026-11-23T10:00:00Z","shippingAddress":{{"name":"Ada Lovelace","street":"12 St James's Square","city":"London","postalCode":"SW1Y 4JH","country":"GB"}},"metadata":{{"channel":"web","campaign":"autumn-2026"}}}}"#,
        items.join(",")
    )
}

/// Accept and claim, finish, Send report, Delivery report: seven write units, indexes counted.
#[tokio::test]
async fn an_email_costs_seven_write_units() {
    for data in [example(), larger()] {
        let mut counted = Counted::new().await;
        let (id, steps) = counted.send(&data).await;
        let writes = steps.map(|step| step.write_units());
        assert_eq!(writes, [4, 2, 0, 1], "{} bytes of data: {steps:?}", data.len());
        let reads = steps.map(|step| step.read_half_units);
        // Whoever claimed it need not read it again to finish it. News to endpoints cost one now and then: is there one?
        assert_eq!(reads, [4, 2, 2, 4], "{} bytes of data", data.len());
        let size = counted.size_of(id);
        println!("{} bytes of data: item of {size} bytes, {steps:?}", data.len());
        assert!(size <= 1024, "{size} bytes");
    }
}

/// A duplicate is one refused write, and changes nothing.
#[tokio::test]
async fn a_duplicate_costs_one_write_unit() {
    let mut counted = Counted::new().await;
    counted.send(&example()).await;
    counted.scene.clock.advance_ms(5);
    let again = counted.scene.accept(counted.acceptance(&example())).await;
    assert!(again.notifications[0].duplicate);
    let used = counted.used();
    assert_eq!((used.write_units(), used.read_half_units, used.requests), (1, 4, 2));
}

/// The messages of a batch look for their recipients together.
#[tokio::test]
async fn a_batch_asks_for_its_recipients_in_one_request() {
    let mut counted = Counted::new().await;
    counted.scene.post("0").await;
    counted.used();
    let orders: Vec<String> = (1..=10).map(|order| order.to_string()).collect();
    let accepted = orders.iter().map(|order| counted.scene.accept(counted.scene.acceptance(order)));
    let accepted = futures_util::future::join_all(accepted).await;
    assert!(accepted.iter().all(|each| !each.notifications[0].duplicate));
    let used = counted.used();
    assert_eq!(used.requests, 1 + 10, "a look and ten puts");
}

/// A large event is written once, not with each change of its notification.
#[tokio::test]
async fn a_large_event_is_written_once() {
    let random = SeededRandom::new(5);
    let noise: String = (0..600)
        .map(|_| format!("{:016x}", postrider_core::ports::clock::Random::next_u64(&random)))
        .collect();
    let data = format!(r#"{{"orderId":"1042","note":"{noise}"}}"#);
    let mut counted = Counted::new().await;
    let (id, [accept, finish, _, delivered]) = counted.send(&data).await;
    let items = counted.table.items();
    let event = items.iter().find(|item| item.label.as_deref() == Some("event")).expect("it has an item");
    let units = event.size().div_ceil(1024) as u64;
    assert!(units > 4, "it is large: {units}");
    assert_eq!(accept.write_units(), 4 + units);
    assert_eq!((finish.write_units(), delivered.write_units()), (2, 1));
    let content = counted.ledger.content(id).await.expect("it can be read").expect("it is there");
    assert_eq!(content.event.data, data);
}

/// What has nothing to say any more is in no index but those that list it.
#[tokio::test]
async fn a_delivered_email_waits_for_nothing() {
    let mut counted = Counted::new().await;
    counted.send(&example()).await;
    let waiting = counted.table.index_len(postrider_dynamodb::table::Index::Due);
    assert_eq!(waiting, 1, "the one that was posted before, and is not claimed");
}

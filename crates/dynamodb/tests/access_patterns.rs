//! What every access pattern uses, counted as the service counts, on a table with two shards. docs/dynamodb.md has the
//! same numbers: whoever changes one changes both.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::outcome::Words;
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::RenditionId;
use postrider_core::ports::erasure::{Erasure, ErasureLedger as _};
use postrider_core::ports::feedback::{FeedbackLedger as _, NewSuppression, SuppressionQuery};
use postrider_core::ports::ledger::{Acceptance, FinishAttempt, Intervention, Ledger as _, ListQuery};
use postrider_core::ports::stats::{PeriodLength, StatsLedger as _, StatsQuery};
use postrider_core::use_cases::erase_recipient::EraseRecipient;
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::meter::Consumed;
use postrider_dynamodb::table::Table as _;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::feedback::{report, take};
use postrider_testkit::contract::idempotency::idempotency;
use postrider_testkit::contract::scene::{
    CONFIRMATION, LEASE_MS, Scene, address, deferred, failed, recipient_rules,
};
use postrider_testkit::random::SeededRandom;

/// A pattern as the documentation's table has it: write units, read units, requests.
struct Bench {
    table: Arc<FakeTable>,
    ledger: Arc<DynamoLedger>,
    scene: Scene,
    before: Consumed,
    rows: Vec<String>,
}

impl Bench {
    async fn new() -> Self {
        let table = Arc::new(FakeTable::default());
        let (config, random) = (DynamoConfig::new("fake"), Arc::new(SeededRandom::new(1)));
        let opened = DynamoLedger::over(Arc::clone(&table) as _, &config, recipient_rules(), random).await;
        let ledger = Arc::new(opened.expect("an empty table opens"));
        let scene = Scene::new(Arc::clone(&ledger) as _);
        let before = table.meter().read();
        Self { table, ledger, scene, before, rows: Vec::new() }
    }

    /// What follows is counted.
    fn start(&mut self) {
        self.before = self.table.meter().read();
    }

    /// What was used since is that of `pattern`.
    fn stop(&mut self, pattern: &str) {
        let used = self.table.meter().read().since(&self.before);
        let reads = used.read_half_units;
        let half = if reads.is_multiple_of(2) { "" } else { ".5" };
        self.rows.push(format!(
            "| {pattern} | {} | {}{half} | {} |",
            used.write_units(),
            reads / 2,
            used.requests
        ));
    }
}

#[tokio::test]
async fn each_uses_what_the_documentation_says() {
    let mut bench = Bench::new().await;
    accepting(&mut bench).await;
    sending(&mut bench).await;
    coming_back(&mut bench).await;
    looking(&mut bench).await;
    let document = include_str!("../../../docs/dynamodb.md");
    let missing: Vec<_> = bench.rows.iter().filter(|row| !document.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "docs/dynamodb.md lacks:\n{}", bench.rows.join("\n"));
}

async fn accepting(bench: &mut Bench) {
    let lease_until = Some(bench.scene.now().plus_ms(LEASE_MS));
    bench.start();
    bench.scene.post("first of its type").await;
    bench.stop("the first of a type, once a process");
    bench.start();
    bench.scene.accept(Acceptance { lease_until, ..bench.scene.acceptance("1") }).await;
    bench.stop("accept and claim at once");
    bench.start();
    bench.scene.post("1").await;
    bench.stop("the same order again");
    bench.start();
    bench
        .scene
        .accept(Acceptance { idempotency: Some(idempotency("k", "r")), ..bench.scene.acceptance("2") })
        .await;
    bench.stop("accept with an `Idempotency-Key`");
    let mut two = bench.scene.acceptance("3");
    two.notifications.push(bench.scene.plan(CONFIRMATION, "3 again"));
    bench.start();
    bench.scene.accept(two).await;
    bench.stop("accept two at once");
    bench.start();
    bench.ledger.recall_answer(idempotency("k", "r").key, bench.scene.now()).await.expect("recalled");
    bench.stop("recall an answer");
}

async fn sending(bench: &mut Bench) {
    while !bench.scene.claim(100).await.is_empty() {}
    bench.start();
    bench.scene.claim(10).await;
    bench.stop("look for due ones, none there");
    bench.scene.post("4").await;
    bench.start();
    let claim = bench.scene.claim_one().await;
    bench.stop("claim one that is due");
    let until = bench.scene.now().plus_ms(1_000);
    bench.start();
    bench.scene.finish(&claim, deferred(until)).await;
    bench.stop("finish: deferred");
    bench.scene.clock.advance_ms(1_000);
    let claim = bench.scene.claim_one().await;
    bench.start();
    bench.scene.finish(&claim, Verdict::Sent).await;
    bench.stop("finish: sent");
    bench.scene.post("5").await;
    let claim = bench.scene.claim_one().await;
    let words = Words::new("250 Ok 0102018f00000000-11111111-2222-3333-4444-555555555555-000000");
    let finish = FinishAttempt { words, ..bench.scene.report(&claim, Verdict::Sent) };
    bench.start();
    bench.ledger.finish_attempt(finish).await.expect("recorded");
    bench.stop("finish: sent, over SES's SMTP endpoint");
    bench.scene.post_and_finish("6", failed("smtp_550")).await;
    bench.start();
    bench.scene.sweep(OnUnknown::Resend).await;
    bench.stop("sweep, nothing to do");
}

async fn coming_back(bench: &mut Bench) {
    let id = bench.scene.post_and_finish("7", Verdict::Sent).await;
    bench.start();
    take(&bench.scene, id, report(ReportKind::Delivered, "d")).await;
    bench.stop("a delivery report");
    bench.start();
    let again =
        postrider_testkit::contract::feedback::record(&bench.scene, id, report(ReportKind::Delivered, "d"));
    again.await;
    bench.stop("the same report again");
    bench.start();
    take(&bench.scene, id, report(ReportKind::SoftBounced(BounceClass::MailboxFull), "s")).await;
    bench.stop("a soft bounce that counts");
    bench.start();
    take(&bench.scene, id, report(ReportKind::Complained, "c")).await;
    bench.stop("a complaint or hard bounce");
    let ada = || address("ada@example.com");
    bench.start();
    bench.ledger.unsuppress(ada()).await.expect("taken off");
    bench.stop("take an address off the list");
    let entry = NewSuppression {
        address: address("bob@example.com"),
        category: None,
        reason: SuppressionReason::Manual,
        source: "api".to_owned(),
        since: bench.scene.now(),
        expires_at: None,
        now: bench.scene.now(),
    };
    bench.start();
    bench.ledger.suppress(entry).await.expect("suppressed");
    bench.stop("put an address on the list");
    bench.start();
    bench.ledger.suppressions_of(ada(), bench.scene.now()).await.expect("listed");
    bench.stop("entries of one address");
    bench.start();
    let query = SuppressionQuery { limit: 10, ..SuppressionQuery::default() };
    bench.ledger.list_suppressions(query, bench.scene.now()).await.expect("listed");
    bench.stop("a page of the list with one entry");
}

async fn looking(bench: &mut Bench) {
    let found = bench.scene.list(ListQuery::default()).await;
    let id = found[0];
    bench.start();
    bench.ledger.find(id).await.expect("found");
    bench.stop("one notification with its timeline");
    for (pattern, query) in [
        ("by order, one type known", ListQuery { order_id: Some("1".to_owned()), ..ListQuery::default() }),
        (
            "by recipient, a page of 5",
            ListQuery { to: Some(address("ada@example.com")), ..ListQuery::default() },
        ),
        ("newest first, a page of 5", ListQuery::default()),
        (
            "dead letters, one there",
            ListQuery { statuses: Status::DEAD_LETTERS.to_vec(), ..ListQuery::default() },
        ),
    ] {
        bench.start();
        bench.ledger.list(ListQuery { limit: 5, ..query }).await.expect("listed");
        bench.stop(pattern);
    }
    let query = StatsQuery {
        since: Timestamp::EPOCH,
        until: bench.scene.now().plus_ms(1),
        period: PeriodLength::Day,
        notification_type: None,
    };
    bench.start();
    bench.ledger.stats(query).await.expect("counted");
    bench.stop("statistics, 9 accepted in the window");
    bench.start();
    bench.ledger.dead_letter_groups().await.expect("grouped");
    bench.stop("dead letters by cause, one there");
    bench.start();
    bench.ledger.queue_stats(bench.scene.now()).await.expect("counted");
    bench.stop("queue statistics, few waiting");
    let dead = bench.scene.post_and_finish("8", failed("smtp_550")).await;
    bench.start();
    bench.scene.intervene(dead, Intervention::Retry).await;
    bench.stop("retry a dead letter");
    let again = bench.scene.claim_one().await;
    bench.scene.finish(&again, Verdict::Sent).await;
    let sent = bench.scene.post_and_finish("9", Verdict::Sent).await;
    let erasure = Erasure { id: sent, forget_recipient: true, keep_data: false, now: bench.scene.now() };
    bench.start();
    bench.ledger.erase(erasure).await.expect("erased");
    bench.stop("erase a notification that was sent");
    let mut carol = bench.scene.acceptance("10");
    carol.notifications[0].1.to = address("carol@example.com");
    carol.event.data = r#"{"customerEmail":"carol@example.com"}"#.to_owned();
    bench.scene.clock.advance_ms(1);
    bench.scene.accept(carol).await;
    let claim = bench.scene.claim(10).await.remove(0);
    bench.scene.finish(&claim, Verdict::Sent).await;
    let ledger = Arc::clone(&bench.ledger);
    let person = EraseRecipient { ledger: &*ledger, captured: None, now: bench.scene.now() };
    bench.start();
    person.run(&address("carol@example.com")).await.expect("erased");
    bench.stop("forget a person with one e-mail");
    bench.start();
    bench.ledger.probe(bench.scene.now()).await.expect("written");
    bench.stop("probe");
    let rendition = RenditionId(Fingerprint::of_parts(&[b"one"]));
    bench.ledger.store_rendition(rendition, b"bundle".to_vec()).await.expect("stored");
    bench.start();
    bench.ledger.store_rendition(rendition, b"bundle".to_vec()).await.expect("stored");
    bench.stop("store a rendition that is there");
}

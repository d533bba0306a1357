//! What telling an endpoint costs, counted as the service counts. docs/dynamodb.md quotes these numbers.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::ports::webhooks::CallOutcome;
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::meter::Consumed;
use postrider_dynamodb::table::Table as _;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::feedback::{report, take};
use postrider_testkit::contract::scene::{Scene, recipient_rules};
use postrider_testkit::contract::webhooks::{claim_with, end, endpoint};
use postrider_testkit::random::SeededRandom;

struct Counted {
    table: Arc<FakeTable>,
    scene: Scene,
    last: Consumed,
}

impl Counted {
    async fn new() -> Self {
        let table = Arc::new(FakeTable::default());
        let (config, random) = (DynamoConfig::new("fake"), Arc::new(SeededRandom::new(3)));
        let opened = DynamoLedger::over(Arc::clone(&table) as _, &config, recipient_rules(), random).await;
        let scene = Scene::new(Arc::new(opened.expect("an empty table opens")));
        let last = table.meter().read();
        Self { table, scene, last }
    }

    /// Read units, in halves, and write units that were used since the last time this was asked.
    fn used(&mut self) -> (u64, u64) {
        let now = self.table.meter().read();
        let used = now.since(&self.last);
        self.last = now;
        (used.read_half_units, used.write_units())
    }
}

/// Without an endpoint a step that has something to tell asks whether there is one, and pays for nothing else; with one
/// it pays for the change, and for doing both in one write.
#[tokio::test]
async fn a_change_costs_little_while_nobody_listens() {
    let mut without = Counted::new().await;
    let mut with = Counted::new().await;
    endpoint(&with.scene, 1, &[]).await;
    let mut used = Vec::new();
    for counted in [&mut without, &mut with] {
        let id = counted.scene.post_and_finish("1", Verdict::Sent).await;
        counted.used();
        take(&counted.scene, id, report(ReportKind::Delivered, "1")).await;
        used.push(counted.used());
    }
    assert_eq!(used, [(2, 1), (2, 4)]);
}

/// A claim that finds nothing, and a change that is told to one endpoint at the first try: alone, and among forty.
#[tokio::test]
async fn a_call_is_worth_its_units() {
    let mut counted = Counted::new().await;
    endpoint(&counted.scene, 1, &[]).await;
    counted.scene.post_and_finish("0", Verdict::Sent).await;
    let first = claim_with(&counted.scene, 10, 10).await;
    end(&counted.scene, &first.calls[0], CallOutcome::Delivered).await;
    counted.used();
    claim_with(&counted.scene, 10, 10).await;
    let idle = counted.used();
    counted.scene.post_and_finish("1", Verdict::Sent).await;
    counted.used();
    let claimed = claim_with(&counted.scene, 10, 10).await;
    let claim = counted.used();
    end(&counted.scene, &claimed.calls[0], CallOutcome::Delivered).await;
    let finish = counted.used();
    for order in 2..42 {
        counted.scene.post_and_finish(&order.to_string(), Verdict::Sent).await;
    }
    counted.used();
    let claimed = claim_with(&counted.scene, 100, 100).await;
    let many = counted.used();
    assert_eq!(claimed.calls.len(), 40);
    assert_eq!(idle, (6, 0));
    assert_eq!((claim, finish), ((14, 10), (4, 4)));
    // Forty at once share the writes of head, page and endpoint.
    assert_eq!(many, (172, 176));
}

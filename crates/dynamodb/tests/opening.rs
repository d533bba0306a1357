//! Opening a table: what is ours and of this version opens, everything else is refused with words.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use postrider_core::domain::budget::BudgetRecord;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::budget::BudgetLedger as _;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::{Acceptance, Ledger as _, LedgerError, ListQuery};
use postrider_dynamodb::fake::{FakeTable, Fault, Faults};
use postrider_dynamodb::table::{Change, Condition, Item, Table as _, Write};
use postrider_dynamodb::{Ahead, DynamoConfig, DynamoLedger, OpenError};
use postrider_testkit::contract::scene::{CONFIRMATION, LEASE_MS, Scene, recipient_rules};
use postrider_testkit::contract::webhooks::endpoint;
use postrider_testkit::random::SeededRandom;

async fn open_with(
    table: &Arc<FakeTable>,
    shards: u8,
    rules: RecipientRules,
) -> Result<DynamoLedger, OpenError> {
    let config = DynamoConfig { shards, ..DynamoConfig::new("fake") };
    DynamoLedger::over(Arc::clone(table) as _, &config, rules, Arc::new(SeededRandom::new(1))).await
}

async fn open_ahead(
    table: &Arc<FakeTable>,
    rules: RecipientRules,
    now: Timestamp,
) -> Result<DynamoLedger, OpenError> {
    let ahead = Some(Ahead { types: vec![CONFIRMATION.to_owned()], now });
    let config = DynamoConfig { ahead, ..DynamoConfig::new("fake") };
    DynamoLedger::over(Arc::clone(table) as _, &config, rules, Arc::new(SeededRandom::new(2))).await
}

/// A process that lives briefly reads with its first request what it would ask for one by one.
#[tokio::test]
async fn what_is_read_ahead_is_not_asked_for_again() {
    let table = Arc::new(FakeTable::default());
    let earlier = open_with(&table, 2, recipient_rules()).await.expect("an empty table opens");
    let record = BudgetRecord::new(Timestamp::EPOCH);
    assert!(earlier.store_budget(record.clone(), 0).await.expect("stored"));
    let earlier = Scene::new(Arc::new(earlier));
    earlier.post("0").await;
    let before = table.meter().read();
    let requests = || table.meter().read().since(&before).requests;

    let ledger = open_ahead(&table, recipient_rules(), earlier.now()).await.expect("it opens");
    assert_eq!(ledger.budget_at_opening().flatten().map(|stored| &stored.record), Some(&record));
    assert_eq!(requests(), 1);
    let scene = Scene::new(Arc::new(ledger));
    let lease_until = Some(scene.now().plus_ms(LEASE_MS));
    let accepted = scene.accept(Acceptance { lease_until, ..scene.acceptance("1") }).await;
    assert_eq!(requests(), 3, "the recipient, and the put");
    scene.finish(&accepted.claims[0], Verdict::Sent).await;
    assert_eq!(requests(), 4, "the put alone");
}

/// A record of a newer program is a reason to say so to whoever needs it, and none to send nothing.
#[tokio::test]
async fn what_is_read_ahead_and_makes_no_sense_does_not_close_the_ledger() {
    let table = Arc::new(FakeTable::default());
    let earlier = open_with(&table, 2, recipient_rules()).await.expect("an empty table opens");
    assert!(earlier.store_budget(BudgetRecord::new(Timestamp::EPOCH), 0).await.expect("stored"));
    change_body(&table, "budget", |body| body[0] = 2).await;
    let scene = Scene::new(Arc::new(earlier));
    endpoint(&scene, 1, &[]).await;
    change_body(&table, "webhooks", |body| body[0] = 2).await;
    let ledger = open_ahead(&table, recipient_rules(), scene.now()).await.expect("it opens");
    assert_eq!(ledger.budget_at_opening(), None);
    assert!(ledger.budget().await.is_err());
    let scene = Scene::new(Arc::new(ledger));
    let lease_until = Some(scene.now().plus_ms(LEASE_MS));
    let accepted = scene.accept(Acceptance { lease_until, ..scene.acceptance("1") }).await;
    let finish = scene.report(&accepted.claims[0], Verdict::Sent);
    assert!(scene.ledger.finish_attempt(finish).await.is_err(), "it cannot say whether somebody listens");
}

/// Whether it is the right table is asked all the same, and an empty one is made ours.
#[tokio::test]
async fn what_is_read_ahead_is_checked() {
    let table = Arc::new(FakeTable::new("orders"));
    let now = Timestamp::EPOCH;
    let new = open_ahead(&table, recipient_rules(), now).await.expect("an empty table opens");
    assert_eq!(new.budget_at_opening(), Some(None));
    let rules = RecipientRules { secret: Secret::new([9; 32]), ..recipient_rules() };
    let refused = open_ahead(&table, rules, now).await.err().expect("another secret");
    assert!(matches!(&refused, OpenError::OtherSecret { table } if table == "orders"), "{refused}");
}

/// What was made with one secret means nothing under another.
#[tokio::test]
async fn another_secret_is_refused() {
    let table = Arc::new(FakeTable::new("orders"));
    open_with(&table, 2, recipient_rules()).await.expect("an empty table opens");
    open_with(&table, 2, recipient_rules()).await.expect("it opens again");
    let rules = RecipientRules { secret: Secret::new([9; 32]), ..recipient_rules() };
    let refused = open_with(&table, 2, rules).await.err().expect("another secret");
    assert!(matches!(&refused, OpenError::OtherSecret { table } if table == "orders"), "{refused}");
}

/// A newer program's table is left to it.
#[tokio::test]
async fn a_newer_format_is_refused() {
    let table = Arc::new(FakeTable::default());
    open_with(&table, 2, recipient_rules()).await.expect("an empty table opens");
    change_body(&table, "ledger", |body| body[0] = 2).await;
    let refused = open_with(&table, 2, recipient_rules()).await.err().expect("a newer format");
    assert!(matches!(refused, OpenError::NewerFormat { found: 2, known: 1, .. }), "{refused}");
}

/// Shards may be added while there are entries, and stay when another process asks for fewer.
#[tokio::test]
async fn shards_are_added_and_never_lost() {
    let table = Arc::new(FakeTable::default());
    let mut posted = Vec::new();
    for shards in [1, 5, 2] {
        let ledger = open_with(&table, shards, recipient_rules()).await.expect("it opens");
        let scene = Scene::new(Arc::new(ledger));
        for order in 0..8 {
            posted.push(scene.post(&format!("{shards}-{order}")).await);
        }
    }
    let ledger = open_with(&table, 1, recipient_rules()).await.expect("it opens");
    let scene = Scene::new(Arc::new(ledger));
    let mut listed = scene.list(ListQuery::default()).await;
    listed.sort_unstable();
    posted.sort_unstable();
    assert_eq!(listed, posted);
    assert_eq!(scene.claim(100).await.len(), posted.len());
}

/// A table that cannot be reached is a reason to try again, not to give up its data.
#[tokio::test(start_paused = true)]
async fn a_table_that_does_not_answer_is_unavailable() {
    let table = Arc::new(FakeTable::default());
    table.set_faults(Faults::at_random(Arc::new(SeededRandom::new(1)), 1));
    let refused = open_with(&table, 2, recipient_rules()).await.err().expect("it does not answer");
    assert!(matches!(refused, OpenError::Ledger(LedgerError::Unavailable { .. })), "{refused}");
}

/// What lasts is refused within bounds, with the table's name, and nothing is stored twice by asking again.
#[tokio::test(start_paused = true)]
async fn a_lasting_fault_is_told_and_passes() {
    let table = Arc::new(FakeTable::new("orders"));
    let ledger = Arc::new(open_with(&table, 2, recipient_rules()).await.expect("it opens"));
    let scene = Scene::new(Arc::clone(&ledger) as _);
    scene.post("1").await;
    let lasting = (0..50).map(|call| (call, Fault::Throttled));
    table.set_faults(Faults::planned(lasting));
    let before = table.meter().read().requests;
    let Err(LedgerError::Unavailable { reason }) = ledger.accept(scene.acceptance("2")).await else {
        panic!("it is throttled");
    };
    assert!(reason.contains("orders") && reason.contains("limits"), "{reason}");
    assert!(table.meter().read().requests - before <= 6, "calls are repeated within bounds");
    table.set_faults(Faults::none());
    assert!(!scene.accept(scene.acceptance("2")).await.notifications[0].duplicate);
}

/// An item from the future stops the process; it is never taken for missing.
#[tokio::test]
async fn an_item_of_a_newer_format_is_fatal() {
    let table = Arc::new(FakeTable::default());
    let ledger = Arc::new(open_with(&table, 2, recipient_rules()).await.expect("it opens"));
    let scene = Scene::new(Arc::clone(&ledger) as _);
    let id = scene.post("1").await;
    change_body(&table, "queued", |body| body[0] = 2).await;
    for failed in [ledger.find(id).await.err(), ledger.accept(scene.acceptance("1")).await.err()] {
        assert!(
            matches!(&failed, Some(LedgerError::Fatal { reason }) if reason.contains("newer")),
            "{failed:?}"
        );
    }
}

/// Whatever bytes an item has been cut to, reading it says so and nothing worse.
#[tokio::test]
async fn a_damaged_item_is_told() {
    let table = Arc::new(FakeTable::default());
    let ledger = Arc::new(open_with(&table, 2, recipient_rules()).await.expect("it opens"));
    let scene = Scene::new(Arc::clone(&ledger) as _);
    let id = scene.post("1").await;
    let whole =
        table.items().into_iter().find(|item| item.label.as_deref() == Some("queued")).expect("stored");
    for len in 0..whole.body.len() {
        change_body(&table, "queued", |body| body.truncate(len)).await;
        let failed = ledger.find(id).await;
        assert!(matches!(failed, Err(LedgerError::Fatal { .. })), "{len} bytes: {failed:?}");
        change_body(&table, "queued", |body| body.clone_from(&whole.body)).await;
    }
    assert!(ledger.find(id).await.expect("it is whole again").is_some());
}

async fn change_body(table: &FakeTable, label: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut item: Item =
        table.items().into_iter().find(|item| item.label.as_deref() == Some(label)).expect("it is there");
    change(&mut item.body);
    let write = Write { change: Change::Put(Box::new(item)), condition: Condition::None };
    table.write(&write).await.expect("written");
}

//! What is erased is gone from every item of the table, and from the index of recipients.

use std::sync::Arc;

use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::Words;
use postrider_core::ports::erasure::{Erased, Erasure, ErasureLedger as _};
use postrider_core::ports::ledger::{FinishAttempt, Ledger as _};
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::table::{Index, Item};
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::feedback::{report, take};
use postrider_testkit::contract::scene::{Scene, recipient_rules};
use postrider_testkit::contract::webhooks::{claim_all, endpoint};
use postrider_testkit::random::SeededRandom;

/// What a server said of Ada. Bodies hold words as they are; what is deflated the contract looks at.
const WORDS: &str = "250 <ada@example.com> Ok";

fn labels_with(table: &FakeTable, text: &str) -> Vec<String> {
    let holds = |item: &&Item| item.body.windows(text.len()).any(|window| window == text.as_bytes());
    let items = table.items();
    let mut labels: Vec<_> =
        items.iter().filter(holds).map(|item| item.label.clone().unwrap_or_default().into_owned()).collect();
    labels.sort();
    labels
}

#[tokio::test]
async fn neither_the_feed_nor_a_queue_nor_an_index_keeps_anything_of_the_person() {
    let table = Arc::new(FakeTable::default());
    let (config, random) = (DynamoConfig::new("fake"), Arc::new(SeededRandom::new(1)));
    let opened = DynamoLedger::over(Arc::clone(&table) as _, &config, recipient_rules(), random).await;
    let ledger = Arc::new(opened.expect("an empty table opens"));
    let scene = Scene::new(Arc::clone(&ledger) as _);
    endpoint(&scene, 1, &[]).await;
    let id = scene.post("1").await;
    let claim = scene.claim_one().await;
    let finish = FinishAttempt { words: Words::new(WORDS), ..scene.report(&claim, Verdict::Sent) };
    ledger.finish_attempt(finish).await.expect("recorded");
    assert_eq!(claim_all(&scene).await.len(), 1);
    scene.clock.advance_ms(1_000);
    let mut delivered = report(ReportKind::Delivered, "1");
    delivered.diagnostic = Words::new(WORDS);
    take(&scene, id, delivered).await;
    // A page and a line have the first, a fresh change the second, the notification both.
    let quoting = ["delivered", "feed page", "notification.delivered", "webhook calls"];
    assert_eq!(labels_with(&table, WORDS), quoting);
    let erasure = Erasure { id, forget_recipient: true, keep_data: false, now: scene.now() };
    assert_eq!(ledger.erase(erasure).await, Ok(Erased::Done));
    assert_eq!(labels_with(&table, "ada@"), [""; 0]);
    assert_eq!(table.index_len(Index::Recipient), 0);
}

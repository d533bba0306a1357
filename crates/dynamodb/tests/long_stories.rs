//! Notifications with long timelines: what no longer fits their item well stands in pieces of its own.

use std::sync::Arc;

use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::Words;
use postrider_core::limits::TIMELINE_REPORTS_MAX;
use postrider_core::ports::feedback::FeedbackRecorded;
use postrider_core::ports::ledger::Ledger as _;
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::table::Item;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::feedback::{record, report, take};
use postrider_testkit::contract::scene::{Scene, recipient_rules};
use postrider_testkit::random::SeededRandom;

/// Two hundred reports with all the words they may have are all told, counted once each, and no write grows with them.
#[tokio::test]
async fn a_long_story_is_told_whole_and_written_in_pieces() {
    let table = Arc::new(FakeTable::default());
    let (config, random) = (DynamoConfig::new("fake"), Arc::new(SeededRandom::new(1)));
    let opened = DynamoLedger::over(Arc::clone(&table) as _, &config, recipient_rules(), random).await;
    let ledger = Arc::new(opened.expect("an empty table opens"));
    let scene = Scene::new(Arc::clone(&ledger) as _);
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    let sent_at = scene.now();
    let long = |name: &str| {
        let mut report = report(ReportKind::Clicked, name);
        report.diagnostic = Words::new(&name.repeat(500));
        report
    };
    for n in 0..TIMELINE_REPORTS_MAX - 1 {
        scene.clock.advance_ms(1);
        take(&scene, id, long(&n.to_string())).await;
    }
    assert_eq!(record(&scene, id, long("more")).await, FeedbackRecorded::Dropped(id));
    assert_eq!(record(&scene, id, long("0")).await, FeedbackRecorded::Repeated(id), "the oldest is known");
    let delivered = take(&scene, id, report(ReportKind::Delivered, "d")).await;
    assert_eq!(delivered.sent_at, Some(sent_at));
    let found = ledger.find(id).await.expect("found").expect("it is there");
    assert_eq!(found.entries.len(), TIMELINE_REPORTS_MAX + 1);
    assert!(found.entries.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let largest = table.items().iter().map(Item::size).max();
    assert!(largest.is_some_and(|size| size < 20 * 1024), "{largest:?}");
}

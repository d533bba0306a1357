//! Statistics cost a read for each notification, so there is a bound, and nothing is told beyond it.

use std::sync::Arc;

use postrider_core::limits::DYNAMODB_STATS_MAX;
use postrider_core::ports::ledger::Ledger as _;
use postrider_core::ports::stats::{PeriodLength, Stats, StatsLedger as _, StatsQuery};
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::table::Table as _;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::scene::{Scene, recipient_rules};
use postrider_testkit::random::SeededRandom;

#[tokio::test]
async fn more_than_may_be_read_is_refused_before_any_of_it_is_read() {
    let table = Arc::new(FakeTable::default());
    let (config, random) = (DynamoConfig::new("fake"), Arc::new(SeededRandom::new(1)));
    let opened = DynamoLedger::over(Arc::clone(&table) as _, &config, recipient_rules(), random).await;
    let ledger = Arc::new(opened.expect("an empty table opens"));
    let scene = Scene::new(Arc::clone(&ledger) as _);
    let since = scene.now();
    for order in 0..=DYNAMODB_STATS_MAX {
        scene.post(&order.to_string()).await;
    }
    let query =
        StatsQuery { since, until: since.plus_ms(1), period: PeriodLength::Hour, notification_type: None };
    let before = table.meter().read();
    let counted = ledger.stats(query.clone()).await.expect("counted");
    assert_eq!(counted, Stats::TooMany { most: DYNAMODB_STATS_MAX });
    let used = table.meter().read().since(&before).read_half_units;
    assert!(used < DYNAMODB_STATS_MAX as u64 / 20, "{used} half units for saying no");
    scene.clock.advance_ms(1);
    let after = StatsQuery { since: scene.now(), until: scene.now().plus_ms(1), ..query };
    ledger.probe(scene.now()).await.expect("written");
    assert!(matches!(ledger.stats(after).await.expect("counted"), Stats::Counted(_)));
}

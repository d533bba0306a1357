//! Random sequences of steps, carried out side by side by the ledger in memory and the one in DynamoDB, over a table in
//! memory.

use std::sync::Arc;

use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::model::Freedom;
use postrider_testkit::model::notifications::{moves, play};
use postrider_testkit::random::SeededRandom;
use proptest::prelude::*;

const FREEDOM: Freedom = Freedom { announces_early: true, folds_acceptances: true, numbers_changes: false };

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn both_ledgers_tell_the_same_story(moves in moves()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (config, random) = (DynamoConfig::new("fake"), Arc::new(SeededRandom::new(5)));
        let opened = DynamoLedger::over(Arc::new(FakeTable::default()), &config, recipient_rules(), random);
        let dynamo = runtime.block_on(opened).expect("an empty table opens");
        runtime.block_on(play(Arc::new(dynamo), moves, FREEDOM));
    }
}

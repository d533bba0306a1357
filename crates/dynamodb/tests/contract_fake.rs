//! The DynamoDB ledger keeps the contract, over a table in memory.

#![expect(clippy::expect_used, reason = "a contract that cannot be set up has failed")]

use std::sync::Arc;

use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::Subject;
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::random::SeededRandom;

fn open() -> Subject {
    let table = Arc::new(FakeTable::default());
    let random = Arc::new(SeededRandom::new(11));
    let config = DynamoConfig::new("fake");
    let opened = DynamoLedger::over(table, &config, recipient_rules(), random);
    let ledger = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(opened))
        .expect("an empty table opens");
    Subject::alone(ledger)
}

postrider_testkit::ledger_contract!(crate::open);

//! The SQLite ledger keeps the contract.

#![expect(clippy::expect_used, reason = "a contract that cannot be set up has failed")]

use std::sync::Arc;

use postrider_sqlite::SqliteLedger;
use postrider_testkit::contract::Subject;
use postrider_testkit::contract::scene::recipient_rules;

fn open() -> Subject {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ledger = SqliteLedger::open(directory.path().join("ledger.db"), recipient_rules())
        .expect("a fresh ledger opens");
    Subject { ledger: Arc::new(ledger), keep: Box::new(directory) }
}

postrider_testkit::ledger_contract!(crate::open);

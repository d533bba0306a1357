//! The SQLite ledger keeps the contract.

#![expect(clippy::expect_used, reason = "a contract that cannot be set up has failed")]

use std::sync::Arc;

use postrider_sqlite::{Check, Look, SqliteLedger, verify};
use postrider_testkit::contract::Subject;
use postrider_testkit::contract::scene::recipient_rules;
use tempfile::TempDir;

const LEDGER: &str = "ledger.db";

/// Whatever a case has done to its ledger, it holds together.
struct Kept(TempDir);

impl Drop for Kept {
    fn drop(&mut self) {
        let verified = verify(&self.0.path().join(LEDGER), Look::InUse, Some(&recipient_rules()));
        // What messages are made of is named by the cases and stored by none of them.
        let is_well = |check: &Check| check.count == 0 || check.name == "renditions";
        let is_sound = verified.as_ref().is_ok_and(|verified| verified.checks.iter().all(is_well));
        assert!(is_sound || std::thread::panicking(), "{verified:?}");
    }
}

fn open() -> Subject {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ledger =
        SqliteLedger::open(directory.path().join(LEDGER), recipient_rules()).expect("a fresh ledger opens");
    Subject { ledger: Arc::new(ledger), keep: Box::new(Kept(directory)) }
}

postrider_testkit::ledger_contract!(crate::open);

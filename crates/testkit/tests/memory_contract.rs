//! The ledger in memory keeps the contract.

use postrider_testkit::contract::Subject;
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::memory_ledger::MemoryLedger;

fn open() -> Subject {
    Subject::alone(MemoryLedger::new(recipient_rules()))
}

postrider_testkit::ledger_contract!(crate::open);

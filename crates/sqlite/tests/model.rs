//! Random sequences of steps, carried out side by side by the ledger in memory and the one in SQLite.

use std::sync::Arc;

use postrider_sqlite::{Look, SqliteLedger, verify};
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::model::Freedom;
use postrider_testkit::model::notifications::{moves, play};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn both_ledgers_tell_the_same_story(moves in moves()) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("ledger.db");
        let sqlite = SqliteLedger::open(&path, recipient_rules()).expect("a fresh ledger opens");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(play(Arc::new(sqlite), moves, Freedom::default()));
        // Whatever has happened, it holds together.
        let verified = verify(&path, Look::InUse, Some(&recipient_rules())).expect("it can be read");
        prop_assert!(verified.is_sound(), "{verified:?}");
    }
}

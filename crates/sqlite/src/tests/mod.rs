//! Tests that need to reach behind the port: the file, the lock, the writer.

mod copying;
mod erasing;
mod opening;
mod rolled_back;
mod room;
mod rows;
mod walking;
mod webhooks;

use std::path::PathBuf;

use postrider_testkit::contract::scene::{Scene, recipient_rules};
use tempfile::TempDir;

use crate::SqliteLedger;

/// A directory of its own and the ledger's path in it.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("ledger.db");
    (directory, path)
}

/// A scene over the ledger at `path`, and the ledger.
fn scene(path: &PathBuf) -> (Scene, std::sync::Arc<SqliteLedger>) {
    let ledger = std::sync::Arc::new(SqliteLedger::open(path, recipient_rules()).expect("the ledger opens"));
    (Scene::new(std::sync::Arc::clone(&ledger) as _), ledger)
}

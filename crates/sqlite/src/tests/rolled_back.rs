//! The contract once more, while groups fail and are taken apart: a step that ran, was rolled back and ran again must
//! do what it does when it runs once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use postrider_testkit::contract::Subject;
use postrider_testkit::contract::scene::recipient_rules;
use tempfile::TempDir;

use crate::SqliteLedger;
use crate::steps::{WriteStep, Writing};

/// Does what every step does, then fails.
struct Spoiler;

impl WriteStep for Spoiler {
    type Output = ();

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<()> {
        writing.connection.execute("DELETE FROM status_counts", [])?;
        writing.connection.execute("INSERT INTO heartbeat (one, at) VALUES (2, 0)", []).map(|_| ())
    }
}

/// Spoils one group after the other until it is dropped.
struct Spoiling {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _directory: TempDir,
}

impl Drop for Spoiling {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok());
        }
    }
}

fn open() -> Subject {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ledger = SqliteLedger::open(directory.path().join("ledger.db"), recipient_rules())
        .expect("a fresh ledger opens");
    let ledger = Arc::new(ledger);
    let over = Arc::new(AtomicBool::new(false));
    let (spoilt, stop) = (Arc::clone(&ledger), Arc::clone(&over));
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        while !stop.load(Ordering::Relaxed) {
            assert!(runtime.block_on(spoilt.writer().submit(Spoiler)).is_err());
        }
    });
    let keep = Spoiling { over, thread: Some(thread), _directory: directory };
    Subject { ledger, keep: Box::new(keep) }
}

postrider_testkit::ledger_contract!(crate::tests::rolled_back::open);

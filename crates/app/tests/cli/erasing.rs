//! `erase` on a server and on the ledger itself: afterwards no file of the data directory knows the person.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Serving, await_status, code, run, text, write_order};

/// Every file below `directory` that holds one of `texts`.
fn files_with(directory: &Path, texts: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files_with(&entry, texts));
            continue;
        }
        let bytes = std::fs::read(&entry).unwrap().to_ascii_lowercase();
        let holds = |text: &&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        if texts.iter().any(holds) {
            found.push(entry);
        }
    }
    found
}

#[test]
fn nothing_in_the_data_directory_knows_the_person_with_and_without_a_server() {
    let directory = TempDir::new().unwrap();
    write_order(&directory);
    let data_dir = directory.path().join("postrider-data");
    let person = ["ada@example.com", "lovelace"];
    let mut server = Some(Serving::start(directory.path()));
    run(directory.path(), &["send", "order.json"]);
    await_status(directory.path(), "1042", "sent");
    run(directory.path(), &["suppressions", "add", "Ada@example.com"]);
    assert_eq!(files_with(&data_dir.join("outbox"), &person).len(), 1);
    let erased = run(directory.path(), &["erase", "ADA@example.com", "--json"]);
    assert_eq!(code(&erased), 0, "{}", text(&erased.stderr));
    let counts: Value = serde_json::from_slice(&erased.stdout).unwrap();
    let expected = json!({
        "done": true, "notifications": 1, "canceled": 0, "canceledForOthers": [], "events": 1, "captured": 1,
        "suppressed": 1, "inFlight": [], "logInUse": false
    });
    assert_eq!(counts, expected);
    assert_eq!(files_with(&data_dir, &person), Vec::<PathBuf>::new());
    let status = run(directory.path(), &["status", "1042"]);
    assert!(text(&status.stdout).contains("to (erased): sent"), "{}", text(&status.stdout));
    drop(server.take());
    // The list has not forgotten whom it stops, and the same order again is none.
    let again = run(directory.path(), &["erase", "ada@example.com", "--yes"]);
    assert_eq!(code(&again), 0, "{}", text(&again.stderr));
    assert!(text(&again.stdout).starts_with("0 notifications"), "{}", text(&again.stdout));
    let verified = run(directory.path(), &["verify"]);
    assert_eq!(code(&verified), 0, "{}{}", text(&verified.stdout), text(&verified.stderr));
    let wrong = run(directory.path(), &["erase", "nobody"]);
    assert_eq!(
        (code(&wrong), text(&wrong.stderr).contains("/address")),
        (1, true),
        "{}",
        text(&wrong.stderr)
    );
    assert_eq!(code(&run(directory.path(), &["erase"])), 2);
}

//! Opening, closing and opening again.

use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::suppression::Secret;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::{Ledger as _, LedgerError, ListQuery};
use postrider_testkit::contract::scene::{dead, recipient_rules, sure};
use rusqlite::Connection;

use super::{place, scene};
use crate::{OpenError, SqliteLedger};

fn refusal(path: &Path) -> OpenError {
    match SqliteLedger::open(path, recipient_rules()) {
        Ok(_) => panic!("the ledger should have been refused"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let (_directory, path) = place();
    let (first, ledger) = scene(&path);
    let sent = first.post_and_finish("1", Verdict::Sent).await;
    let dead = first.post_and_finish("2", dead("connect_refused")).await;
    let queued = first.post("3").await;
    let mut before = Vec::new();
    for id in [sent, dead, queued] {
        before.push(sure(ledger.find(id).await));
    }
    let stats = sure(ledger.queue_stats(first.now()).await);
    ledger.close().await;
    drop((first, ledger));

    let (second, ledger) = scene(&path);
    for (id, before) in [sent, dead, queued].into_iter().zip(before) {
        assert_eq!(sure(ledger.find(id).await), before);
    }
    assert_eq!(sure(ledger.queue_stats(second.now()).await), stats);
    assert!(second.accept(second.acceptance("3")).await.notifications[0].duplicate);
    assert_eq!(second.claim_one().await.notification.id, queued);
}

#[tokio::test]
async fn a_dropped_ledger_leaves_no_log_behind() {
    let (_directory, path) = place();
    let (first, ledger) = scene(&path);
    first.post("1").await;
    let log_len = || std::fs::metadata(path.with_extension("db-wal")).map_or(0, |log| log.len());
    assert!(log_len() > 0);
    drop((first, ledger));
    let _second = scene(&path);
    assert_eq!(log_len(), 0);
}

#[tokio::test]
async fn nobody_else_may_read_a_new_ledger() {
    let (directory, path) = place();
    let (first, _ledger) = scene(&path);
    first.post("1").await;
    for entry in std::fs::read_dir(directory.path()).expect("the directory can be read") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("its mode is known").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn what_a_copy_of_file_and_log_holds_is_what_was_acknowledged() {
    let (_directory, path) = place();
    let (first, _ledger) = scene(&path);
    let id = first.post("1").await;
    // What a power cut would leave: the files as they are, nothing closed.
    let (_elsewhere, copy) = place();
    std::fs::copy(&path, &copy).expect("the file can be copied");
    std::fs::copy(path.with_extension("db-wal"), copy.with_extension("db-wal")).expect("so can its log");
    let (second, _ledger) = scene(&copy);
    assert_eq!(second.list(ListQuery::default()).await, [id]);
}

#[tokio::test]
async fn a_closed_ledger_refuses_steps_and_still_answers_questions() {
    let (_directory, path) = place();
    let (first, ledger) = scene(&path);
    let id = first.post("1").await;
    ledger.close().await;
    ledger.close().await;
    let refused = ledger.accept(first.acceptance("2")).await;
    assert!(matches!(refused, Err(LedgerError::Unavailable { .. })), "{refused:?}");
    assert_eq!(first.list(ListQuery::default()).await, [id]);
}

#[tokio::test]
async fn what_was_asked_before_closing_is_done() {
    let (_directory, path) = place();
    let (first, ledger) = scene(&path);
    let mut steps = tokio::task::JoinSet::new();
    for order in 0..50 {
        let (ledger, acceptance) = (std::sync::Arc::clone(&ledger), first.acceptance(&order.to_string()));
        steps.spawn(async move { ledger.accept(acceptance).await });
    }
    tokio::task::yield_now().await;
    ledger.close().await;
    let mut acknowledged = 0;
    while let Some(step) = steps.join_next().await {
        match step.expect("no step panics") {
            Ok(_) => acknowledged += 1,
            Err(error) => assert!(matches!(error, LedgerError::Unavailable { .. }), "{error}"),
        }
    }
    drop((first, ledger));
    let (second, _ledger) = scene(&path);
    assert_eq!(second.list(ListQuery::default()).await.len(), acknowledged);
}

#[test]
fn a_second_opening_is_refused_and_names_the_process() {
    let (_directory, path) = place();
    let first = SqliteLedger::open(&path, recipient_rules()).expect("the ledger opens");
    let error = refusal(&path);
    let expected = std::process::id().to_string();
    assert!(matches!(&error, OpenError::AlreadyOpen { holder, .. } if *holder == expected), "{error}");
    drop(first);
    assert!(SqliteLedger::open(&path, recipient_rules()).is_ok());
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (_directory, path) = place();
    drop(SqliteLedger::open(&path, recipient_rules()).expect("the ledger opens"));
    Connection::open(&path)
        .and_then(|connection| connection.pragma_update(None, "user_version", 99))
        .expect("the version can be changed");
    let before = std::fs::read(&path).expect("the file can be read");
    let error = refusal(&path);
    assert!(matches!(error, OpenError::NewerSchema { found: 99, .. }), "{error}");
    assert_eq!(std::fs::read(&path).expect("the file can be read"), before);
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    for application_id in [0, 17] {
        let (_directory, path) = place();
        let foreign = Connection::open(&path).expect("a database");
        foreign.execute_batch("CREATE TABLE notes (text TEXT)").expect("a table");
        foreign.pragma_update(None, "application_id", application_id).expect("an application id");
        drop(foreign);
        let before = std::fs::read(&path).expect("the file can be read");
        let error = refusal(&path);
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        assert_eq!(std::fs::read(&path).expect("the file can be read"), before);
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let (_directory, path) = place();
    std::fs::write(&path, "orders, by hand").expect("the file can be written");
    let error = refusal(&path);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert_eq!(std::fs::read(&path).expect("the file can be read"), b"orders, by hand");
}

#[tokio::test]
async fn a_file_cut_short_is_refused() {
    let (_directory, path) = filled().await;
    let file = OpenOptions::new().write(true).open(&path).expect("the file can be opened");
    let len = file.metadata().expect("its length is known").len();
    file.set_len(len / 2).expect("it can be cut");
    let error = refusal(&path);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert_eq!(std::fs::metadata(&path).expect("it is still there").len(), len / 2);
}

#[tokio::test]
async fn a_file_overwritten_in_its_midst_is_refused_or_found_out_when_it_is_read() {
    let (_directory, path) = filled().await;
    let mut file = OpenOptions::new().write(true).open(&path).expect("the file can be opened");
    let len = file.metadata().expect("its length is known").len();
    // Everything but the first page: whatever is looked at is damaged.
    file.seek(SeekFrom::Start(4096)).expect("there is a second page");
    file.write_all(&vec![0xa5; usize::try_from(len).expect("a small file") - 4096])
        .expect("it can be written");
    let error = refusal(&path);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn damage_found_later_stops_the_ledger() {
    let (_directory, path) = place();
    let (first, ledger) = scene(&path);
    first.post("1").await;
    // As a failing disk would: behind SQLite's back, and past what opening looks at.
    Connection::open(&path)
        .and_then(|connection| connection.execute("UPDATE notifications SET status = 99", []))
        .expect("the row can be spoilt");
    let found = ledger.list(ListQuery::default()).await;
    assert!(matches!(found, Err(LedgerError::Fatal { .. })), "{found:?}");
    let refused = ledger.accept(first.acceptance("2")).await;
    assert!(matches!(refused, Err(LedgerError::Fatal { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_log_without_its_file_is_refused() {
    let (_directory, path) = place();
    std::fs::write(path.with_extension("db-wal"), [7; 4096]).expect("the log can be written");
    let error = refusal(&path);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(path.with_extension("db-wal").exists());
}

#[test]
fn a_missing_directory_is_refused() {
    let (directory, _) = place();
    let error = refusal(&directory.path().join("nowhere").join("ledger.db"));
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
}

async fn filled() -> (tempfile::TempDir, std::path::PathBuf) {
    let (directory, path) = place();
    let (first, ledger) = scene(&path);
    for order in 0..100 {
        first.post(&order.to_string()).await;
    }
    ledger.close().await;
    (directory, path)
}

#[test]
fn another_secret_is_refused_and_the_right_one_still_opens() {
    let (_directory, path) = place();
    drop(SqliteLedger::open(&path, recipient_rules()).expect("the ledger opens"));
    let other = RecipientRules { secret: Secret::new([8; 32]), ..recipient_rules() };
    let refused = SqliteLedger::open(&path, other).err().expect("another secret is refused");
    assert!(matches!(refused, OpenError::OtherSecret { .. }), "{refused}");
    assert!(SqliteLedger::open(&path, recipient_rules()).is_ok());
}

//! When the disk is full, the file is locked, or the queue is.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::status::Status;
use postrider_core::limits::LEDGER_CLOSE_MS_MAX;
use postrider_core::ports::ledger::{Finished, Ledger as _, LedgerError, ListQuery};
use rusqlite::Connection;

use super::{place, scene};
use crate::opening::BUSY_TIMEOUT;
use crate::steps::{Accept, WriteStep, Writing};

/// Lets the file grow to this many pages: SQLite then fails as it does when the disk is full.
struct LimitPages(u32);

impl WriteStep for LimitPages {
    type Output = ();

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<()> {
        writing.connection.query_row(&format!("PRAGMA max_page_count = {}", self.0), [], |_| Ok(()))
    }
}

/// Breaks a rule of the schema.
struct Defect;

impl WriteStep for Defect {
    type Output = ();

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<()> {
        writing.connection.execute("INSERT INTO heartbeat (one, at) VALUES (2, 0)", []).map(|_| ())
    }
}

/// Holds the writer until an instant is past.
struct Past(Instant);

impl WriteStep for Past {
    type Output = ();

    fn run(&self, _: &mut Writing<'_>) -> rusqlite::Result<()> {
        while Instant::now() <= self.0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Holds the writer until the other end is dropped.
struct Pause(std::sync::Mutex<Receiver<()>>);

impl WriteStep for Pause {
    type Output = ();

    fn run(&self, _: &mut Writing<'_>) -> rusqlite::Result<()> {
        let _ = self.0.lock().map(|go_on| go_on.recv());
        Ok(())
    }
}

#[tokio::test]
async fn a_full_disk_refuses_what_needs_room_and_recovers_by_itself() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let known = scene.post("known").await;
    ledger.writer().submit(LimitPages(1)).await.expect("the limit can be set");
    let mut large = scene.acceptance("large");
    large.event.data = format!("{{\"note\":\"{}\"}}", "x".repeat(200_000));
    let refused = ledger.accept(large.clone()).await;
    let Err(LedgerError::Unavailable { reason }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("full"), "{reason}");
    // Nothing of it was stored, and what needs no room goes on.
    assert_eq!(scene.list(ListQuery::default()).await, [known]);
    let claim = scene.claim_one().await;
    assert_eq!(scene.finish(&claim, Verdict::Sent).await, Finished::Recorded(Status::Sent));

    ledger.writer().submit(LimitPages(1_000_000)).await.expect("the limit can be lifted");
    assert!(!scene.accept(large).await.notifications[0].duplicate);
}

#[tokio::test]
async fn one_large_step_does_not_take_its_group_down() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let known = scene.post("known").await;
    ledger.writer().submit(LimitPages(1)).await.expect("the limit can be set");
    let (go_on, wait) = channel();
    let pause = in_background(&ledger, Pause(std::sync::Mutex::new(wait)));
    let mut large = scene.acceptance("large");
    large.event.data = "x".repeat(200_000);
    let accepting = {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move { ledger.accept(large).await })
    };
    let probing = {
        let (ledger, now) = (Arc::clone(&ledger), scene.now());
        tokio::spawn(async move { ledger.probe(now).await })
    };
    tokio::task::yield_now().await;
    drop(go_on);
    assert!(matches!(accepting.await, Ok(Err(LedgerError::Unavailable { .. }))));
    assert_eq!(probing.await.expect("no panic"), Ok(()));
    assert_eq!(pause.await.expect("no panic"), Ok(()));
    assert_eq!(scene.list(ListQuery::default()).await, [known]);
}

#[tokio::test]
async fn a_defect_of_one_step_spares_the_others() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let (go_on, wait) = channel();
    let pause = in_background(&ledger, Pause(std::sync::Mutex::new(wait)));
    let accepting = {
        let (ledger, acceptance) = (Arc::clone(&ledger), scene.acceptance("1"));
        tokio::spawn(async move { ledger.accept(acceptance).await })
    };
    let defect = in_background(&ledger, Defect);
    tokio::task::yield_now().await;
    drop(go_on);
    assert!(accepting.await.expect("no panic").is_ok());
    assert!(matches!(defect.await, Ok(Err(LedgerError::Unavailable { .. }))));
    assert_eq!(pause.await.expect("no panic"), Ok(()));
    assert_eq!(scene.claim(10).await.len(), 1);
}

#[tokio::test]
async fn a_foreign_lock_is_waited_for_and_then_reported() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let foreign = Connection::open(&path).expect("a second connection");
    foreign.execute_batch("BEGIN IMMEDIATE").expect("the lock is free");
    let refused = ledger.accept(scene.acceptance("1")).await;
    let Err(LedgerError::Unavailable { reason }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("lock"), "{reason}");
    foreign.execute_batch("ROLLBACK").expect("the lock can be given back");
    assert!(!scene.accept(scene.acceptance("1")).await.notifications[0].duplicate);
}

#[tokio::test]
async fn a_group_that_meets_a_foreign_lock_waits_for_it_once() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let foreign = Connection::open(&path).expect("a second connection");
    foreign.execute_batch("BEGIN IMMEDIATE").expect("the lock is free");
    let since = Instant::now();
    // The first of them waits alone; the others are a group by the time it has given up.
    let mut steps = tokio::task::JoinSet::new();
    for order in 0..12 {
        let (ledger, acceptance) = (Arc::clone(&ledger), scene.acceptance(&order.to_string()));
        steps.spawn(async move { ledger.accept(acceptance).await });
    }
    while let Some(step) = steps.join_next().await {
        let refused = step.expect("no panic");
        let Err(LedgerError::Unavailable { reason }) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("lock"), "{reason}");
    }
    assert!(since.elapsed() < 5 * BUSY_TIMEOUT, "{:?}", since.elapsed());
    foreign.execute_batch("ROLLBACK").expect("the lock can be given back");
    assert!(scene.list(ListQuery::default()).await.is_empty());
}

#[tokio::test]
async fn a_step_whose_time_is_over_when_its_group_is_taken_apart_is_not_carried_out() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let (go_on, wait) = channel();
    let pause = in_background(&ledger, Pause(std::sync::Mutex::new(wait)));
    let deadline = Instant::now() + Duration::from_millis(300);
    let slow = in_background(&ledger, Past(deadline));
    let defect = in_background(&ledger, Defect);
    let late = {
        let (ledger, step) = (Arc::clone(&ledger), Accept(scene.acceptance("late")));
        tokio::spawn(async move { ledger.writer().submit_by(step, deadline).await })
    };
    tokio::task::yield_now().await;
    drop(go_on);
    let refused = late.await.expect("no panic");
    assert!(matches!(refused, Err(LedgerError::Unavailable { .. })), "{refused:?}");
    assert!(matches!(defect.await, Ok(Err(LedgerError::Unavailable { .. }))));
    assert_eq!(slow.await.expect("no panic"), Ok(()));
    assert_eq!(pause.await.expect("no panic"), Ok(()));
    assert!(scene.list(ListQuery::default()).await.is_empty());
}

#[tokio::test]
async fn a_ledger_whose_writer_hangs_is_closed_in_time_and_stays_locked() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let (go_on, wait) = channel();
    let hanging = in_background(&ledger, Pause(std::sync::Mutex::new(wait)));
    tokio::task::yield_now().await;
    let since = Instant::now();
    ledger.close().await;
    assert!(since.elapsed() < Duration::from_millis(4 * LEDGER_CLOSE_MS_MAX), "{:?}", since.elapsed());
    hanging.abort();
    let _ = hanging.await;
    drop((scene, ledger));
    assert!(matches!(
        crate::SqliteLedger::open(&path, postrider_testkit::contract::scene::recipient_rules()),
        Err(crate::OpenError::AlreadyOpen { .. })
    ));
    drop(go_on);
}

#[tokio::test]
async fn a_step_the_writer_gets_to_too_late_is_not_carried_out() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let (go_on, wait) = channel();
    let pause = in_background(&ledger, Pause(std::sync::Mutex::new(wait)));
    let late = {
        let (ledger, step) = (Arc::clone(&ledger), Accept(scene.acceptance("late")));
        tokio::spawn(async move { ledger.writer().submit_by(step, Instant::now()).await })
    };
    tokio::task::yield_now().await;
    drop(go_on);
    let refused = late.await.expect("no panic");
    assert!(matches!(refused, Err(LedgerError::Unavailable { .. })), "{refused:?}");
    assert_eq!(pause.await.expect("no panic"), Ok(()));
    assert!(!scene.accept(scene.acceptance("late")).await.notifications[0].duplicate);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_stays_full_refuses_in_time() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let (go_on, wait) = channel();
    let pause = in_background(&ledger, Pause(std::sync::Mutex::new(wait)));
    // By bytes: the queue never holds more than its bound, so some of these wait for room in vain.
    let mut steps = tokio::task::JoinSet::new();
    for order in 0..64 {
        let mut large = scene.acceptance(&order.to_string());
        large.event.data = "x".repeat(1_000_000);
        let ledger = Arc::clone(&ledger);
        steps.spawn(async move { ledger.accept(large).await });
    }
    // Refused while the writer still stands: nobody waits longer than the limit.
    let refused = steps.join_next().await.expect("there are steps").expect("no panic");
    assert!(matches!(refused, Err(LedgerError::Unavailable { .. })), "{refused:?}");
    drop(go_on);
    let mut stored = 0;
    while let Some(step) = steps.join_next().await {
        stored += usize::from(step.expect("no panic").is_ok());
    }
    assert_eq!(pause.await.expect("no panic"), Ok(()));
    assert_eq!(scene.list(ListQuery::default()).await.len(), stored);
}

fn in_background<S: WriteStep>(
    ledger: &Arc<crate::SqliteLedger>,
    step: S,
) -> tokio::task::JoinHandle<Result<S::Output, LedgerError>> {
    let ledger = Arc::clone(ledger);
    tokio::spawn(async move { ledger.writer().submit(step).await })
}

//! What is erased is gone from the file too, and what was not erased properly is found.

use std::path::Path;

use postrider_core::domain::feedback::Reference;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::Words;
use postrider_core::ports::erasure::{Cleared, Erased, Erasure, ErasureLedger as _};
use postrider_core::ports::feedback::{Feedback, FeedbackLedger as _, FeedbackRecorded};
use postrider_core::ports::ledger::FinishAttempt;
use postrider_core::use_cases::erase_recipient::EraseRecipient;
use postrider_testkit::contract::feedback::report;
use postrider_testkit::contract::scene::{Scene, address, recipient_rules, sure};
use rusqlite::Connection;

use super::{place, scene};
use crate::{Look, verify};

/// Where the file and the log beside it hold `text`, in whatever spelling of case.
fn places_of(path: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for suffix in ["", "-wal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let bytes = std::fs::read(name).unwrap_or_default().to_ascii_lowercase();
        let hits = bytes.windows(text.len()).enumerate().filter(|(_, window)| *window == text.as_bytes());
        found.extend(hits.map(|(at, _)| format!("{suffix}@{at}")));
    }
    found
}

/// Orders of Ada's and of others between them, sent; hers have texts of more than a page.
async fn orders(scene: &Scene, count: usize) {
    orders_from(scene, 0, count).await;
}

async fn orders_from(scene: &Scene, first: usize, end: usize) {
    for n in first..end {
        let mut acceptance = scene.acceptance(&n.to_string());
        let to = if n % 3 == 0 { "bob@example.com" } else { "ada@example.com" };
        acceptance.notifications[0].1.to = address(to);
        let text = format!("written for {to} ").repeat(if n % 5 == 0 { 700 } else { 3 });
        acceptance.event.data = format!(r#"{{"customerEmail":"{to}","orderId":"{n}","text":"{text}"}}"#);
        scene.accept(acceptance).await;
        let claim = scene.claim_one().await;
        let words = Words::new(&format!("250 <{to}> Ok"));
        sure(
            scene.ledger.finish_attempt(FinishAttempt { words, ..scene.report(&claim, Verdict::Sent) }).await,
        );
        scene.clock.advance_ms(1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_of_an_erased_address_is_left_in_the_file_or_the_log() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    orders(&scene, 60).await;
    assert!(!places_of(&path, "ada@example.com").is_empty());
    let erase = EraseRecipient { ledger: &*ledger, captured: None, now: scene.now() };
    let tally = erase.run(&address("ada@example.com")).await.expect("erased");
    assert!(tally.is_done() && tally.notifications == 40, "{tally:?}");
    assert_eq!(places_of(&path, "ada@example.com"), [""; 0]);
    assert!(!places_of(&path, "bob@example.com").is_empty());
    let verified = verify(&path, Look::InUse, Some(&recipient_rules())).expect("it can be read");
    assert!(verified.is_sound(), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_about_the_address_that_wait_for_their_message_are_forgotten() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    for (name, to) in [("1", "Ada@example.com"), ("2", "bob@example.com")] {
        let mut early = report(postrider_core::domain::feedback::ReportKind::Delivered, name);
        early.recipient = Some(address(to));
        let feedback = Feedback {
            references: vec![Reference::Provider(format!("unknown-{name}"))],
            report: early,
            may_condemn: true,
            now: scene.now(),
        };
        assert_eq!(sure(ledger.record_feedback(feedback).await), FeedbackRecorded::Kept);
    }
    ledger.finish_erasing(address("ada@example.com")).await.expect("forgotten");
    assert_eq!(places_of(&path, "ada@example.com"), [""; 0]);
    assert!(!places_of(&path, "bob@example.com").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_about_a_part_of_an_address_is_somebody_elses() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let mut early = report(postrider_core::domain::feedback::ReportKind::Delivered, "1");
    early.recipient = Some(address("jada@example.com"));
    early.diagnostic = Words::new("250 <jada@example.com> Ok");
    let references = vec![Reference::Provider("unknown".to_owned())];
    let feedback = Feedback { references, report: early, may_condemn: true, now: scene.now() };
    assert_eq!(sure(ledger.record_feedback(feedback).await), FeedbackRecorded::Kept);
    let count = || {
        let by_hand = Connection::open(&path).expect("the ledger by hand");
        let query = "SELECT count(*) FROM early_reports";
        by_hand.query_row(query, [], |row| row.get::<_, u32>(0)).expect("a count")
    };
    assert_eq!(ledger.finish_erasing(address("ada@example.com")).await, Ok(Cleared::Wholly));
    assert_eq!(count(), 1);
    assert_eq!(ledger.finish_erasing(address("jada@example.com")).await, Ok(Cleared::Wholly));
    assert_eq!(count(), 0);
}

/// How long the write-ahead log is.
fn log_bytes(path: &Path) -> u64 {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    std::fs::metadata(name).expect("a log").len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_somebody_reads_is_told_and_cut_off_by_the_next_call() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    orders(&scene, 3).await;
    let mut backup = Connection::open(&path).expect("another reader");
    let reading = backup.transaction().expect("a read");
    reading.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, u32>(0)).expect("it reads");
    let erase = EraseRecipient { ledger: &*ledger, captured: None, now: scene.now() };
    for notifications in [2, 0] {
        let tally = erase.run(&address("ada@example.com")).await.expect("erased");
        assert_eq!((tally.notifications, tally.in_use, tally.is_done()), (notifications, true, false));
    }
    assert!(log_bytes(&path) > 0);
    drop(reading);
    assert!(erase.run(&address("ada@example.com")).await.expect("erased").is_done());
    assert_eq!(log_bytes(&path), 0);
    assert_eq!(places_of(&path, "ada@example.com"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_address_costs_the_writer_nothing() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let erase = EraseRecipient { ledger: &*ledger, captured: None, now: scene.now() };
    // After a start it is not known what the process before has left.
    orders(&scene, 1).await;
    assert!(erase.run(&address("nobody@example.com")).await.expect("erased").is_done());
    assert_eq!(log_bytes(&path), 0);
    orders_from(&scene, 1, 3).await;
    let log = log_bytes(&path);
    assert!(log > 0);
    assert!(erase.run(&address("nobody@example.com")).await.expect("erased").is_done());
    assert_eq!(log_bytes(&path), log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchant_forgotten_without_the_order_is_sound() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let mut acceptance = scene.acceptance("1");
    acceptance.event.data = r#"{"customerEmail":"bob@example.com"}"#.to_owned();
    acceptance.notifications[0].1.to = address("maria@shop.example");
    scene.accept(acceptance).await;
    let erase = EraseRecipient { ledger: &*ledger, captured: None, now: scene.now() };
    assert_eq!(erase.run(&address("maria@shop.example")).await.expect("erased").notifications, 1);
    assert_eq!(places_of(&path, "maria@shop.example"), [""; 0]);
    assert!(!places_of(&path, "bob@example.com").is_empty());
    let verified = verify(&path, Look::InUse, Some(&recipient_rules())).expect("it can be read");
    assert!(verified.is_sound(), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_erased_by_halves_is_found() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let [first, second, third] = [
        scene.post_and_finish("1", Verdict::Sent).await,
        scene.post_and_finish("2", Verdict::Sent).await,
        scene.post_and_finish("3", Verdict::Sent).await,
    ];
    for id in [first, second] {
        let erasure = Erasure { id, forget_recipient: true, keep_data: false, now: scene.now() };
        assert_eq!(ledger.erase(erasure).await, Ok(Erased::Done));
    }
    let look = || verify(&path, Look::InUse, Some(&recipient_rules())).expect("it can be read");
    assert!(look().is_sound(), "{:?}", look());
    let by_hand = Connection::open(&path).expect("the ledger by hand");
    let id_of = |id: postrider_core::domain::id::NotificationId| id.to_bytes();
    by_hand
        .execute(
            "UPDATE timeline SET words = 'ada' WHERE notification_seq = (SELECT seq FROM notifications WHERE id = ?1)",
            [id_of(first)],
        )
        .expect("words");
    by_hand.execute("UPDATE notifications SET status = 8 WHERE id = ?1", [id_of(second)]).expect("a status");
    by_hand
        .execute("UPDATE notifications SET to_address = '' WHERE id = ?1", [id_of(third)])
        .expect("nobody");
    let verified = look();
    let count = |name: &str| verified.checks.iter().find(|check| check.name == name).map(|check| check.count);
    assert_eq!((count("erased"), count("recipients"), count("notifications")), (Some(1), Some(2), Some(1)));
}

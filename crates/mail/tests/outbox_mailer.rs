//! The mailer that captures messages in a folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

use std::fs;
use std::future::pending;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::{AttemptOutcome, FailureClass, FaultScope};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::mailer::{Envelope, Mailer as _, OutgoingMessage};
use postrider_core::use_cases::erase_recipient::CapturedMessages as _;
use postrider_mail::mailers::outbox::{CapturedFolder, OutboxMailer};
use tempfile::TempDir;

fn outbox() -> (TempDir, OutboxMailer) {
    let directory = TempDir::new().unwrap();
    let mailer = OutboxMailer::open(directory.path()).unwrap();
    (directory, mailer)
}

fn message(at_ms: i64, attempt: u32) -> OutgoingMessage {
    OutgoingMessage {
        notification_id: NotificationId::new(Timestamp::from_millis(at_ms), 7),
        attempt,
        envelope: Envelope {
            return_path: EmailAddress::parse("bounces@shop.example").unwrap(),
            recipient: EmailAddress::parse("ada@example.com").unwrap(),
        },
        message: format!("Subject: {at_ms}\r\n\r\nHello.\r\n").into_bytes(),
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory.join("outbox")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_a_file_named_after_its_notification_and_attempt() {
    let (directory, mailer) = outbox();
    let message = message(1_000, 3);
    let outcome = mailer.send(&message, &mut pending()).await;
    let name = format!("{}.3.eml", message.notification_id);
    let AttemptOutcome::Accepted { words } = outcome else { panic!("{outcome:?}") };
    assert_eq!(words.as_str(), format!("captured in outbox/{name}"));
    assert_eq!(names(directory.path()), [name.as_str()]);
    assert_eq!(fs::read(directory.path().join("outbox").join(name)).unwrap(), message.message);
}

#[tokio::test]
async fn nobody_else_may_read_what_is_captured() {
    let (directory, mailer) = outbox();
    mailer.send(&message(1_000, 1), &mut pending()).await;
    let folder = directory.path().join("outbox");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join(&names(directory.path())[0]))), (0o700, 0o600));
}

#[tokio::test]
async fn a_full_disk_pauses_the_route_and_spends_no_attempt() {
    let (directory, mailer) = outbox();
    let message = message(1_000, 1);
    let temporary = directory.path().join("outbox").join(format!("{}.1.tmp", message.notification_id));
    // Every write to /dev/full fails with ENOSPC.
    symlink("/dev/full", &temporary).unwrap();
    let outcome = mailer.send(&message, &mut pending()).await;
    let AttemptOutcome::NotAccepted(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.class, FailureClass::Retryable);
    assert_eq!(failure.scope, FaultScope::Route);
    assert_eq!(failure.cause.as_str(), "outbox_write_failed");
    assert!(!failure.spends_attempt);
    assert!(names(directory.path()).is_empty(), "nothing half written stays behind");

    let again = mailer.send(&message, &mut pending()).await;
    assert!(matches!(again, AttemptOutcome::Accepted { .. }), "recovers by itself: {again:?}");
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_gone_after_the_next_start() {
    let (directory, mailer) = outbox();
    let message = message(1_000, 1);
    mailer.send(&message, &mut pending()).await;
    let leftover = format!("{}.2.tmp", message.notification_id);
    fs::write(directory.path().join("outbox").join(&leftover), "Subj").unwrap();
    OutboxMailer::open(directory.path()).unwrap();
    assert_eq!(names(directory.path()), [format!("{}.1.eml", message.notification_id)]);
}

#[tokio::test]
async fn a_second_copy_of_one_attempt_replaces_the_first() {
    let (directory, mailer) = outbox();
    for _ in 0..2 {
        mailer.send(&message(1_000, 1), &mut pending()).await;
    }
    assert_eq!(names(directory.path()).len(), 1);
}

#[tokio::test]
async fn what_was_captured_of_a_notification_is_removed_and_nothing_else() {
    let (directory, mailer) = outbox();
    for captured in [message(1, 1), message(1, 3), message(2, 1)] {
        mailer.send(&captured, &mut pending()).await;
    }
    let folder = CapturedFolder::new(directory.path());
    let id = message(1, 1).notification_id;
    assert_eq!(folder.remove(id, 3).await.unwrap(), 2);
    assert_eq!(folder.remove(id, 3).await.unwrap(), 0);
    assert_eq!(names(directory.path()).len(), 1);
    let nowhere = CapturedFolder::new(&directory.path().join("missing"));
    assert_eq!(nowhere.remove(id, 2).await.unwrap(), 0);
}

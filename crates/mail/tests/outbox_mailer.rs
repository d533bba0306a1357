//! The mailer that captures messages in a folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::{AttemptOutcome, FailureClass, FaultScope};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::mailer::{Envelope, Mailer as _, OutgoingMessage};
use postrider_mail::mailers::outbox::{CapturedMessage, OutboxMailer};
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

fn captured(message: &OutgoingMessage) -> CapturedMessage {
    CapturedMessage { notification_id: message.notification_id, attempt: message.attempt }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory.join("outbox")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_a_file_named_after_its_notification_and_attempt() {
    let (directory, mailer) = outbox();
    let message = message(1_000, 3);
    let outcome = mailer.send(&message).await;
    let name = format!("{}.3.eml", message.notification_id);
    let AttemptOutcome::Accepted { words } = outcome else { panic!("{outcome:?}") };
    assert_eq!(words.as_str(), format!("captured in outbox/{name}"));
    assert_eq!(names(directory.path()), [name]);
    assert_eq!(mailer.read(captured(&message)).await.unwrap(), Some(message.message));
}

#[tokio::test]
async fn the_newest_messages_are_listed_first_and_no_more_than_asked_for() {
    let (directory, mailer) = outbox();
    for at_ms in [2_000, 5_000, 1_000, 4_000, 3_000] {
        mailer.send(&message(at_ms, 1)).await;
    }
    mailer.send(&message(5_000, 2)).await;
    fs::write(directory.path().join("outbox/notes.txt"), "not a message").unwrap();
    let expected = [captured(&message(5_000, 2)), captured(&message(5_000, 1)), captured(&message(4_000, 1))];
    assert_eq!(mailer.list(3).await.unwrap(), expected);
    assert_eq!(mailer.list(usize::MAX).await.unwrap().len(), 6);
    assert_eq!(mailer.list(0).await.unwrap(), []);
}

#[tokio::test]
async fn a_message_that_was_never_captured_is_not_found() {
    let (_directory, mailer) = outbox();
    assert_eq!(mailer.read(captured(&message(1_000, 1))).await.unwrap(), None);
}

#[tokio::test]
async fn a_full_disk_pauses_the_route_and_spends_no_attempt() {
    let (directory, mailer) = outbox();
    let message = message(1_000, 1);
    let temporary = directory.path().join("outbox").join(format!("{}.1.tmp", message.notification_id));
    // Every write to /dev/full fails with ENOSPC.
    symlink("/dev/full", &temporary).unwrap();
    let outcome = mailer.send(&message).await;
    let AttemptOutcome::NotAccepted(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.class, FailureClass::Retryable);
    assert_eq!(failure.scope, FaultScope::Route);
    assert_eq!(failure.cause.as_str(), "outbox_write_failed");
    assert!(!failure.spends_attempt);
    assert!(names(directory.path()).is_empty(), "nothing half written stays behind");

    let again = mailer.send(&message).await;
    assert!(matches!(again, AttemptOutcome::Accepted { .. }), "recovers by itself: {again:?}");
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_gone_after_the_next_start() {
    let (directory, mailer) = outbox();
    let message = message(1_000, 1);
    mailer.send(&message).await;
    let leftover = format!("{}.2.tmp", message.notification_id);
    fs::write(directory.path().join("outbox").join(&leftover), "Subj").unwrap();
    let reopened = OutboxMailer::open(directory.path()).unwrap();
    assert_eq!(names(directory.path()), [format!("{}.1.eml", message.notification_id)]);
    assert_eq!(reopened.list(10).await.unwrap(), [captured(&message)]);
}

#[tokio::test]
async fn a_second_copy_of_one_attempt_replaces_the_first() {
    let (directory, mailer) = outbox();
    for _ in 0..2 {
        mailer.send(&message(1_000, 1)).await;
    }
    assert_eq!(names(directory.path()).len(), 1);
}

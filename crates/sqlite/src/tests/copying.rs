//! Copies taken while others write, what a look through a ledger finds, and what is held after a restore.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::{Step, Verdict};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::{Intervened, Intervention, Ledger as _, ListQuery};
use postrider_testkit::contract::scene::{dead, deferred, recipient_rules, sure, unknown};
use rusqlite::Connection;

use super::{place, scene};
use crate::{
    CopyError, Look, OpenError, Reservation, RestoredHeld, SqliteLedger, Verified, check_copy, copy_ledger,
    verify,
};

fn looked_through(path: &Path, look: Look) -> Verified {
    verify(path, look, Some(&recipient_rules())).expect("it can be read")
}

/// The names of the checks that found something, and whom they name.
fn faults(verified: &Verified) -> Vec<(&'static str, String)> {
    let first = |check: &crate::Check| check.findings.first().map(|finding| finding.id.clone());
    verified.checks.iter().filter_map(|check| Some((check.name, first(check)?))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_copy_taken_during_a_storm_is_sound_and_holds_what_was_acknowledged_before_it() {
    let (directory, path) = place();
    let (scene, ledger) = scene(&path);
    let mut acknowledged = 0;
    for round in 0..5 {
        let mut steps = tokio::task::JoinSet::new();
        for order in 0..200 {
            let (ledger, acceptance) =
                (std::sync::Arc::clone(&ledger), scene.acceptance(&format!("{round}-{order}")));
            steps.spawn(async move { ledger.accept(acceptance).await });
        }
        // Some of the round are stored by now, and others follow while it is copied.
        for _ in 0..20 {
            let step = steps.join_next().await.expect("a step of the round");
            sure(step.expect("no step panics"));
            acknowledged += 1;
        }
        let (from, to) = (path.clone(), directory.path().join(format!("copy-{round}")));
        let copy = to.clone();
        let copying = tokio::task::spawn_blocking(move || copy_ledger(&from, &copy, &mut |_| {}));
        copying.await.expect("no panic").expect("a copy");
        check_copy(&to, &recipient_rules()).expect("a sound copy");
        let verified = looked_through(&to, Look::Copy);
        assert!(verified.is_sound(), "{verified:?}");
        assert!(verified.notifications >= acknowledged, "{} of {acknowledged}", verified.notifications);
        assert!(looked_through(&path, Look::InUse).is_sound());
        while let Some(step) = steps.join_next().await {
            sure(step.expect("no step panics"));
            acknowledged += 1;
        }
    }
}

#[tokio::test]
async fn a_copy_is_one_file_for_its_owner_alone_and_replaces_nothing() {
    let (directory, path) = place();
    let (scene, _ledger) = scene(&path);
    let id = scene.post("1").await;
    let copy = directory.path().join("copy");
    copy_ledger(&path, &copy, &mut |_| {}).expect("a copy");
    let metadata = std::fs::metadata(&copy).expect("it is there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let again = copy_ledger(&path, &copy, &mut |_| {});
    assert!(matches!(again, Err(CopyError::Target { .. })), "{again:?}");
    // It opens without a log beside it, as the ledger it is.
    let (restored, _ledger) = super::scene(&copy);
    assert_eq!(restored.list(ListQuery::default()).await, [id]);
}

#[test]
fn what_is_no_ledger_is_not_copied() {
    let (directory, path) = place();
    let missing = copy_ledger(&path, &directory.path().join("copy"), &mut |_| {});
    assert!(matches!(missing, Err(CopyError::Missing(_))), "{missing:?}");
    std::fs::write(&path, "orders, by hand").expect("the file can be written");
    let foreign = copy_ledger(&path, &directory.path().join("copy"), &mut |_| {});
    assert!(matches!(foreign, Err(CopyError::Ledger(OpenError::Damaged { .. }))), "{foreign:?}");
    assert!(!directory.path().join("copy").exists());
}

#[tokio::test]
async fn a_copy_of_another_installation_and_a_damaged_one_are_refused() {
    let (directory, path) = place();
    let (scene, _ledger) = scene(&path);
    for order in 0..100 {
        scene.post(&order.to_string()).await;
    }
    let copy = directory.path().join("copy");
    copy_ledger(&path, &copy, &mut |_| {}).expect("a copy");
    let other = RecipientRules {
        secret: postrider_core::domain::suppression::Secret::new([8; 32]),
        ..recipient_rules()
    };
    assert!(matches!(check_copy(&copy, &other), Err(OpenError::OtherSecret { .. })));
    let whole = std::fs::read(&copy).expect("it can be read");
    // The version lies at byte 60 (file format, §1.3).
    let mut newer = whole.clone();
    newer[63] = 99;
    std::fs::write(&copy, newer).expect("it can be changed");
    assert!(matches!(check_copy(&copy, &recipient_rules()), Err(OpenError::NewerSchema { found: 99, .. })));
    let mut bytes = whole;
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xa5);
    std::fs::write(&copy, bytes).expect("it can be spoilt");
    assert!(matches!(check_copy(&copy, &recipient_rules()), Err(OpenError::Damaged { .. })));
}

#[tokio::test]
async fn whatever_does_not_hold_together_is_found_by_its_own_check_and_named() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let dead_id = scene.post_and_finish("1", dead("connect_refused")).await;
    let sent = scene.post_and_finish("2", Verdict::Sent).await;
    let queued = scene.post("3").await;
    ledger.close().await;
    drop((scene, ledger));
    assert_eq!(faults(&looked_through(&path, Look::InUse)), []);
    let at = |id: NotificationId| format!("x'{}'", hex(id));
    let queued_at = at(queued);
    let cases: [(String, &str, String); 11] = [
        (
            format!("UPDATE notifications SET event_seq = 99 WHERE id = {queued_at}"),
            "events",
            queued.to_string(),
        ),
        ("UPDATE events SET data = '{' WHERE seq = 2".to_owned(), "event-data", "row 2".to_owned()),
        (
            format!(
                "UPDATE notifications SET (key_hash, business_key) = (SELECT key_hash, business_key FROM notifications \
                 WHERE id = {}) WHERE id = {queued_at}",
                at(dead_id)
            ),
            "business-keys",
            // Of the two the later one is told.
            std::cmp::max_by_key(dead_id, queued, |id| id.to_bytes()).to_string(),
        ),
        (
            format!("UPDATE notifications SET due_at = NULL WHERE id = {queued_at}"),
            "statuses",
            queued.to_string(),
        ),
        (
            format!("UPDATE notifications SET attempts = 7 WHERE id = {}", at(sent)),
            "attempts",
            sent.to_string(),
        ),
        (
            format!("UPDATE notifications SET cause = NULL WHERE id = {}", at(dead_id)),
            "causes",
            dead_id.to_string(),
        ),
        (
            "UPDATE status_counts SET count = count + 1 WHERE status = 3".to_owned(),
            "counters",
            "row 3".to_owned(),
        ),
        (
            format!("UPDATE notifications SET entries = 4 WHERE id = {}", at(sent)),
            "timelines",
            sent.to_string(),
        ),
        (
            "INSERT INTO timeline (notification_seq, n, at, kind) VALUES (5, 1, 0, 2)".to_owned(),
            "timeline-owners",
            "row 5".to_owned(),
        ),
        (
            format!(
                "UPDATE timeline SET rendition = x'00112233445566778899aabbccddeeff' WHERE notification_seq = \
                 (SELECT seq FROM notifications WHERE id = {})",
                at(sent)
            ),
            "renditions",
            sent.to_string(),
        ),
        (
            format!("UPDATE notifications SET to_address = 'nobody' WHERE id = {}", at(sent)),
            "notifications",
            sent.to_string(),
        ),
    ];
    for (damage, check, id) in cases {
        let (_elsewhere, copy) = place();
        std::fs::copy(&path, &copy).expect("the file can be copied");
        Connection::open(&copy).and_then(|file| file.execute_batch(&damage)).expect("the damage can be done");
        assert_eq!(faults(&looked_through(&copy, Look::InUse)), [(check, id)], "{damage}");
    }
}

fn hex(id: NotificationId) -> String {
    id.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn after_a_restore_nothing_that_may_have_been_sent_since_goes_out_by_itself() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let later = {
        let mut acceptance = scene.acceptance("later");
        acceptance.send_at = Some(scene.now().plus_ms(1_000_000));
        scene.accept(acceptance).await.notifications[0].id
    };
    let sent = scene.post_and_finish("sent", Verdict::Sent).await;
    let failed = scene.post_and_finish("dead", dead("connect_refused")).await;
    let postponed = scene.post_and_finish("deferred", deferred(scene.now().plus_ms(60_000))).await;
    let unsure = scene.post_and_finish("unknown", unknown(scene.now().plus_ms(60_000))).await;
    let sending = scene.post("sending").await;
    scene.claim_one().await;
    let queued = scene.post("queued").await;
    let held = sure(ledger.hold_restored(scene.now()).await);
    assert_eq!(held, RestoredHeld { waiting: 2, under_way: 2 });
    for (id, status, cause) in [
        (later, Status::Queued, None),
        (sent, Status::Sent, None),
        (failed, Status::Dead, Some("connect_refused")),
        (queued, Status::Held, Some("restored_maybe_sent")),
        (postponed, Status::Held, Some("restored_maybe_sent")),
        (sending, Status::Held, Some("held_by_person_maybe_sent")),
        (unsure, Status::Held, Some("held_by_person_maybe_sent")),
    ] {
        let lifecycle = scene.notification(id).await.lifecycle;
        let found = lifecycle.cause.as_ref().map(Cause::as_str);
        assert_eq!((lifecycle.status, found), (status, cause));
    }
    let story = scene.story(sending).await;
    assert_eq!(story[story.len() - 2..], [TimelineKind::Unknown, TimelineKind::Held]);
    assert_eq!(scene.claim(10).await, []);
    assert!(looked_through(&path, Look::InUse).is_sound());
    // Once is enough, and a person may let each go.
    assert_eq!(sure(ledger.hold_restored(scene.now()).await), RestoredHeld::default());
    assert!(matches!(scene.intervene(queued, Intervention::Retry).await, Intervened::Done(_)));
    assert_eq!(scene.claim_one().await.notification.id, queued);
}

#[tokio::test]
async fn a_report_about_what_was_sent_since_the_moment_restored_settles_it() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let queued = scene.post("queued").await;
    sure(ledger.hold_restored(scene.now()).await);
    let lifecycle = scene.notification(queued).await.lifecycle;
    let delivered = postrider_core::domain::feedback::Reported {
        truth: postrider_core::domain::feedback::Truth::Delivered,
        cause: None,
    };
    let after = lifecycle.apply(&Step::Report(delivered)).expect("a report is taken");
    assert_eq!(after.status, Status::Delivered);
}

#[tokio::test]
async fn more_than_one_stretch_is_held() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let count = postrider_core::limits::SWEEP_MAX + 3;
    for order in 0..count {
        scene.post(&order.to_string()).await;
    }
    let held = sure(ledger.hold_restored(scene.now()).await);
    assert_eq!(held, RestoredHeld { waiting: count as u64, under_way: 0 });
}

#[test]
fn a_reservation_keeps_others_out_and_leaves_nothing_behind() {
    let (directory, path) = place();
    let reservation = Reservation::take(&path).expect("nobody is there");
    let refused = SqliteLedger::open(&path, recipient_rules()).err().expect("it is reserved");
    assert!(matches!(refused, OpenError::AlreadyOpen { .. }), "{refused}");
    reservation.abandon();
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0);
    drop(SqliteLedger::open(&path, recipient_rules()).expect("it is free"));
}

//! Endpoints and their calls in the file: across openings, at their bounds, and where the hot path must not pay.

use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::webhook::{DisabledReason, WebhookEvent};
use postrider_core::limits::{WEBHOOK_CALLS_PENDING_MAX, WEBHOOK_PRUNE_MAX};
use postrider_core::ports::webhooks::{CallOutcome, Replayed, WebhookLedger as _};
use postrider_testkit::contract::feedback::{report, take};
use postrider_testkit::contract::scene::{LEASE_MS, sure};
use postrider_testkit::contract::webhook_replays::everything;
use postrider_testkit::contract::webhooks::{
    claim_all, claim_with, deliver_all, end, endpoint, told, webhook,
};
use rusqlite::Connection;

use super::{place, scene};
use postrider_core::ports::codes;

#[tokio::test]
async fn the_feed_and_the_queues_are_there_after_reopening() {
    let (_directory, path) = place();
    let (first, ledger) = scene(&path);
    let id = endpoint(&first, 1, &[]).await;
    let early = first.post_and_finish("1", Verdict::Sent).await;
    let calls = claim_all(&first).await;
    take(&first, early, report(ReportKind::Delivered, "1")).await;
    let before = webhook(&first, id).await;
    ledger.close().await;
    drop((first, ledger));

    let (second, _ledger) = scene(&path);
    assert_eq!(webhook(&second, id).await, before);
    assert!(claim_all(&second).await.is_empty());
    second.clock.advance_ms(LEASE_MS);
    let again = deliver_all(&second).await;
    assert_eq!(told(&again, early), [WebhookEvent::Sent, WebhookEvent::Delivered]);
    assert_eq!((again[0].message_id(), again[0].attempt), (calls[0].message_id(), 2));
}

#[tokio::test]
async fn without_an_endpoint_no_row_is_written() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    take(&scene, id, report(ReportKind::Delivered, "1")).await;
    ledger.close().await;
    assert_eq!(rows(&path, "changes"), 0);
}

#[tokio::test]
async fn the_number_of_a_change_is_never_used_again() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    endpoint(&scene, 1, &[]).await;
    scene.post_and_finish("1", Verdict::Sent).await;
    let first = deliver_all(&scene).await;
    // As the housekeeping does once everything is too old.
    Connection::open(&path)
        .and_then(|connection| connection.execute("DELETE FROM changes", []))
        .expect("the feed can be emptied");
    scene.post_and_finish("2", Verdict::Sent).await;
    let second = deliver_all(&scene).await;
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(second[0].change > first[0].change);
    ledger.close().await;
}

#[tokio::test]
async fn a_full_queue_takes_no_more_and_loses_nothing() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let id = endpoint(&scene, 1, &[]).await;
    let first = scene.post_and_finish("1", Verdict::Sent).await;
    assert_eq!(deliver_all(&scene).await.len(), 1);
    let set = |pending: usize| {
        Connection::open(&path)
            .and_then(|connection| connection.execute("UPDATE webhooks SET pending_calls = ?1", [pending]))
            .expect("the count can be set");
    };
    set(WEBHOOK_CALLS_PENDING_MAX);
    let second = scene.post_and_finish("2", Verdict::Sent).await;
    let claimed = claim_with(&scene, 10, 10).await;
    assert_eq!((claimed.calls, claimed.next_due_at), (vec![], None));
    let full = sure(ledger.replay_webhook(everything(&scene, id)).await);
    assert_eq!(full, Replayed::Full { calls: 0, next: None });
    set(WEBHOOK_CALLS_PENDING_MAX - 1);
    let calls = claim_all(&scene).await;
    assert_eq!((told(&calls, second), told(&calls, first)), (vec![WebhookEvent::Sent], vec![]));
}

#[tokio::test]
async fn calls_of_a_deleted_endpoint_go_a_few_at_a_time() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let id = endpoint(&scene, 1, &[]).await;
    Connection::open(&path)
        .and_then(|connection| {
            connection.execute(
                "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?1) \
                 INSERT INTO webhook_calls SELECT 1, n, n, 0, 0, 1, 0 FROM c",
                [WEBHOOK_PRUNE_MAX + 1],
            )
        })
        .expect("calls can be made up");
    assert!(sure(ledger.delete_webhook(id).await));
    let mut left = Vec::new();
    for _ in 0..3 {
        assert!(claim_all(&scene).await.is_empty());
        left.push((rows(&path, "webhook_calls"), rows(&path, "webhook_leftovers")));
    }
    assert_eq!(left, [(1, 1), (0, 0), (0, 0)]);
}

#[tokio::test]
async fn a_call_about_a_removed_notification_is_dropped_and_frees_the_next() {
    let (_directory, path) = place();
    let (scene, _ledger) = scene(&path);
    let id = endpoint(&scene, 1, &[]).await;
    let notification = scene.post_and_finish("1", Verdict::Sent).await;
    take(&scene, notification, report(ReportKind::Delivered, "1")).await;
    Connection::open(&path)
        .and_then(|connection| connection.execute("DELETE FROM timeline WHERE n = 1", []))
        .expect("an entry can be removed");
    let claimed = claim_with(&scene, 10, 10).await;
    assert_eq!((claimed.calls, claimed.next_due_at), (vec![], Some(scene.now())));
    let calls = claim_all(&scene).await;
    assert_eq!(told(&calls, notification), [WebhookEvent::Delivered]);
    end(&scene, &calls[0], CallOutcome::Delivered).await;
    assert_eq!(webhook(&scene, id).await.pending_calls, 0);
}

#[test]
fn every_code_of_webhooks_reads_back_and_fits_a_filter() {
    for event in WebhookEvent::ALL {
        assert_eq!(codes::event_from_code(codes::event_code(event)), Some(event));
        assert!(codes::event_code(event) < 63);
    }
    for reason in DisabledReason::ALL {
        assert_eq!(codes::disabled_from_code(codes::disabled_code(reason)), Some(reason));
    }
}

fn rows(path: &std::path::Path, table: &str) -> usize {
    Connection::open(path)
        .and_then(|file| file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)))
        .expect("the rows can be counted")
}

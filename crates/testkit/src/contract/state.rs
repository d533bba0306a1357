//! The state of the ledger as a whole, and what it keeps besides notifications.

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::status::Status;
use postrider_core::ports::catalog::RenditionId;
use postrider_core::ports::ledger::{Acceptance, QueueStats};

use super::scene::{Scene, dead, deferred, failed, sure, unknown};

/// One notification in every open status, and two that are done with.
pub async fn every_open_status_is_counted(scene: &Scene) {
    scene.post_and_finish("held", unknown(scene.now())).await;
    scene.sweep(OnUnknown::Hold).await;
    scene.post_and_finish("sent", Verdict::Sent).await;
    scene.post_and_finish("sent too", Verdict::Sent).await;
    scene.post_and_finish("failed", failed("smtp_550")).await;
    scene.post_and_finish("dead", dead("connect_refused")).await;
    scene.post_and_finish("unknown", unknown(scene.now().plus_ms(1_000))).await;
    scene.post_and_finish("deferred", deferred(scene.now().plus_ms(1_000))).await;
    scene.post("sending").await;
    scene.claim_one().await;
    scene.post("queued").await;
    let open = [
        Status::Queued,
        Status::Sending,
        Status::Deferred,
        Status::Failed,
        Status::Dead,
        Status::Held,
        Status::Unknown,
    ];
    let mut expected: Vec<_> = open.map(|status| (status, 1)).to_vec();
    expected.sort_unstable();
    assert_eq!(counts(scene).await, expected);
    scene.post("queued too").await;
    expected[0].1 = 2;
    assert_eq!(counts(scene).await, expected);
}

/// The age of the queue is that of its longest-due notification, of any priority; what lies ahead has none.
pub async fn the_longest_due_is_told(scene: &Scene) {
    assert_eq!(stats(scene).await, QueueStats::default());
    let ahead = scene.now().plus_ms(1_000);
    scene.accept(Acceptance { send_at: Some(ahead), ..scene.acceptance("ahead") }).await;
    assert_eq!(stats(scene).await.oldest_due_at, None);
    scene.clock.advance_ms(2_000);
    assert_eq!(stats(scene).await.oldest_due_at, Some(ahead));
    let mut high = scene.acceptance("high");
    high.notifications[0].1.priority = postrider_core::domain::notification::Priority::High;
    scene.accept(high).await;
    assert_eq!(stats(scene).await.oldest_due_at, Some(ahead));
    scene.claim(10).await;
    assert_eq!(stats(scene).await.oldest_due_at, None);
}

/// What goes first has no due time to speak of, and must not hide how long the others wait.
pub async fn what_goes_first_does_not_hide_the_longest_due(scene: &Scene) {
    scene.post_and_finish("given back", Verdict::Released).await;
    assert_eq!(stats(scene).await.oldest_due_at, None);
    let waiting_since = scene.now();
    scene.post("waiting").await;
    scene.clock.advance_ms(1_000);
    assert_eq!(stats(scene).await.oldest_due_at, Some(waiting_since));
}

/// Content decides the id, so the first bundle under it is as good as any.
pub async fn a_rendition_is_kept_once(scene: &Scene) {
    let id = RenditionId(Fingerprint::of_parts(&[b"one"]));
    sure(scene.ledger.store_rendition(id, b"bundle".to_vec()).await);
    sure(scene.ledger.store_rendition(id, b"bundle".to_vec()).await);
    assert_eq!(sure(scene.ledger.rendition(id).await), Some(b"bundle".to_vec()));
}

/// Nothing was stored under it.
pub async fn a_rendition_nobody_stored_is_not_found(scene: &Scene) {
    let id = RenditionId(Fingerprint::of_parts(&[b"two"]));
    assert_eq!(sure(scene.ledger.rendition(id).await), None);
}

/// A ledger that works says so, as often as it is asked.
pub async fn a_probe_succeeds(scene: &Scene) {
    sure(scene.ledger.probe(scene.now()).await);
    sure(scene.ledger.probe(scene.now()).await);
}

async fn stats(scene: &Scene) -> QueueStats {
    sure(scene.ledger.queue_stats(scene.now()).await)
}

async fn counts(scene: &Scene) -> Vec<(Status, u64)> {
    let mut counts = stats(scene).await.counts;
    counts.retain(|(_, count)| *count > 0);
    counts.sort_unstable();
    counts
}

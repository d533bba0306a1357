//! What of the feed has no number yet.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::webhook::WebhookEvent;
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::scene::{Scene, recipient_rules};
use postrider_testkit::contract::webhook_replays::{everything, replay};
use postrider_testkit::contract::webhooks::{deliver_all, endpoint, told};
use postrider_testkit::random::SeededRandom;

async fn scene() -> Scene {
    let (config, random) = (DynamoConfig::new("fake"), Arc::new(SeededRandom::new(5)));
    let table = Arc::new(FakeTable::default());
    let opened = DynamoLedger::over(table, &config, recipient_rules(), random).await;
    Scene::new(Arc::new(opened.expect("an empty table opens")))
}

/// Whoever comes later hears nothing of it by itself, though it gets its number only afterwards.
#[tokio::test]
async fn what_happened_before_an_endpoint_was_made_is_not_told_to_it() {
    let scene = scene().await;
    let first = endpoint(&scene, 1, &[]).await;
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    endpoint(&scene, 2, &[]).await;
    let calls = deliver_all(&scene).await;
    assert_eq!(told(&calls, id), [WebhookEvent::Sent]);
    assert_eq!(calls[0].webhook, first);
}

/// Asked for, it is told, though nobody has claimed a call in between.
#[tokio::test]
async fn what_happened_before_an_endpoint_was_made_can_be_replayed_to_it() {
    let scene = scene().await;
    endpoint(&scene, 1, &[]).await;
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    let second = endpoint(&scene, 2, &[]).await;
    assert_eq!(replay(&scene, everything(&scene, second)).await, 1);
    let calls = deliver_all(&scene).await;
    let own: Vec<_> = calls.iter().filter(|call| call.webhook == second).cloned().collect();
    assert_eq!(told(&own, id), [WebhookEvent::Sent]);
}

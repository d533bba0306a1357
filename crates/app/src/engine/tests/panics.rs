//! Faults of the program itself cost one notification its turn, and nobody else anything.

use std::time::Duration;

use postrider_core::domain::status::Status;
use postrider_core::use_cases::deliver::CAUSE_INTERNAL_ERROR;
use tokio::time::sleep;

use super::{Act, Stage, World, refused};

#[tokio::test(start_paused = true)]
async fn a_panic_while_sending_is_an_unknown_outcome_and_frees_its_place() {
    let behave = |order: &str| if order.starts_with("bad") { Act::Panic } else { Act::Take };
    let mut world = World::new(Stage { concurrency: 2, connections: 1, ..Stage::new(behave) });
    let ids = world.post(&["bad-1", "bad-2", "bad-3", "good"]).await;
    world.run();
    world.until(ids[3], Status::Sent).await;
    for bad in &ids[..3] {
        let lifecycle = world.until(*bad, Status::Unknown).await;
        assert_eq!((lifecycle.cause, lifecycle.attempts), (Some(CAUSE_INTERNAL_ERROR), 1));
    }
    assert!(world.stop().await < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_composing_fails_that_notification_alone() {
    let stage = Stage { compose_panics_for: &["bad"], ..Stage::new(|_| Act::Take) };
    let mut world = World::new(stage);
    let ids = world.post(&["bad", "good"]).await;
    world.run();
    world.until(ids[1], Status::Sent).await;
    let lifecycle = world.until(ids[0], Status::Failed).await;
    assert_eq!(lifecycle.cause, Some(CAUSE_INTERNAL_ERROR));
    assert_eq!(world.handed_over().len(), 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_cannot_be_composed_is_followed_by_another_at_once() {
    let behave = |order: &str| if order == "first" { Act::Fail(refused()) } else { Act::Take };
    let stage = Stage { compose_panics_for: &["bad"], ..Stage::new(behave) };
    let mut world = World::new(stage);
    let ids = world.post(&["first", "bad", "good"]).await;
    world.run();
    world.until(ids[2], Status::Sent).await;
    let (order, ms) = world.handed_over().swap_remove(1);
    assert!(order == "good" && ms < 1_500, "{order} after {ms} ms");
    assert_eq!(world.lifecycle(ids[1]).await.status, Status::Failed);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_does_not_open_the_route() {
    let behave = |order: &str| match order {
        "first" => Act::Fail(refused()),
        "bad" => Act::Panic,
        _ => Act::Take,
    };
    let mut world = World::new(Stage::new(behave));
    let ids = world.post(&["first", "bad", "good"]).await;
    world.run();
    world.until(ids[2], Status::Sent).await;
    sleep(Duration::from_secs(1)).await;
    let seconds: Vec<_> = world.handed_over().iter().take(3).map(|(_, ms)| ms / 1000).collect();
    assert_eq!(seconds, [0, 1, 3]);
    world.stop().await;
}

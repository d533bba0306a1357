//! An orderly stop: what is healthy ends, what hangs is given back, nothing is unknown.

use std::time::Duration;

use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use tokio::time::sleep;

use super::{Act, Stage, World};

#[tokio::test(start_paused = true)]
async fn a_send_that_hangs_is_given_back_within_the_time_to_stop() {
    let mut world =
        World::new(Stage { concurrency: 4, connections: 2, ..Stage::new(|_| Act::HangUntilStop) });
    let ids = world.post(&["a", "b", "c", "d"]).await;
    world.run();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.handed_over().len(), 2);
    let took = world.stop().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    for id in ids {
        let lifecycle = world.lifecycle(id).await;
        assert_eq!((lifecycle.status, lifecycle.attempts), (Status::Queued, 0));
        assert_eq!(lifecycle.due_at, Some(Timestamp::EPOCH));
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_nearly_done_is_let_finish() {
    let mut world = World::new(Stage::new(|_| Act::TakeAfter(Duration::from_secs(2))));
    let ids = world.post(&["a", "b"]).await;
    world.run();
    sleep(Duration::from_millis(500)).await;
    world.stop().await;
    assert_eq!(world.lifecycle(ids[0]).await.status, Status::Sent);
    assert_eq!(world.lifecycle(ids[1]).await.status, Status::Queued);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_turn_is_given_back_at_once() {
    let stage =
        Stage { concurrency: 8, connections: 8, rate_per_second: Some(1), ..Stage::new(|_| Act::Take) };
    let mut world = World::new(stage);
    let ids = world.post(&["a", "b", "c"]).await;
    world.run();
    world.until(ids[0], Status::Sent).await;
    assert!(world.stop().await < Duration::from_millis(100));
    assert_eq!(world.lifecycle(ids[2]).await.status, Status::Queued);
    assert_ne!(world.lifecycle(ids[1]).await.status, Status::Sending);
}

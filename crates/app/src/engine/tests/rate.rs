//! The rate holds where messages are handed over, whatever held them up before.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postrider_core::domain::status::Status;
use tokio::time::sleep;

use super::{Act, Stage, World};

fn orders(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("order-{n}")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_jam_is_not_followed_by_a_burst() {
    // The four connections hang for five seconds, then everything is quick.
    let calls = AtomicUsize::new(0);
    let behave = move |_: &str| {
        if calls.fetch_add(1, Ordering::Relaxed) < 4 {
            Act::TakeAfter(Duration::from_secs(5))
        } else {
            Act::Take
        }
    };
    let stage = Stage { concurrency: 64, connections: 4, rate_per_second: Some(10), ..Stage::new(behave) };
    let mut world = World::new(stage);
    let orders = orders(60);
    let ids = world.post(&orders.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.run();
    world.until(ids[59], Status::Sent).await;
    let at: Vec<u64> = world.handed_over().iter().map(|(_, ms)| *ms).collect();
    assert_eq!(at.len(), 60);
    for window in at.windows(12) {
        assert!(window[11] - window[0] >= 1_000, "twelve in a second at ten a second: {at:?}");
    }
    // And the rate is used: 56 messages behind the jam take six seconds, not more.
    assert!(at[59] <= 5_000 + 6_500, "{at:?}");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_urgent_overtakes_all_but_a_seconds_worth() {
    let stage =
        Stage { concurrency: 64, connections: 8, rate_per_second: Some(2), ..Stage::new(|_| Act::Take) };
    let mut world = World::new(stage);
    let orders = orders(60);
    world.post(&orders.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.run();
    sleep(Duration::from_secs(5)).await;
    let urgent = world.post_urgent("urgent").await;
    let posted_ms = u64::try_from(world.start.elapsed().as_millis()).unwrap();
    world.until(urgent, Status::Sent).await;
    let (_, ms) = world.handed_over().into_iter().find(|(order, _)| order == "urgent").unwrap();
    assert!(ms - posted_ms <= 2_000, "after {} ms", ms - posted_ms);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_house_with_a_rate_does_not_keep_the_dispatcher_busy() {
    let stage = Stage {
        concurrency: 4,
        connections: 4,
        rate_per_second: Some(1_000),
        ..Stage::new(|_| Act::TakeAfter(Duration::from_secs(30)))
    };
    let mut world = World::new(stage);
    world.post(&["a", "b", "c", "d", "e", "f", "g", "h"]).await;
    world.run();
    sleep(Duration::from_secs(1)).await;
    let before = world.clock_reads();
    sleep(Duration::from_secs(20)).await;
    let reads = world.clock_reads() - before;
    assert!(reads <= 100, "the dispatcher and the sweeper looked {reads} times in twenty seconds");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_outlasts_the_wait_for_a_turn() {
    let lease_ms = |rate_per_second| {
        let stage = Stage { concurrency: 64, connections: 8, rate_per_second, ..Stage::new(|_| Act::Take) };
        World::new(stage).engine.lease_ms()
    };
    assert!(lease_ms(Some(1)) >= lease_ms(None) + 64_000);
    assert!(lease_ms(Some(1_000)) >= lease_ms(None) + 64);
}

//! A broken route: who waits, who probes, who goes first afterwards.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::limits::HASTENING_MAX;
use tokio::time::sleep;

use super::{Act, HOUR_MS, Stage, World, blocked, cut, greylisted, refused};
use crate::engine::dispatcher::hasten;

/// Does `first` with the first message it is given, and takes the others.
fn first_then_take(first: fn() -> Act) -> impl Fn(&str) -> Act + Send + Sync {
    let calls = AtomicUsize::new(0);
    move |_: &str| if calls.fetch_add(1, Ordering::Relaxed) == 0 { first() } else { Act::Take }
}

#[tokio::test(start_paused = true)]
async fn whoever_met_a_broken_connection_goes_first_when_it_works_again() {
    let mut world = World::new(Stage::new(first_then_take(|| Act::Fail(refused()))));
    let ids = world.post(&["a", "b", "c", "d"]).await;
    world.run();
    let lifecycle = world.until(ids[0], Status::Sent).await;
    assert_eq!(lifecycle.attempts, 2);
    assert!(world.scene.story(ids[0]).await.contains(&TimelineKind::Hastened));
    let last = world.handed_over().last().map(|(_, ms)| *ms);
    assert!(last.is_some_and(|ms| ms < 10_000), "{:?}", world.handed_over());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_was_refused_himself_waits_his_time_although_the_route_works() {
    let mut world = World::new(Stage::new(first_then_take(|| Act::Fail(blocked()))));
    let ids = world.post(&["a", "b", "c"]).await;
    world.run();
    world.until(ids[2], Status::Sent).await;
    sleep(Duration::from_secs(60)).await;
    let lifecycle = world.lifecycle(ids[0]).await;
    assert_eq!((lifecycle.status, lifecycle.attempts), (Status::Deferred, 1));
    world.until(ids[0], Status::Sent).await;
    let (order, ms) = world.handed_over().pop().unwrap();
    assert!(order == "a" && ms >= HOUR_MS, "{order} after {ms} ms");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_success_that_began_before_the_pause_opens_nothing() {
    // One message is slow and taken after five seconds; all others find nobody until ten seconds have gone.
    let began = tokio::time::Instant::now();
    let behave = move |order: &str| match order {
        "slow" => Act::TakeAfter(Duration::from_secs(5)),
        _ if began.elapsed() < Duration::from_secs(10) => Act::Fail(refused()),
        _ => Act::Take,
    };
    let mut world = World::new(Stage { concurrency: 2, connections: 2, ..Stage::new(behave) });
    let ids = world.post(&["slow", "a", "b", "c", "d", "e", "f", "g", "h"]).await;
    world.run();
    world.until(ids[8], Status::Sent).await;
    let before_ten: Vec<_> = world.handed_over().into_iter().filter(|(_, ms)| *ms < 10_000).collect();
    // The two that found the route open, and the probes after 1, 3 and 7 seconds.
    let seconds: Vec<_> = before_ten.iter().map(|(_, ms)| ms / 1000).collect();
    assert_eq!(seconds, [0, 0, 1, 3, 7], "{before_ten:?}");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_began_before_the_route_was_opened_again_does_not_pause_it() {
    let (slow, first) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let behave = move |order: &str| match order {
        "slow" if slow.fetch_add(1, Ordering::Relaxed) == 0 => {
            Act::FailAfter(Duration::from_secs(5), refused())
        }
        "first" if first.fetch_add(1, Ordering::Relaxed) == 0 => Act::Fail(refused()),
        _ => Act::Take,
    };
    let mut world = World::new(Stage { concurrency: 2, connections: 2, ..Stage::new(behave) });
    let ids = world.post(&["slow", "first", "probe"]).await;
    world.run();
    world.until(ids[0], Status::Sent).await;
    let (order, ms) = world.handed_over().pop().unwrap();
    // It met the old fault after five seconds, and goes again at once over the open route.
    assert!(order == "slow" && (5_000..5_500).contains(&ms), "{:?}", world.handed_over());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_an_answer_about_its_message_opens_nothing() {
    let calls = AtomicUsize::new(0);
    let behave = move |_: &str| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Act::Fail(refused()),
        1..=3 => Act::Fail(cut()),
        _ => Act::Take,
    };
    let mut world = World::new(Stage::new(behave));
    let ids = world.post(&["a", "b", "c", "d", "e", "f"]).await;
    world.run();
    world.until(ids[5], Status::Sent).await;
    let seconds: Vec<_> = world.handed_over().iter().map(|(_, ms)| ms / 1000).collect();
    assert_eq!(seconds[..5], [0, 1, 3, 7, 15], "{seconds:?}");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_refused_for_what_it_is_opens_the_route() {
    let calls = AtomicUsize::new(0);
    let behave = move |_: &str| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Act::Fail(refused()),
        1 => Act::Fail(greylisted()),
        _ => Act::Take,
    };
    let mut world = World::new(Stage::new(behave));
    let ids = world.post(&["a", "b", "c"]).await;
    world.run();
    world.until(ids[0], Status::Sent).await;
    assert!(world.handed_over().iter().all(|(_, ms)| *ms < 5_000), "{:?}", world.handed_over());
    assert_eq!(world.lifecycle(ids[1]).await.status, Status::Deferred);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_route_that_comes_and_goes_does_not_use_up_a_days_attempts() {
    // Whenever the unlucky one is tried nobody listens; whenever anybody else is, somebody does.
    let behave = |order: &str| if order == "unlucky" { Act::Fail(refused()) } else { Act::Take };
    let mut world = World::new(Stage::new(behave));
    let unlucky = world.post(&["unlucky"]).await[0];
    world.run();
    for minute in 0..30 {
        world.post(&[&format!("{minute}-1"), &format!("{minute}-2")]).await;
        sleep(Duration::from_secs(60)).await;
    }
    let lifecycle = world.lifecycle(unlucky).await;
    assert_eq!((lifecycle.status, lifecycle.attempts), (Status::Deferred, 3), "half of six");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn all_are_hastened_unless_the_process_stops() {
    let world = World::new(Stage::new(|_| Act::Take));
    let orders: Vec<String> = (0..3 * HASTENING_MAX).map(|n| n.to_string()).collect();
    let mut ids = Vec::new();
    for order in &orders {
        let until = world.scene.now().plus_ms(HOUR_MS);
        let deferred = postrider_testkit::contract::scene::deferred(until);
        ids.push(world.scene.post_and_finish(order, deferred).await);
    }
    let (stop, stopped) = tokio::sync::watch::channel(true);
    hasten(world.engine.clone(), ids.clone(), stopped.clone()).await;
    assert!(world.scene.claim(1).await.is_empty(), "hastened although the process stops");
    stop.send_replace(false);
    hasten(world.engine.clone(), ids.clone(), stopped).await;
    assert_eq!(world.scene.claim(usize::MAX).await.len(), ids.len());
}

//! The process dies at every point at which it waits; then the queue delivers again, and the sweep looks after the rest.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use postrider_aws::ingest::QueueBatch;
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_testkit::faulty_ledger::Fault;
use tokio::time::sleep;

use crate::orders::{batch, enveloped, message, order};
use crate::world::{UNKNOWN_WAIT_MS, World, again};

const ORDERS: [&str; 3] = ["1", "2", "3"];

/// Three orders, one of them twice, and poison.
fn mixed() -> QueueBatch {
    batch([
        message("m-1", &enveloped(&order("1"))),
        message("m-2", &order("2").to_string()),
        message("m-2b", &enveloped(&order("2"))),
        message("m-x", "poison"),
        message("m-3", &order("3").to_string()),
    ])
}

/// Polls `work` so often, then drops it. Tells whether it had ended by itself.
async fn kill_after(polls: usize, work: impl Future) -> bool {
    let mut work = pin!(work);
    for _ in 0..polls {
        if poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await.is_ready() {
            return true;
        }
        // The runtime wakes whoever gave way.
        tokio::task::yield_now().await;
    }
    false
}

/// Sweeps until everything has come to rest.
async fn settle(world: &World) {
    for _ in 0..8 {
        sleep(Duration::from_millis(UNKNOWN_WAIT_MS + 1)).await;
        world.sweep().await;
    }
}

/// Every order was sent, and more than once only where its timeline says that nobody knew.
async fn check(world: &World, scene: &str) -> usize {
    let mut resent = 0;
    for id in ORDERS {
        let notification = world.of_order(id).await;
        let story = world.story(notification.id).await;
        assert_eq!(notification.lifecycle.status, Status::Sent, "{scene}: order {id}: {story:?}");
        let copies = world.copies(notification.id);
        let unknowns = story.iter().filter(|kind| **kind == TimelineKind::Unknown).count();
        assert!(copies >= 1, "{scene}: order {id} is lost: {story:?}");
        assert!(copies <= 1 + unknowns, "{scene}: {copies} copies of order {id}: {story:?}");
        resent += copies - 1;
    }
    assert_eq!(world.notifications().await.len(), ORDERS.len(), "{scene}");
    resent
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_and_nothing_is_sent_twice_unless_unknown_whatever_point_it_dies_at() {
    let (mut points, mut resent) = (0, 0);
    loop {
        let world = World::interruptible();
        let invocation = world.invocation();
        let ended =
            kill_after(points, postrider_lambda::dispatch::handle(&world.parts, mixed(), &invocation)).await;
        let (answer, _) = world.dispatch(mixed()).await;
        assert_eq!(again(&answer), ["m-x"], "killed at {points}");
        settle(&world).await;
        resent += check(&world, &format!("killed at {points}")).await;
        if ended {
            assert_eq!(world.sent(), ORDERS.len(), "undisturbed, each is sent once");
            break;
        }
        points += 1;
    }
    assert!(points > 5, "{points} points are too few to have interrupted anything");
    assert!(resent > 0, "some of the points lie between a send and its record");
}

#[tokio::test(start_paused = true)]
async fn a_batch_delivered_to_two_functions_at_once_is_sent_once() {
    let world = World::interruptible();
    let ((one, _), (other, _)) = tokio::join!(world.dispatch(mixed()), world.dispatch(mixed()));
    assert_eq!((again(&one), again(&other)), (vec!["m-x"], vec!["m-x"]));
    assert_eq!(check(&world, "two at once").await, 0);
    settle(&world).await;
    assert_eq!(check(&world, "two at once, swept").await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_dies_at_any_point_loses_nothing_either() {
    let mut points = 0;
    loop {
        let world = World::interruptible();
        // Killed after the claims, before anything left: the sweep has leases to find, and later messages to send.
        kill_after(2, postrider_lambda::dispatch::handle(&world.parts, mixed(), &world.invocation())).await;
        world.dispatch(mixed()).await;
        sleep(Duration::from_millis(UNKNOWN_WAIT_MS)).await;
        world.sweep().await;
        sleep(Duration::from_millis(UNKNOWN_WAIT_MS + 1)).await;
        let invocation = world.invocation();
        let mut measured = postrider_aws::emf::Measurements::default();
        let ended = kill_after(
            points,
            postrider_lambda::sweep::handle(&world.parts, None, &invocation, &mut measured),
        )
        .await;
        settle(&world).await;
        check(&world, &format!("sweep killed at {points}")).await;
        if ended {
            break;
        }
        points += 1;
    }
    assert!(points > 10, "{points} points are too few to have interrupted a send");
}

/// A ledger that fails at random and a process that dies at random, delivery after delivery.
#[tokio::test(start_paused = true)]
async fn faults_and_deaths_in_any_order_end_with_every_order_sent() {
    const SEEDS: u64 = 100;
    for seed in 0..SEEDS {
        let world = World::interruptible().seeded(seed);
        for _ in 0..world.draw(4) {
            let faults: Vec<Fault> = (0..8)
                .map(|_| match world.draw(5) {
                    0 => Fault::Refuse,
                    1 => Fault::LoseAnswer,
                    _ => Fault::Pass,
                })
                .collect();
            world.plan(faults);
            let polls = usize::try_from(world.draw(20)).unwrap();
            kill_after(polls, postrider_lambda::dispatch::handle(&world.parts, mixed(), &world.invocation()))
                .await;
            if world.draw(2) == 0 {
                sleep(Duration::from_millis(world.draw(UNKNOWN_WAIT_MS))).await;
            }
        }
        world.plan_nothing();
        let (answer, _) = world.dispatch(mixed()).await;
        assert_eq!(again(&answer), ["m-x"], "seed {seed}");
        settle(&world).await;
        check(&world, &format!("seed {seed}")).await;
    }
}

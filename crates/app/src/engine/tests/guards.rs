//! E-mails of one order that wait for each other, or make each other void.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::domain::guard::{AfterWait, Guards};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::notification::BusinessKey;
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::use_cases::deliver::Deliver;
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::faulty_ledger::{Fault, FaultyLedger};

use super::{Act, Stage, World};

const SHIPPED: &str = "order_shipped";
const CANCELED: &str = "order_canceled";

fn stage(after_wait: AfterWait) -> Stage {
    let guards = Guards {
        superseded_by: vec![CANCELED.to_owned()],
        waits_for: vec!["order_confirmation".to_owned()],
        wait_ms: 600_000,
        after_wait,
    };
    Stage { guards: Some((SHIPPED, guards)), ..Stage::new(|_| Act::Take) }
}

/// Posts an e-mail of another type than the confirmation.
async fn post(world: &World, notification_type: &str, order: &str) -> NotificationId {
    let mut acceptance = world.scene.acceptance(order);
    let (id, plan) = &mut acceptance.notifications[0];
    plan.notification_type = notification_type.to_owned();
    plan.business_key = BusinessKey::new(notification_type, order);
    *id = NotificationId::for_key(acceptance.now, &recipient_rules().secret, plan.business_key);
    let accepted = world.scene.accept(acceptance).await;
    world.engine.wake.notify_one();
    accepted.notifications[0].id
}

#[tokio::test(start_paused = true)]
async fn what_came_too_early_waits_and_spends_no_attempt() {
    let mut world = World::new(stage(AfterWait::Send));
    let shipped = post(&world, SHIPPED, "1").await;
    world.run();
    let waiting = world.until(shipped, Status::Deferred).await;
    assert_eq!(waiting.attempts, 0);
    assert_eq!(waiting.cause.unwrap().as_str(), "waiting_for_order_confirmation");
    assert!(world.handed_over().is_empty());
    let confirmation = world.post(&["1"]).await.remove(0);
    assert_eq!(world.until(shipped, Status::Sent).await.attempts, 1);
    assert_eq!(world.lifecycle(confirmation).await.status, Status::Sent);
    let last = world.handed_over().last().map(|(_, ms)| *ms);
    assert!(last.is_some_and(|ms| ms < 60_000), "it does not wait to the end: {last:?}");
    world.stop().await;
    assert_eq!(world.engine.metrics.send_failures.get(), 0, "to wait is not to fail");
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_is_waited_for_a_while_and_no_longer() {
    for (after_wait, status) in [(AfterWait::Send, Status::Sent), (AfterWait::Skip, Status::Canceled)] {
        let mut world = World::new(stage(after_wait));
        let shipped = post(&world, SHIPPED, "1").await;
        world.run();
        world.until(shipped, status).await;
        let story = world.scene.story(shipped).await;
        let looks = story.iter().filter(|kind| **kind == TimelineKind::Deferred).count();
        assert!((5..30).contains(&looks), "{looks} looks");
        assert!(world.start.elapsed() >= Duration::from_secs(600));
        assert_eq!(world.handed_over().len(), usize::from(status == Status::Sent));
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_canceled_order_is_sent_but_what_says_so() {
    let mut world = World::new(stage(AfterWait::Send));
    let shipped = post(&world, SHIPPED, "1").await;
    let other = post(&world, SHIPPED, "2").await;
    let canceled = post(&world, CANCELED, "1").await;
    world.run();
    let lifecycle = world.until(shipped, Status::Canceled).await;
    assert_eq!(lifecycle.cause.unwrap().as_str(), "superseded_by_order_canceled");
    world.until(canceled, Status::Sent).await;
    world.until(other, Status::Sent).await;
    let record = world.engine.ledger.find(shipped).await.unwrap().unwrap();
    let last = record.timeline().pop().unwrap();
    assert_eq!(last.kind, TimelineKind::Canceled);
    assert!(
        last.words.unwrap().as_str().contains(&canceled.to_string()),
        "it says which e-mail made it void"
    );
    assert_eq!(world.handed_over().len(), 2);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_types_with_guards_look_at_the_order_and_a_ledger_that_cannot_say_is_asked_again() {
    let world = World::new(stage(AfterWait::Send));
    world.post(&["1"]).await;
    post(&world, SHIPPED, "2").await;
    let ledger = FaultyLedger::new(Arc::clone(&world.engine.ledger));
    let deliver = Deliver {
        ledger: &ledger,
        catalog: &*world.engine.catalog,
        mailer: &*world.engine.mailer,
        clock: &*world.engine.clock,
        random: &*world.engine.random,
        policy: &world.engine.policy,
        renditions: None,
        is_on_hold: false,
    };
    let mut verdicts = Vec::new();
    for claim in world.scene.claim(2).await {
        ledger.plan([Fault::Refuse]);
        let claimed_at = world.engine.clock.now();
        let attempt = deliver.run(claim, claimed_at, &mut std::future::pending()).await;
        verdicts.push((attempt.finish.verdict, claimed_at));
    }
    assert_eq!(verdicts[0].0, Verdict::Sent, "the ledger was not asked");
    let (verdict, claimed_at) = &verdicts[1];
    let expected = Verdict::Deferred {
        cause: Cause::known("order_unreadable"),
        until: claimed_at.plus_ms(5_000),
        spends_attempt: false,
    };
    assert_eq!(*verdict, expected);
}

//! Stopping, and a ledger that fails.

use std::sync::Arc;

use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::faulty_ledger::{Fault, FaultyLedger};
use postrider_testkit::memory_ledger::MemoryLedger;

use super::receiver::Play;
use super::{Stage, World};

#[tokio::test]
async fn a_stop_lets_calls_on_their_way_end_and_begins_no_other() {
    let mut world = World::new(Stage::default()).await;
    world.receiver.play("slow", Play::Hold);
    let slow = world.endpoint(1, "slow").await;
    world.sent("1").await;
    world.receiver.until_called("slow", 1).await;
    world.stop.send_replace(true);
    world.sent("2").await;
    world.receiver.play("slow", Play::Answer(200));
    world.running.join_next().await.unwrap().unwrap();
    assert_eq!(world.receiver.answered("slow", 200).len(), 1);
    assert_eq!(world.receiver.calls("slow").len(), 1);
    // What was told is recorded as told.
    let webhook = world.webhook(slow).await;
    assert_eq!(webhook.last_success_at, Some(world.scene.now()));
    assert_eq!(webhook.pending_calls, 0);
}

#[tokio::test]
async fn the_end_of_a_call_is_recorded_although_the_ledger_refuses_for_a_while() {
    let ledger = Arc::new(FaultyLedger::new(Arc::new(MemoryLedger::new(recipient_rules()))));
    let world = World::new(Stage { ledger: Arc::clone(&ledger) as _, ..Stage::default() }).await;
    world.receiver.play("hook", Play::Hold);
    let hook = world.endpoint(1, "hook").await;
    world.sent("1").await;
    world.receiver.until_called("hook", 1).await;
    // Whoever asks next is refused, the worker that looks for more as well as the call that ends.
    ledger.plan([Fault::Refuse, Fault::Refuse, Fault::LoseAnswer]);
    world.receiver.play("hook", Play::Answer(200));
    world.until_ended(1).await;
    // What the worker did not ask for must not meet the test's own questions.
    ledger.forget_plan();
    let webhook = world.until(hook, |webhook| webhook.pending_calls == 0).await;
    assert_eq!(webhook.last_success_at, Some(world.scene.now()));
    assert_eq!(world.receiver.calls("hook").len(), 1);
}

#[tokio::test]
async fn a_ledger_past_saving_stops_the_server() {
    let ledger = Arc::new(FaultyLedger::new(Arc::new(MemoryLedger::new(recipient_rules()))));
    let mut world = World::new(Stage { ledger: Arc::clone(&ledger) as _, ..Stage::default() }).await;
    let mut fatal = world.webhooks.fatal.subscribe();
    ledger.plan([Fault::Break]);
    world.webhooks.wake.notify_one();
    world.running.join_next().await.unwrap().unwrap();
    assert!(fatal.borrow_and_update().is_some());
}

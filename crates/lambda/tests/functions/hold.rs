//! The month's budget is spent: what comes in is held, nothing leaves, and all of it goes out once the hold is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postrider_aws::emf::Metric;
use postrider_core::domain::budget::{BudgetRecord, CAUSE_BUDGET};
use postrider_core::domain::outcome::{Cause, FaultScope};
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::limits::{BUDGET_BELIEVED_MS, PAGE_SCAN_MAX};
use postrider_core::ports::budget::BudgetLedger as _;
use postrider_core::ports::ledger::{Acceptance, Intervention, Ledger as _};
use postrider_core::use_cases::budget;
use postrider_lambda::dispatch;
use postrider_testkit::contract::scene::Scene;
use tokio::time::sleep;

use crate::orders::orders;
use crate::world::{Act, World, again, passing};

const MINUTE: Duration = Duration::from_secs(60);

/// Spends the budget, and waits until every process has seen it.
async fn spend(world: &World) {
    store_spent(world).await;
    sleep(MINUTE).await;
}

async fn store_spent(world: &World) {
    let mut record = BudgetRecord::new(world.now());
    record.judge(Some("5".parse().unwrap()), "6".parse().unwrap(), world.now());
    assert!(world.ledger.store_budget(record, 0).await.unwrap());
}

async fn release(world: &World) {
    assert!(budget::release(&*world.ledger, world.now()).await.unwrap());
    sleep(MINUTE).await;
}

#[tokio::test(start_paused = true)]
async fn events_are_taken_and_held_and_sent_once_when_the_hold_is_over() {
    let world = World::new();
    world.dispatch(orders(["1"])).await;
    spend(&world).await;
    let (answer, measured) = world.dispatch(orders(["2", "3"])).await;
    assert_eq!(again(&answer), [""; 0], "the queue may forget them");
    assert_eq!(measured.counted(Metric::DeadLetters), 0);
    for order in ["2", "3"] {
        let notification = world.of_order(order).await;
        assert_eq!(notification.lifecycle.status, Status::Held);
        assert_eq!(notification.lifecycle.cause, Some(CAUSE_BUDGET));
    }
    world.sweep().await;
    assert_eq!((world.sent(), world.status("2").await), (1, Status::Held));
    release(&world).await;
    world.sweep().await;
    assert_eq!(
        (world.status("2").await, world.status("3").await, world.sent()),
        (Status::Sent, Status::Sent, 3)
    );
    let story = world.story(world.of_order("2").await.id).await;
    assert_eq!(story[..3], [TimelineKind::Accepted, TimelineKind::Held, TimelineKind::Resumed]);
    // Orders go out at once again, and when nobody can have seen the hold any more it is forgotten.
    world.dispatch(orders(["4"])).await;
    assert_eq!(world.status("4").await, Status::Sent);
    sleep(25 * MINUTE).await;
    world.sweep().await;
    let record = world.ledger.budget().await.unwrap().unwrap().record;
    assert!(!record.is_lifting(world.now()) && !record.is_holding(world.now()));
}

#[tokio::test(start_paused = true)]
async fn what_was_waiting_when_the_budget_was_spent_is_held_and_costs_no_attempt() {
    let refuses = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&refuses);
    let world = World::with_mailer(move |_| {
        if switch.load(Ordering::SeqCst) {
            Act::Fail(passing(FaultScope::Message, "smtp_451"))
        } else {
            Act::Take
        }
    });
    world.dispatch(orders(["1"])).await;
    assert_eq!(world.status("1").await, Status::Deferred);
    refuses.store(false, Ordering::SeqCst);
    spend(&world).await;
    sleep(60 * MINUTE).await;
    let measured = world.sweep().await;
    let lifecycle = world.of_order("1").await.lifecycle;
    assert_eq!((lifecycle.status, lifecycle.attempts, world.sent()), (Status::Held, 1, 0));
    assert_eq!((measured.counted(Metric::DeadLetters), measured.counted(Metric::SendFailures)), (0, 0));
    release(&world).await;
    world.sweep().await;
    assert_eq!((world.status("1").await, world.sent()), (Status::Sent, 1));
}

#[tokio::test(start_paused = true)]
async fn a_person_may_send_a_single_one_while_the_hold_lasts() {
    let world = World::new();
    spend(&world).await;
    world.dispatch(orders(["1", "2"])).await;
    let id = world.of_order("1").await.id;
    world.ledger.intervene(id, Intervention::Retry, world.now()).await.unwrap();
    world.sweep().await;
    assert_eq!(
        (world.status("1").await, world.status("2").await, world.sent()),
        (Status::Sent, Status::Held, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_month_lets_everything_go_without_anybody() {
    let world = World::new();
    spend(&world).await;
    world.dispatch(orders(["1"])).await;
    let until = world.ledger.budget().await.unwrap().unwrap().record.hold_at(world.now()).unwrap().until;
    sleep(Duration::from_millis(until.ms_since(world.now()))).await;
    world.sweep().await;
    assert_eq!((world.status("1").await, world.sent()), (Status::Sent, 1));
}

/// A ledger looks at so many at once and no more; those that something else holds must not hide what lies behind them.
#[tokio::test(start_paused = true)]
async fn what_lies_behind_others_that_are_held_is_reached_by_run_after_run() {
    let world = World::new();
    spend(&world).await;
    world.dispatch(orders(["1"])).await;
    let id = world.of_order("1").await.id;
    sleep(60 * MINUTE).await;
    let scene = Scene::new(Arc::clone(&world.parts.ledger));
    scene.clock.advance_ms(world.now().ms_since(scene.now()));
    let hold = Some(Cause::known("reputation"));
    for order in 0..PAGE_SCAN_MAX {
        let other = scene.acceptance(&format!("other-{order}"));
        scene.accept(Acceptance { hold: hold.clone(), ..other }).await;
    }
    release(&world).await;
    // There is time for one step, and what it looks at does not reach that far.
    let step = async || budget::resume(&*world.ledger, &*world.parts.clock, world.now()).await.unwrap();
    let status = async || world.ledger.find(id).await.unwrap().unwrap().notification.lifecycle.status;
    assert_eq!((step().await, status().await), (0, Status::Held));
    assert_eq!((step().await, status().await), (1, Status::Queued));
}

/// A batch may last longer than what it has seen at its beginning is true.
#[tokio::test(start_paused = true)]
async fn a_batch_notices_a_hold_that_begins_while_it_is_dealt_with() {
    let mut world = World::with_mailer(|_| Act::TakeAfterMs(9_000));
    world.parts.concurrency = 1;
    let orders = orders(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    let invocation = world.invocation_of_ms(300_000);
    let batch = dispatch::handle(&world.parts, orders, &invocation);
    let spent = async {
        sleep(Duration::from_secs(1)).await;
        store_spent(&world).await;
    };
    let ((answer, _), ()) = tokio::join!(batch, spent);
    assert_eq!(again(&answer), [""; 0]);
    assert_eq!((world.status("1").await, world.status("6").await), (Status::Sent, Status::Sent));
    assert_eq!((world.status("8").await, world.status("9").await), (Status::Held, Status::Held));
}

/// Who cannot look goes by what was seen, but not for ever: what it held after the hold was over would stay held.
#[tokio::test(start_paused = true)]
async fn what_was_seen_is_not_believed_for_ever() {
    let world = World::new();
    spend(&world).await;
    assert!(world.parts.is_on_hold().await);
    let seen = world.now();
    let last_seen = |ms| world.parts.hold.last_seen(seen.plus_ms(ms));
    assert!(last_seen(BUDGET_BELIEVED_MS - 1));
    assert!(!last_seen(BUDGET_BELIEVED_MS));
}

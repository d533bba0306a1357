//! What nobody looks after otherwise.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use postrider_aws::emf::{Measurements, Metric};
use postrider_core::domain::lifecycle::OnUnknown;
use postrider_core::domain::outcome::FaultScope;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::LedgerError;
use postrider_lambda::sweep::{self, DueCalls};
use postrider_testkit::faulty_ledger::Fault;
use serde_json::{Number, json};
use tokio::time::sleep;

use crate::orders::{batch, message, order, orders};
use crate::world::{Act, MAILER_DEADLINE_MS, UNKNOWN_WAIT_MS, World, again, passing};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(start_paused = true)]
async fn a_message_that_was_refused_for_now_is_sent_when_it_is_due() {
    let refused = AtomicBool::new(false);
    let world = World::with_mailer(move |_| {
        if refused.swap(true, Ordering::SeqCst) {
            Act::Take
        } else {
            Act::Fail(passing(FaultScope::Message, "smtp_451"))
        }
    });
    world.dispatch(orders(["1"])).await;
    assert_eq!(world.status("1").await, Status::Deferred);
    sleep(DAY).await;
    let measured = world.sweep().await;
    assert_eq!((world.status("1").await, world.sent()), (Status::Sent, 1));
    assert_eq!(measured.counted(Metric::EmailsSent), 1);
    assert_eq!(measured.sampled(Metric::QueueAge), [Number::from(0u64)]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_sender_is_found_by_its_lease_and_its_message_sent_again_after_the_waiting_time() {
    let world = World::new();
    world.plan([Fault::LoseAnswer]);
    world.dispatch(orders(["1"])).await;
    world.sweep().await;
    assert_eq!(world.status("1").await, Status::Sending, "its lease holds");
    sleep(Duration::from_millis(MAILER_DEADLINE_MS + 60_001)).await;
    let measured = world.sweep().await;
    assert_eq!(measured.counted(Metric::Unknown), 1);
    assert_eq!((world.status("1").await, world.sent()), (Status::Unknown, 0));
    sleep(Duration::from_millis(UNKNOWN_WAIT_MS + 1)).await;
    world.sweep().await;
    assert_eq!((world.status("1").await, world.sent()), (Status::Sent, 1));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_held_where_the_shop_wants_no_duplicates() {
    let mut world = World::new();
    world.parts.on_unknown = OnUnknown::Hold;
    world.plan([Fault::LoseAnswer]);
    world.dispatch(orders(["1"])).await;
    sleep(DAY).await;
    world.sweep().await;
    sleep(DAY).await;
    let measured = world.sweep().await;
    assert_eq!(measured.counted(Metric::DeadLetters), 1);
    assert_eq!((world.status("1").await, world.sent()), (Status::Held, 0));
}

#[tokio::test(start_paused = true)]
async fn a_closed_way_is_tried_by_one_message_and_by_all_once_it_is_open() {
    let is_open = Arc::new(AtomicBool::new(false));
    let opened = Arc::clone(&is_open);
    let mut world = World::with_mailer(move |_| {
        if opened.load(Ordering::SeqCst) {
            Act::Take
        } else {
            Act::Fail(passing(FaultScope::Route, "ses_sending_paused"))
        }
    });
    world.parts.concurrency = 1;
    world.dispatch(orders(["1", "2", "3", "4"])).await;
    sleep(DAY).await;
    let asked = world.asked();
    world.sweep().await;
    assert_eq!(world.asked(), asked + 1);
    is_open.store(true, Ordering::SeqCst);
    sleep(DAY).await;
    world.sweep().await;
    assert_eq!(world.sent(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_stops_before_its_deadline_and_the_next_goes_on() {
    let mut world = World::with_mailer(|_| Act::TakeAfterMs(9_000));
    world.parts.concurrency = 2;
    let later = |id: &str| {
        let send_at = world.now().plus_ms(1_000).to_string();
        message(id, &json!({ "type": "order.confirmed", "data": order(id), "sendAt": send_at }).to_string())
    };
    world.dispatch(batch(["1", "2", "3", "4", "5", "6", "7"].map(later))).await;
    sleep(Duration::from_secs(2)).await;
    let invocation = world.invocation_of_ms(30_000);
    let mut measured = Measurements::default();
    sweep::handle(&world.parts, None, &invocation, &mut measured).await.unwrap();
    assert!(world.now() <= invocation.until());
    // One alone, two, and two more; then there was no time for another nine seconds.
    assert_eq!(world.sent(), 5);
    while world.sent() < 7 {
        world.sweep().await;
    }
    for id in ["1", "2", "3", "4", "5", "6", "7"] {
        assert_eq!(world.status(id).await, Status::Sent);
    }
    assert_eq!(world.sent(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_fails_ends_the_sweep_with_its_words_and_what_was_done_counts() {
    let world = World::new();
    let send_at = world.now().plus_ms(1_000).to_string();
    let event = json!({ "type": "order.confirmed", "data": order("1"), "sendAt": send_at });
    assert!(again(&world.dispatch(batch([message("m-1", &event.to_string())])).await.0).is_empty());
    sleep(Duration::from_secs(2)).await;
    world.plan([Fault::Pass, Fault::Pass, Fault::Pass, Fault::Refuse]);
    let mut measured = Measurements::default();
    let result = sweep::handle(&world.parts, None, &world.invocation(), &mut measured).await;
    assert!(matches!(result, Err(LedgerError::Unavailable { .. })));
    assert_eq!(measured.counted(Metric::EmailsSent), 1);
}

/// Notes when it was told to be done.
#[derive(Default)]
struct Calls(AtomicUsize, Mutex<Option<Timestamp>>);

#[async_trait]
impl DueCalls for Calls {
    async fn run(&self, until: Timestamp) -> Result<(), LedgerError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        *self.1.lock().unwrap() = Some(until);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn due_calls_are_made_after_the_mail_within_the_time_that_is_left() {
    let world = World::new();
    let calls = Calls::default();
    let invocation = world.invocation();
    sweep::handle(&world.parts, Some(&calls), &invocation, &mut Measurements::default()).await.unwrap();
    assert_eq!(calls.0.load(Ordering::SeqCst), 1);
    assert_eq!(*calls.1.lock().unwrap(), Some(invocation.until()));
}

//! Orders out of the queue, sent at once.

use postrider_aws::emf::Metric;
use postrider_core::domain::feedback::ReportSource;
use postrider_core::domain::outcome::FaultScope;
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::feedback::{FeedbackLedger as _, NewSuppression};
use postrider_core::ports::ledger::Ledger as _;
use postrider_testkit::contract::scene::address;
use postrider_testkit::faulty_ledger::Fault;
use serde_json::json;

use crate::orders::{batch, enveloped, message, order, orders};
use crate::world::{Act, MAILER_DEADLINE_MS, World, again, passing};

#[tokio::test(start_paused = true)]
async fn a_batch_is_sent_and_recorded_before_the_queue_forgets_it() {
    let world = World::new();
    let (answer, measured) = world.dispatch(orders(["1", "2", "3"])).await;
    assert!(again(&answer).is_empty());
    for id in ["1", "2", "3"] {
        let notification = world.of_order(id).await;
        assert_eq!(notification.lifecycle.status, Status::Sent);
        assert_eq!(
            world.story(notification.id).await,
            [TimelineKind::Accepted, TimelineKind::Claimed, TimelineKind::Sent]
        );
    }
    assert_eq!(world.sent(), 3);
    assert_eq!(measured.counted(Metric::EmailsSent), 3);
    assert_eq!(measured.sampled(Metric::SendLatency).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_sends_nothing_in_one_batch_and_in_the_next() {
    let world = World::new();
    let twice = batch([message("m-1", &enveloped(&order("1"))), message("m-2", &order("1").to_string())]);
    let (answer, measured) = world.dispatch(twice).await;
    assert!(again(&answer).is_empty());
    assert_eq!((world.sent(), measured.counted(Metric::Duplicates)), (1, 1));
    let (answer, measured) = world.dispatch(orders(["1"])).await;
    assert!(again(&answer).is_empty());
    assert_eq!((world.sent(), measured.counted(Metric::Duplicates)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_the_ledger_cannot_take_comes_again_alone_and_is_sent_then() {
    let world = World::new();
    // One is accepted and recorded, two is not accepted.
    world.plan([Fault::Pass, Fault::Pass, Fault::Refuse]);
    let (answer, _) = world.dispatch(orders(["1", "2"])).await;
    assert_eq!(again(&answer), ["m-2"]);
    assert_eq!(world.sent(), 1);
    let (answer, _) = world.dispatch(orders(["2"])).await;
    assert!(again(&answer).is_empty());
    assert_eq!((world.status("2").await, world.sent()), (Status::Sent, 2));
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_whose_answer_is_lost_is_a_duplicate_when_it_comes_again_and_left_to_the_sweep() {
    let world = World::new();
    world.plan([Fault::LoseAnswer]);
    let (answer, _) = world.dispatch(orders(["1"])).await;
    assert_eq!(again(&answer), ["m-1"]);
    let (answer, _) = world.dispatch(orders(["1"])).await;
    assert!(again(&answer).is_empty());
    assert_eq!((world.status("1").await, world.sent()), (Status::Sending, 0));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_recorded_as_often_as_it_takes() {
    let world = World::new();
    world.plan([Fault::Pass, Fault::Refuse, Fault::Refuse, Fault::LoseAnswer]);
    let (answer, measured) = world.dispatch(orders(["1"])).await;
    assert!(again(&answer).is_empty());
    assert_eq!((world.status("1").await, world.sent()), (Status::Sent, 1));
    assert_eq!(measured.counted(Metric::EmailsSent), 1, "the try whose answer was lost counts");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_cannot_be_recorded_in_time_is_not_the_queues_business() {
    let world = World::new();
    world.plan([Fault::Pass]);
    world.plan(std::iter::repeat_n(Fault::Refuse, 1_000));
    let started = world.now();
    let invocation = world.invocation();
    let (answer, measured) =
        postrider_lambda::dispatch::handle(&world.parts, orders(["1"]), &invocation).await;
    assert!(world.now() <= invocation.until(), "{} ms", world.now().ms_since(started));
    assert!(again(&answer).is_empty());
    assert_eq!(measured.counted(Metric::EmailsSent), 0);
}

#[tokio::test(start_paused = true)]
async fn retries_belong_to_the_ledger_and_not_to_the_queue() {
    let world = World::with_mailer(|_| Act::Fail(passing(FaultScope::Message, "smtp_451")));
    let (answer, measured) = world.dispatch(orders(["1"])).await;
    assert!(again(&answer).is_empty());
    assert_eq!(world.status("1").await, Status::Deferred);
    assert_eq!((measured.counted(Metric::Retries), measured.counted(Metric::SendFailures)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn once_the_way_is_closed_the_rest_is_accepted_for_the_sweep_without_trying() {
    let mut world = World::with_mailer(|_| Act::Fail(passing(FaultScope::Route, "ses_sending_paused")));
    world.parts.concurrency = 1;
    let (answer, _) = world.dispatch(orders(["1", "2", "3"])).await;
    assert!(again(&answer).is_empty(), "coming again would wear out the tries a message has in the queue");
    assert_eq!(world.asked(), 1);
    assert_eq!(world.status("1").await, Status::Deferred);
    assert_eq!(world.status("3").await, Status::Queued);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_begun_before_the_deadline_comes_again_and_what_was_begun_is_finished() {
    let mut world = World::with_mailer(|_| Act::TakeAfterMs(MAILER_DEADLINE_MS - 1));
    world.parts.concurrency = 2;
    let invocation = world.invocation_of_ms(2 * MAILER_DEADLINE_MS + 1_500);
    let many = orders(["1", "2", "3", "4", "5", "6"]);
    let (answer, _) = postrider_lambda::dispatch::handle(&world.parts, many, &invocation).await;
    assert!(world.now() <= invocation.until());
    assert_eq!(again(&answer), ["m-5", "m-6"]);
    assert_eq!((world.sent(), world.notifications().await.len()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_function_that_has_too_little_time_for_one_message_begins_none() {
    let world = World::new();
    let invocation = world.invocation_of_ms(MAILER_DEADLINE_MS);
    let (answer, _) = postrider_lambda::dispatch::handle(&world.parts, orders(["1", "2"]), &invocation).await;
    assert_eq!(again(&answer), ["m-1", "m-2"]);
    assert!(world.notifications().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_hangs_is_given_up_in_time_and_alone() {
    let world = World::with_mailer(|text| if text.contains("stuck") { Act::Hang } else { Act::Take });
    let invocation = world.invocation();
    let (answer, _) =
        postrider_lambda::dispatch::handle(&world.parts, orders(["stuck", "2"]), &invocation).await;
    assert!(world.now() <= invocation.until());
    assert_eq!(again(&answer), ["m-stuck"]);
    assert_eq!(world.status("2").await, Status::Sent);
    assert_eq!(world.status("stuck").await, Status::Sending, "its lease runs out, and the sweep finds it");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_panics_comes_again_alone() {
    let world = World::with_mailer(|text| if text.contains("cursed") { Act::Panic } else { Act::Take });
    let (answer, _) = world.dispatch(orders(["1", "cursed", "3"])).await;
    assert_eq!(again(&answer), ["m-cursed"]);
    assert_eq!((world.status("1").await, world.status("3").await), (Status::Sent, Status::Sent));
}

#[tokio::test(start_paused = true)]
async fn messages_are_in_hand_side_by_side_within_the_bound() {
    let mut world = World::with_mailer(|_| Act::TakeAfterMs(1_000));
    world.parts.concurrency = 4;
    let started = world.now();
    let ids: Vec<String> = (0..12).map(|number| number.to_string()).collect();
    let (answer, _) = world.dispatch(orders(ids.iter().map(String::as_str))).await;
    assert!(again(&answer).is_empty());
    assert_eq!((world.sent(), world.most_in_hand()), (12, 4));
    assert!(world.now().ms_since(started) < 3_100);
}

#[tokio::test(start_paused = true)]
async fn an_order_for_tomorrow_is_accepted_and_waits() {
    let world = World::new();
    let event = json!({ "type": "order.confirmed", "data": order("1"), "sendAt": world.now().plus_ms(86_400_000).to_string() });
    let (answer, _) = world.dispatch(batch([message("m-1", &enveloped(&event))])).await;
    assert!(again(&answer).is_empty());
    assert_eq!((world.status("1").await, world.sent()), (Status::Queued, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_on_the_suppression_list_is_mailed() {
    let world = World::new();
    let now = world.now();
    let entry = NewSuppression {
        address: address("ada@example.com"),
        category: None,
        reason: SuppressionReason::HardBounce,
        source: ReportSource::Ses.as_str().to_owned(),
        since: now,
        expires_at: None,
        now,
    };
    world.ledger.suppress(entry).await.unwrap();
    let (answer, measured) = world.dispatch(orders(["1"])).await;
    assert!(again(&answer).is_empty());
    assert_eq!((world.status("1").await, world.sent()), (Status::Suppressed, 0));
    assert_eq!(measured.counted(Metric::Suppressed), 1);
}

#[tokio::test(start_paused = true)]
async fn events_of_every_form_are_taken_and_name_their_type() {
    let world = World::new();
    let cloud = json!({
        "specversion": "1.0", "id": "e-3", "source": "urn:shop", "type": "order.confirmed", "data": order("3"),
        "correlationid": "c-3"
    });
    let native = json!({ "type": "order.confirmed", "data": order("2"), "correlationId": "c-2" });
    let (answer, _) = world
        .dispatch(batch([
            message("m-1", &order("1").to_string()),
            message("m-2", &enveloped(&native)),
            message("m-3", &cloud.to_string()),
        ]))
        .await;
    assert!(again(&answer).is_empty());
    assert_eq!(world.of_order("2").await.correlation_id.as_deref(), Some("c-2"));
    assert_eq!(world.of_order("3").await.correlation_id.as_deref(), Some("c-3"));
    let page =
        world.ledger.list(postrider_core::ports::ledger::ListQuery { limit: 10, ..Default::default() });
    assert_eq!(page.await.unwrap().notifications.len(), 3);
}

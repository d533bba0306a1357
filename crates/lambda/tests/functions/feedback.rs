//! What SES says, out of a queue.

use postrider_aws::emf::Metric;
use postrider_core::domain::status::Status;
use postrider_core::ports::feedback::FeedbackLedger as _;
use postrider_testkit::contract::scene::address;
use postrider_testkit::faulty_ledger::Fault;
use serde_json::{Value, json};

use crate::log::Kept;
use crate::orders::{batch, enveloped, message, orders};
use crate::world::{World, again};

fn event(kind: &str, notification: &str, detail: &Value) -> Value {
    let member = kind.to_ascii_lowercase();
    json!({
        "eventType": kind,
        "mail": {
            "timestamp": "2026-11-23T10:00:00.000Z", "messageId": "0102018f-000000", "source": "orders@shop.example",
            "destination": ["ada@example.com"], "tags": { "postrider-notification": [notification] }
        },
        member: detail
    })
}

fn delivery(notification: &str) -> Value {
    let detail = json!({
        "timestamp": "2026-11-23T10:00:05.000Z", "recipients": ["ada@example.com"], "smtpResponse": "250 2.6.0 Ok",
        "processingTimeMillis": 546, "reportingMTA": "a8-70.smtp-out.amazonses.com"
    });
    event("Delivery", notification, &detail)
}

fn complaint(notification: &str) -> Value {
    let detail = json!({
        "timestamp": "2026-11-23T10:01:00.000Z", "complainedRecipients": [{ "emailAddress": "ada@example.com" }],
        "complaintFeedbackType": "abuse", "feedbackId": "f-1"
    });
    event("Complaint", notification, &detail)
}

async fn world_with_a_sent_order() -> (World, String) {
    let world = World::new();
    world.dispatch(orders(["1"])).await;
    let id = world.of_order("1").await.id.to_string();
    (world, id)
}

#[tokio::test(start_paused = true)]
async fn reports_are_recorded_raw_and_enveloped_and_once() {
    let (world, id) = world_with_a_sent_order().await;
    let twice =
        batch([message("m-1", &delivery(&id).to_string()), message("m-2", &enveloped(&delivery(&id)))]);
    let (answer, measured) = world.feedback(twice).await;
    assert!(again(&answer).is_empty());
    assert_eq!(world.status("1").await, Status::Delivered);
    assert_eq!(measured.counted(Metric::Deliveries), 1);
    assert_eq!(measured.sampled(Metric::DeliveryLatency).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_complaint_suppresses_its_recipient() {
    let (world, id) = world_with_a_sent_order().await;
    let (answer, measured) = world.feedback(batch([message("m-1", &enveloped(&complaint(&id)))])).await;
    assert!(again(&answer).is_empty());
    assert_eq!((world.status("1").await, measured.counted(Metric::Complaints)), (Status::Complained, 1));
    let entries = world.ledger.suppressions_of(address("ada@example.com"), world.now()).await.unwrap();
    assert_eq!(entries.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_event_of_ses_comes_again_alone_and_the_log_says_what_it_is() {
    let (world, id) = world_with_a_sent_order().await;
    let (log, _guard) = Kept::start();
    let strange = json!({ "customer": "ada@example.com" });
    let (answer, _) = world
        .feedback(batch([
            message("m-1", "poison ada@example.com"),
            message("m-2", &strange.to_string()),
            message("m-3", &delivery(&id).to_string()),
        ]))
        .await;
    assert_eq!(again(&answer), ["m-1", "m-2"]);
    assert_eq!(world.status("1").await, Status::Delivered);
    assert!(!log.text().contains('@'), "{}", log.text());
    let causes: Vec<Value> = log
        .lines()
        .iter()
        .filter(|line| line["level"] == "ERROR")
        .map(|line| line["cause"].clone())
        .collect();
    assert_eq!(causes.len(), 2);
    assert!(causes.iter().all(|cause| cause.as_str().unwrap().starts_with("no SES event")), "{causes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_report_about_nothing_of_ours_is_done_with() {
    let world = World::new();
    let strange = delivery("somebody-elses").to_string();
    let (answer, measured) = world.feedback(batch([message("m-1", &strange)])).await;
    assert!(again(&answer).is_empty());
    assert_eq!(measured.counted(Metric::Deliveries), 0);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_cannot_be_recorded_comes_again_alone() {
    let (world, id) = world_with_a_sent_order().await;
    world.plan([Fault::LoseAnswer]);
    let (answer, _) = world.feedback(batch([message("m-1", &delivery(&id).to_string())])).await;
    assert_eq!(again(&answer), ["m-1"]);
    let (answer, _) = world.feedback(batch([message("m-1", &delivery(&id).to_string())])).await;
    assert!(again(&answer).is_empty());
    assert_eq!(world.status("1").await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn reports_that_there_is_no_time_for_come_again() {
    let (world, id) = world_with_a_sent_order().await;
    let late = world.invocation_of_ms(400);
    let one = batch([message("m-1", &delivery(&id).to_string())]);
    let (answer, _) = postrider_lambda::feedback::handle(&world.parts, one, &late).await;
    assert_eq!(again(&answer), ["m-1"]);
    assert_eq!(world.status("1").await, Status::Sent);
}

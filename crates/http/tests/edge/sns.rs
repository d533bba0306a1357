//! What SNS posts, over the router: what it changes, and what changes nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::limits::SNS_BODY_BYTES_MAX;
use postrider_core::ports::ledger::Ledger;
use postrider_http::BodyRoom;
use postrider_http::sns::{SnsEndpoint, SubscriptionConfirmer};
use postrider_testkit::contract::scene::{Scene, sure};
use postrider_testkit::faulty_ledger::Fault;
use serde_json::{Map, Value, json};

use crate::authority::{self, TOPIC, Wanted, body, confirmation, notification, sign};
use crate::ses_examples::{By, Sending, sending, text};
use crate::world::{Answer, World};

const ENDPOINT: &str = "/v1/feedback/sns";

/// Says yes, or fails as often as it is told to.
#[derive(Default)]
struct Confirmer {
    asked: Mutex<Vec<String>>,
    failures: AtomicUsize,
}

#[async_trait]
impl SubscriptionConfirmer for Confirmer {
    async fn confirm(&self, url: &str) -> Result<(), String> {
        self.asked.lock().unwrap().push(url.to_owned());
        let fails =
            self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if fails.is_ok() { Err("500 Internal Server Error".to_owned()) } else { Ok(()) }
    }
}

/// An API that takes messages of [`TOPIC`], and a notification that SES has.
struct Shop {
    world: World,
    confirmer: Arc<Confirmer>,
    sent: Sending,
}

impl Shop {
    async fn new() -> Self {
        Self::believing(authority::World::default()).await
    }

    async fn believing(sns: authority::World) -> Self {
        let confirmer = Arc::new(Confirmer::default());
        let endpoint = SnsEndpoint {
            room: BodyRoom::default(),
            verifier: sns.verifier,
            confirmer: Arc::clone(&confirmer) as Arc<_>,
        };
        let world = World::with_sns(endpoint);
        let scene = Scene::new(Arc::clone(&world.ledger) as Arc<dyn Ledger>);
        let sent = sending(&scene, 1).await.remove(0);
        sure(world.ledger.finish_attempt(sent.finish(&scene)).await);
        Self { world, confirmer, sent }
    }

    /// SNS's message with the example `name` about our notification, signed.
    fn message(&self, name: &str, by: By) -> Map<String, Value> {
        sign(notification(&text(name, &self.sent, by)))
    }

    async fn post(&self, message: &Map<String, Value>) -> Answer {
        self.post_bytes(body(message)).await
    }

    async fn post_bytes(&self, bytes: Vec<u8>) -> Answer {
        // SNS says `text/plain` of its JSON.
        self.world.ask("POST", ENDPOINT, &[("content-type", "text/plain; charset=UTF-8")], bytes).await
    }

    async fn notification(&self) -> Value {
        self.world.get(&format!("/v1/notifications/{}", self.sent.id())).await.json()
    }

    async fn suppressions(&self) -> Value {
        self.world.get("/v1/suppressions").await.json()["data"].clone()
    }

    /// Everything a report could change.
    async fn everything(&self) -> (Value, Value) {
        (self.notification().await, self.suppressions().await)
    }
}

/// Asserts that `answer` says how many reports are recorded.
#[track_caller]
fn expect_reports(answer: &Answer, reports: usize) {
    let text = String::from_utf8_lossy(&answer.bytes);
    assert_eq!((answer.status, answer.json()), (200, json!({ "reports": reports })), "{text}");
}

#[tokio::test]
async fn a_delivery_is_shown_with_everything_it_said_however_it_finds_its_notification() {
    for by in By::ALL {
        let shop = Shop::new().await;
        expect_reports(&shop.post(&shop.message("event_delivery", by)).await, 1);
        let shown = shop.notification().await;
        assert_eq!((&shown["status"], &shown["cause"]), (&json!("delivered"), &Value::Null), "{by:?}");
        let entry = shown["timeline"].as_array().unwrap().last().unwrap();
        assert_eq!(entry["type"], "delivered", "{by:?}");
        assert_eq!(entry["source"], "ses");
        assert_eq!(entry["statusCode"], "2.6.0");
        assert_eq!(entry["occurredAt"], "2026-11-20T09:15:33.789Z");
        assert!(entry["response"].as_str().unwrap().starts_with("250 2.6.0"), "{entry}");
        assert_eq!(entry.get("bounceClass"), None);
        assert_eq!(shop.suppressions().await, json!([]));
        assert_eq!(shop.world.api.metrics.deliveries.get(), 1);
    }
}

#[tokio::test]
async fn a_hard_bounce_suppresses_its_recipient_and_says_why() {
    for by in By::ALL {
        let shop = Shop::new().await;
        expect_reports(&shop.post(&shop.message("event_bounce_permanent_general", by)).await, 1);
        let shown = shop.notification().await;
        assert_eq!(
            (&shown["status"], &shown["cause"]),
            (&json!("bounced"), &json!("bounce_unknown_user_5.1.1"))
        );
        let entry = shown["timeline"].as_array().unwrap().last().unwrap();
        assert_eq!(
            *entry,
            json!({
                "at": authority::now().to_string(), "type": "bounced", "cause": "bounce_unknown_user_5.1.1",
                "response": "smtp; 550 5.1.1 user unknown", "source": "ses", "bounceClass": "unknown_user",
                "statusCode": "5.1.1", "occurredAt": "2026-11-20T09:16:41.456Z",
            }),
            "{by:?}"
        );
        let listed = shop.suppressions().await;
        assert_eq!(listed.as_array().unwrap().len(), 1, "{by:?}");
        assert_eq!(
            (&listed[0]["address"], &listed[0]["reason"], &listed[0]["source"], &listed[0]["expiresAt"]),
            (&json!(shop.sent.to()), &json!("hard_bounce"), &json!("ses"), &Value::Null)
        );
        assert_eq!(shop.world.api.metrics.bounces.get(), 1);
    }
}

#[tokio::test]
async fn a_complaint_suppresses_its_recipient() {
    for by in By::ALL {
        let shop = Shop::new().await;
        expect_reports(&shop.post(&shop.message("event_complaint", by)).await, 1);
        let shown = shop.notification().await;
        assert_eq!(
            (&shown["status"], &shown["cause"]),
            (&json!("complained"), &json!("complaint")),
            "{by:?}"
        );
        let entry = shown["timeline"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (&entry["type"], &entry["source"], &entry["response"], &entry["occurredAt"]),
            (&json!("complained"), &json!("ses"), &json!("abuse"), &json!("2026-11-21T18:02:03.004Z"))
        );
        let listed = shop.suppressions().await;
        assert_eq!(
            (&listed[0]["address"], &listed[0]["reason"]),
            (&json!(shop.sent.to()), &json!("complaint"))
        );
        assert_eq!(shop.world.api.metrics.complaints.get(), 1);
    }
}

#[tokio::test]
async fn a_soft_bounce_changes_no_status_and_suppresses_nobody() {
    let shop = Shop::new().await;
    expect_reports(&shop.post(&shop.message("event_bounce_transient_mailbox_full", By::Tag)).await, 1);
    let shown = shop.notification().await;
    assert_eq!(shown["status"], "sent");
    let entry = shown["timeline"].as_array().unwrap().last().unwrap();
    assert_eq!((&entry["type"], &entry["bounceClass"]), (&json!("soft_bounced"), &json!("mailbox_full")));
    assert_eq!(shop.suppressions().await, json!([]));
}

#[tokio::test]
async fn nothing_signed_can_be_altered() {
    let shop = Shop::new().await;
    for version in ["1", "2"] {
        let mut message = notification(&text("event_complaint", &shop.sent, By::Tag));
        message.insert("Subject".to_owned(), json!("Amazon SES Email Event Notification"));
        message.insert("SignatureVersion".to_owned(), json!(version));
        let message = sign(message);
        let before = shop.everything().await;
        let other_text = text("event_delivery", &shop.sent, By::Tag);
        let other_version = if version == "1" { "2" } else { "1" };
        let alterations = [
            ("Message", other_text.as_str()),
            ("MessageId", "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf325"),
            ("Subject", "Another subject"),
            ("Timestamp", "2026-11-23T10:00:00.001Z"),
            ("TopicArn", "arn:aws:sns:eu-central-1:111122223333:another"),
            ("SignatureVersion", other_version),
            ("Signature", "AAAA"),
        ];
        for (name, value) in alterations {
            let mut forged = message.clone();
            forged.insert(name.to_owned(), json!(value));
            assert_ne!(forged, message, "{name}");
            shop.post(&forged).await.expect(403, "forbidden_sns_message");
            assert_eq!(shop.everything().await, before, "{name}");
        }
        let mut without = message.clone();
        without.remove("Subject");
        shop.post(&without).await.expect(403, "forbidden_sns_message");
        // A confirmation is signed over other members; as one the message is not even complete.
        let mut retyped = message.clone();
        retyped.insert("Type".to_owned(), json!("SubscriptionConfirmation"));
        shop.post(&retyped).await.expect(400, "invalid_sns_message");
        assert_eq!(shop.everything().await, before);
    }
    assert_eq!(shop.world.api.metrics.sns_refused.get(), 18);
    assert!(shop.confirmer.asked.lock().unwrap().is_empty());
    // All of them were refused for what was altered, not for something they share with this one.
    expect_reports(&shop.post(&shop.message("event_complaint", By::Tag)).await, 1);
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let shop =
        Shop::believing(authority::World::with(&Wanted { name: "sns.evil.example", ..Wanted::default() }))
            .await;
    let before = shop.everything().await;
    shop.post(&shop.message("event_complaint", By::Tag)).await.expect(403, "forbidden_sns_message");
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn a_foreign_topic_is_refused_although_sns_signed_its_message() {
    let shop = Shop::new().await;
    let before = shop.everything().await;
    let mut message = notification(&text("event_complaint", &shop.sent, By::Tag));
    message.insert("TopicArn".to_owned(), json!(TOPIC.replace("111122223333", "999999999999")));
    shop.post(&sign(message)).await.expect(403, "forbidden_sns_message");
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    let shop = Shop::new().await;
    let before = shop.everything().await;
    let mut bytes = body(&shop.message("event_complaint", By::Tag));
    // White space around JSON means nothing, so nothing but the size is wrong with it.
    bytes.resize(SNS_BODY_BYTES_MAX + 1, b' ');
    shop.post_bytes(bytes.clone()).await.expect(413, "body_too_large");
    assert_eq!(shop.everything().await, before);
    bytes.truncate(SNS_BODY_BYTES_MAX);
    expect_reports(&shop.post_bytes(bytes).await, 1);
}

#[tokio::test]
async fn a_message_that_comes_again_is_welcome_and_changes_nothing() {
    let shop = Shop::new().await;
    let message = shop.message("event_bounce_permanent_general", By::Tag);
    expect_reports(&shop.post(&message).await, 1);
    let after = shop.everything().await;
    expect_reports(&shop.post(&message).await, 0);
    // Published twice it is another message of SNS with the same event.
    let mut again = message.clone();
    again.insert("MessageId".to_owned(), json!("9b7b1e2c-0000-4c2c-8f9d-bdfb0c7bf324"));
    expect_reports(&shop.post(&sign(again)).await, 1);
    assert_eq!(shop.everything().await, after);
    let metrics = &shop.world.api.metrics;
    assert_eq!((metrics.bounces.get(), metrics.feedback_repeated.get()), (1, 1));
}

#[tokio::test]
async fn a_subscription_is_confirmed_once() {
    let shop = Shop::new().await;
    let message = sign(confirmation("SubscriptionConfirmation"));
    for _ in 0..2 {
        expect_reports(&shop.post(&message).await, 0);
    }
    let url = message["SubscribeURL"].as_str().unwrap();
    assert_eq!(*shop.confirmer.asked.lock().unwrap(), [url]);
}

#[tokio::test]
async fn a_confirmation_that_fails_is_tried_again_when_sns_asks_again() {
    let shop = Shop::new().await;
    shop.confirmer.failures.store(1, Ordering::SeqCst);
    let message = sign(confirmation("SubscriptionConfirmation"));
    let answer = shop.post(&message).await.expect(503, "confirmation_failed");
    assert!(answer.header("retry-after").is_some());
    expect_reports(&shop.post(&message).await, 0);
    assert_eq!(shop.confirmer.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_end_of_a_subscription_is_not_taken_back() {
    let shop = Shop::new().await;
    expect_reports(&shop.post(&sign(confirmation("UnsubscribeConfirmation"))).await, 0);
    assert!(shop.confirmer.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_message_the_ledger_has_no_room_for_is_recorded_when_it_comes_again() {
    for fault in [Fault::Refuse, Fault::LoseAnswer] {
        let shop = Shop::new().await;
        let message = shop.message("event_complaint", By::Tag);
        shop.world.plan([fault.clone()]);
        let answer = shop.post(&message).await;
        assert_eq!(answer.status, 503, "{fault:?}");
        assert!(answer.header("retry-after").is_some());
        if matches!(fault, Fault::Refuse) {
            assert_eq!(shop.notification().await["status"], "sent");
        }
        expect_reports(&shop.post(&message).await, 1);
        let shown = shop.notification().await;
        assert_eq!(shown["status"], "complained", "{fault:?}");
        let complaints = shown["timeline"].as_array().unwrap().iter().filter(|it| it["type"] == "complained");
        assert_eq!(complaints.count(), 1, "{fault:?}");
        assert_eq!(shop.suppressions().await.as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_sns_signed_but_ses_did_not_write_is_refused() {
    let shop = Shop::new().await;
    let before = shop.everything().await;
    shop.post(&sign(notification("Hello"))).await.expect(422, "invalid_ses_event");
    shop.post_bytes(b"Hello".to_vec()).await.expect(400, "invalid_sns_message");
    let raw = text("event_complaint", &shop.sent, By::Tag).into_bytes();
    shop.post_bytes(raw).await.expect(403, "forbidden_sns_message");
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn it_answers_by_whatever_name_it_is_reached() {
    let shop = Shop::new().await;
    let headers = [("host", "hooks.shop.example"), ("origin", "https://sns.amazonaws.com")];
    // Anything else asked by this name is refused.
    shop.world.ask("GET", "/v1/suppressions", &headers, "").await.expect(403, "forbidden_host");
    let bytes = body(&shop.message("event_delivery", By::Tag));
    expect_reports(&shop.world.ask("POST", ENDPOINT, &headers, bytes).await, 1);
    assert_eq!(shop.notification().await["status"], "delivered");
}

#[tokio::test]
async fn without_a_topic_nothing_is_taken() {
    let world = World::new();
    let scene = Scene::new(Arc::clone(&world.ledger) as Arc<dyn Ledger>);
    let sent = sending(&scene, 1).await.remove(0);
    sure(world.ledger.finish_attempt(scene.report(&sent.claim, Verdict::Sent)).await);
    let message = body(&sign(notification(&text("event_complaint", &sent, By::Tag))));
    world.ask("POST", ENDPOINT, &[], message).await.expect(403, "sns_not_configured");
    assert_eq!(world.get(&format!("/v1/notifications/{}", sent.id())).await.json()["status"], "sent");
}

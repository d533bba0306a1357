//! Messages without a type.

use std::sync::Arc;

use mail_parser::{MessageParser, MimeHeaders as _};
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::Words;
use postrider_core::ports::catalog::Catalog as _;
use postrider_core::ports::clock::Clock as _;
use postrider_core::ports::ledger::{ClaimDue, FinishAttempt, Ledger as _};
use postrider_mail::types::LiveTypes;
use serde_json::{Value, json};

use crate::world::{KEY, World};

const PATH: &str = "/v1/emails";

fn email() -> Value {
    json!({
        "from": "The Shop <hello@shop.example>", "to": "Ada Lovelace <ada@example.com>", "subject": "Grüße",
        "html": "<p>Hello <b>Ada</b></p>", "replyTo": "help@shop.example",
        "headers": { "X-Campaign": "spring", "References": "<a@shop.example>" },
        "attachments": [{ "filename": "a.txt", "content": "aGVsbG8=" }],
        "tags": [{ "name": "kind", "value": "hello" }]
    })
}

/// The email with the member `name` set.
fn with(name: &str, value: Value) -> Value {
    let mut email = email();
    email[name] = value;
    email
}

/// Sends what is due and tells each message as it left.
async fn send(world: &World) -> Vec<(String, Vec<u8>)> {
    let now = world.clock.now();
    let request = ClaimDue { now, lease_until: now.plus_ms(60_000), limit: 10 };
    let types: Arc<LiveTypes> = Arc::clone(&world.api.types);
    for (id, bundle) in types.current().renditions() {
        world.api.ledger.store_rendition(id, bundle).await.unwrap();
    }
    let mut sent = Vec::new();
    for claim in world.ledger.claim_due(request).await.unwrap().claims {
        let composed = types.compose(&claim.notification, &claim.event, now).unwrap();
        let finish = FinishAttempt {
            id: claim.notification.id,
            fence: claim.notification.lifecycle.fence,
            claimed_at: now,
            now,
            verdict: Verdict::Sent,
            mailer: "test".to_owned(),
            words: Words::default(),
            copy: Some(composed.copy),
            condemns_address: false,
        };
        world.ledger.finish_attempt(finish).await.unwrap();
        sent.push((claim.notification.id.to_string(), composed.message));
    }
    sent
}

#[tokio::test]
async fn a_message_leaves_as_it_was_written_and_is_shown_again() {
    let world = World::new();
    let answer = world.post(PATH, &[KEY], &email()).await;
    assert_eq!(answer.status, 202, "{}", answer.json());
    let notification = &answer.json()["notifications"][0];
    assert_eq!((&notification["type"], &notification["status"]), (&json!("email"), &json!("queued")));
    let (id, message) = send(&world).await.remove(0);
    let parsed = MessageParser::default().parse(&message).unwrap();
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("The Shop"), Some("hello@shop.example")));
    let to = parsed.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (Some("Ada Lovelace"), Some("ada@example.com")));
    assert_eq!(parsed.subject(), Some("Grüße"));
    assert_eq!(parsed.body_html(0).unwrap(), "<p>Hello <b>Ada</b></p>");
    assert_eq!(parsed.body_text(0).unwrap().trim(), "Hello Ada");
    assert_eq!(parsed.reply_to().unwrap().first().unwrap().address(), Some("help@shop.example"));
    assert_eq!(parsed.header_raw("X-Campaign").unwrap().trim(), "spring");
    assert_eq!(parsed.attachment(0).unwrap().attachment_name(), Some("a.txt"));
    let shown = world.get(&format!("/v1/notifications/{id}/message")).await;
    assert_eq!((shown.status, &shown.bytes), (200, &message));
}

#[tokio::test]
async fn text_alone_is_a_message_of_text_alone() {
    let world = World::new();
    let text =
        json!({ "from": "a@shop.example", "to": "ada@example.com", "subject": "S", "text": "Grüße\nZoë" });
    assert_eq!(world.post(PATH, &[KEY], &text).await.status, 202);
    let (_, message) = send(&world).await.remove(0);
    let parsed = MessageParser::default().parse(&message).unwrap();
    assert_eq!((parsed.parts.len(), parsed.content_type().unwrap().subtype()), (1, Some("plain")));
    assert_eq!(parsed.body_text(0).unwrap().trim_end().replace("\r\n", "\n"), "Grüße\nZoë");
}

#[tokio::test]
async fn every_recipient_gets_a_message_of_their_own() {
    let world = World::new();
    let answer = world.post(PATH, &[KEY], &with("to", json!(["ada@example.com", "bob@example.com"]))).await;
    assert_eq!(answer.status, 202);
    let sent = send(&world).await;
    let told = |text: &str| {
        sent.iter().filter(|(_, message)| String::from_utf8_lossy(message).contains(text)).count()
    };
    assert_eq!((sent.len(), told("ada@example.com"), told("bob@example.com")), (2, 1, 1));
}

#[tokio::test]
async fn the_key_is_required_and_makes_the_message_one() {
    let world = World::new();
    world.post(PATH, &[], &email()).await.expect(400, "idempotency_key_required");
    let first = world.post(PATH, &[KEY], &email()).await;
    let again = world.post(PATH, &[KEY], &email()).await;
    assert!(again.is_replayed());
    assert_eq!(first.bytes, again.bytes);
    world.post(PATH, &[KEY], &with("subject", json!("Other"))).await.expect(422, "idempotency_key_reused");
    // The answer is forgotten after a while, the business key is not.
    world.clock.advance_ms(postrider_core::limits::IDEMPOTENCY_KEPT_MS + 1);
    let later = world.post(PATH, &[KEY], &email()).await;
    assert_eq!(later.json()["notifications"][0]["duplicate"], true);
    world.clock.advance_ms(postrider_core::limits::IDEMPOTENCY_KEPT_MS + 1);
    let other = with("subject", json!("Other"));
    world.post(PATH, &[KEY], &other).await.expect(409, "business_key_conflict");
    assert_eq!(world.post(PATH, &[("idempotency-key", "k-2")], &other).await.status, 202);
    assert_eq!(world.count().await, 2);
}

#[tokio::test]
async fn every_wrong_member_is_named() {
    let world = World::new();
    for (name, value, pointer) in [
        ("from", json!("eve@elsewhere.example"), "/from"),
        ("from", json!("nobody"), "/from"),
        ("from", json!("a\r\nBcc: x <a@shop.example>"), "/from"),
        ("to", json!([]), "/to"),
        ("to", json!(["ada@example.com", "ADA@EXAMPLE.com"]), "/to/1"),
        ("to", json!(["a@example.com,b@example.com"]), "/to/0"),
        ("to", json!(vec!["a@example.com"; 17]), "/to"),
        ("subject", json!("a\r\nBcc: eve@example.com"), "/subject"),
        ("subject", json!(" "), "/subject"),
        ("subject", json!("x".repeat(256)), "/subject"),
        ("html", json!(7), "/html"),
        ("headers", json!({ "Bcc": "eve@example.com" }), "/headers/Bcc"),
        ("headers", json!({ "X-A": "a\r\nBcc: eve@example.com" }), "/headers/X-A"),
        ("headers", json!({ "X-A/b": "a" }), "/headers/X-A~1b"),
        ("attachments", json!([{ "filename": "a" }]), "/attachments/0"),
        ("attachments", json!([{ "path": "../a" }]), "/attachments/0/path"),
        ("tags", json!([{ "name": "a b", "value": "c" }]), "/tags/0"),
        ("sendAt", json!("tomorrow"), "/sendAt"),
        ("cc", json!("eve@example.com"), "/cc"),
        ("reply_to", json!("a@shop.example"), "/reply_to"),
        ("idempotencyKey", json!("x"), "/idempotencyKey"),
    ] {
        let answer = world.post(PATH, &[KEY], &with(name, value.clone())).await.expect(422, "invalid_event");
        assert_eq!(answer.pointers(), [pointer], "{name}: {value}");
    }
    let nothing = world.post(PATH, &[KEY], &json!({})).await.expect(422, "invalid_event");
    assert_eq!(nothing.pointers(), ["/from", "/html", "/subject", "/to"]);
    world.post(PATH, &[KEY], &json!([])).await.expect(422, "invalid_event");
    assert_eq!(world.count().await, 0);
}

#[tokio::test]
async fn a_message_may_wait_for_its_time() {
    let world = World::new();
    let at = world.clock.now().plus_ms(60_000).to_string();
    assert_eq!(world.post(PATH, &[KEY], &with("sendAt", json!(at))).await.status, 202);
    assert!(send(&world).await.is_empty());
    world.clock.advance_ms(60_000);
    assert_eq!(send(&world).await.len(), 1);
}

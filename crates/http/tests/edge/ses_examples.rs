//! AWS's examples of SES events, rewritten to be about one notification of a test, and what that notification comes to.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use postrider_aws::ses_event::{self, SesEvent, TAG};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::Words;
use postrider_core::ports::ledger::{Claim, ClaimDue, FinishAttempt};
use postrider_testkit::contract::scene::{LEASE_MS, Scene, address, sure};
use serde_json::{Value, json};

/// What leads from an event to its notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Our tag.
    Tag,
    /// Our Message-ID among the headers, and nothing else of ours.
    MessageId,
    /// The id SES gave the message, and nothing of ours at all.
    SesId,
}

impl By {
    pub const ALL: [Self; 3] = [Self::Tag, Self::MessageId, Self::SesId];
}

/// A notification in the hands of a sender.
pub struct Sending {
    pub claim: Claim,
    /// Under which SES takes it.
    pub ses_id: String,
}

impl Sending {
    pub fn id(&self) -> NotificationId {
        self.claim.notification.id
    }

    pub fn to(&self) -> &str {
        self.claim.notification.to.as_str()
    }

    /// What the sender records once SES has it.
    pub fn finish(&self, scene: &Scene) -> FinishAttempt {
        let words = Words::new(&format!("250 Ok {}", self.ses_id));
        FinishAttempt { words, ..scene.report(&self.claim, Verdict::Sent) }
    }
}

/// Has `count` notifications accepted and claimed, each to a recipient of its own.
pub async fn sending(scene: &Scene, count: usize) -> Vec<Sending> {
    for n in 0..count {
        let mut acceptance = scene.acceptance(&format!("order-{n}"));
        acceptance.notifications[0].1.to = address(&format!("customer-{n}@shop.example"));
        scene.accept(acceptance).await;
    }
    claim(scene, count).await
}

/// Claims `count` notifications, which must be due.
pub async fn claim(scene: &Scene, count: usize) -> Vec<Sending> {
    let now = scene.now();
    let mut all = Vec::new();
    while all.len() < count {
        let limit = count - all.len();
        let request = ClaimDue { now, lease_until: now.plus_ms(LEASE_MS), limit };
        let claims = sure(scene.ledger.claim_due(request).await).claims;
        assert!(!claims.is_empty(), "{} of {count} were due", all.len());
        for claim in claims {
            let ses_id = ses_id(claim.notification.id);
            all.push(Sending { claim, ses_id });
        }
    }
    all
}

/// Has `count` notifications accepted that nobody claims, each as if SES had it.
pub async fn waiting(scene: &Scene, count: usize) -> Vec<Sending> {
    let mut all = Vec::new();
    for n in 0..count {
        let mut acceptance = scene.acceptance(&format!("waiting-{n}"));
        acceptance.notifications[0].1.to = address(&format!("waiting-{n}@shop.example"));
        let event = acceptance.event.clone();
        let id = scene.accept(acceptance).await.notifications[0].id;
        let claim = Claim { notification: scene.notification(id).await, event };
        all.push(Sending { claim, ses_id: ses_id(id) });
    }
    all
}

/// The id under which SES takes the message of `id`.
fn ses_id(id: NotificationId) -> String {
    let random: String = id.to_bytes().iter().rev().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("0100019ab3c4d5e6-7f8e9d0c-1b2a-4938-8475-{random}-000000")
}

/// Every example with its name, sorted.
static EXAMPLES: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../aws/tests/fixtures/ses");
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
        })
        .collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(all.len() > 30, "{} examples", all.len());
    all
});

/// The names of all examples, sorted.
pub fn names() -> Vec<&'static str> {
    EXAMPLES.iter().map(|(name, _)| name.as_str()).collect()
}

/// The example `name` as SES would have written it about `sending`: our notification is the first of those it names,
/// others stay. As in life, no two bounces, complaints or delays of different examples are the same.
pub fn text(name: &str, sending: &Sending, by: By) -> String {
    let position = EXAMPLES.iter().position(|(known, _)| known == name).expect(name);
    let mut event = EXAMPLES[position].1.clone();
    let (id, ses_id, to) = (sending.id().to_string(), sending.ses_id.as_str(), sending.to());
    if let Some(mail) = event.get_mut("mail") {
        mail["messageId"] = json!(ses_id);
        mail["destination"][0] = json!(to);
        if mail["tags"].is_null() {
            mail["tags"] = json!({});
        }
        let tags = mail["tags"].as_object_mut().unwrap();
        tags.remove(TAG);
        if by == By::Tag {
            tags.insert(TAG.to_owned(), json!([id]));
        }
        let message_id =
            if by == By::MessageId { format!("<{id}@merchant.example>") } else { ses_id.to_owned() };
        if mail["headers"].is_null() {
            mail["headers"] = json!([]);
        }
        let headers = mail["headers"].as_array_mut().unwrap();
        headers.retain(|header| header["name"] != "Message-ID" && header["name"] != "X-SES-MESSAGE-TAGS");
        if by == By::MessageId {
            headers.push(json!({ "name": "Message-ID", "value": message_id }));
        }
        mail["commonHeaders"]["messageId"] = json!(message_id);
    }
    for (member, list) in [
        ("bounce", "bouncedRecipients"),
        ("complaint", "complainedRecipients"),
        ("deliveryDelay", "delayedRecipients"),
    ] {
        if let Some(about) = event.get_mut(member) {
            about[list][0]["emailAddress"] = json!(to);
            about["feedbackId"] = json!(format!("0100019ab3c4ffff-{position:08x}-000000"));
            if member == "deliveryDelay" {
                about["timestamp"] = json!(format!("2026-11-20T09:25:{:02}.095Z", position % 60));
            }
        }
    }
    if let Some(delivery) = event.get_mut("delivery") {
        delivery["recipients"][0] = json!(to);
    }
    event.to_string()
}

/// The same, read.
pub fn event(name: &str, sending: &Sending, by: By) -> SesEvent {
    ses_event::read(text(name, sending, by).as_bytes()).expect(name)
}

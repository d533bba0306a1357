//! SES events about notifications that were sent: AWS's examples, each about a message of its own.

use postrider_aws::ses_event::TAG;
use postrider_core::limits::PAGE_MAX;
use postrider_core::ports::ledger::{Ledger, ListQuery};
use serde_json::{Value, json};

use crate::Failure;
use crate::order::mix;

/// Of a hundred events: how many are of which example. A shop whose lists are in order.
const MIX: [(u64, &str); 6] = [
    (90, include_str!("../../../crates/aws/tests/fixtures/ses/event_delivery_of_ours.json")),
    (5, include_str!("../../../crates/aws/tests/fixtures/ses/event_send.json")),
    (2, include_str!("../../../crates/aws/tests/fixtures/ses/event_bounce_transient_mailbox_full.json")),
    (1, include_str!("../../../crates/aws/tests/fixtures/ses/event_bounce_permanent_general.json")),
    (1, include_str!("../../../crates/aws/tests/fixtures/ses/event_complaint.json")),
    (1, include_str!("../../../crates/aws/tests/fixtures/ses/event_delivery_delay.json")),
];

/// The mix in words, for the report.
pub const MIX_WORDS: &str = "90 % Delivery, 5 % Send, 2 % transient Bounce, 1 % each of permanent Bounce, Complaint and DeliveryDelay";

/// A message that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its notification's id.
    pub id: String,
    /// To whom.
    pub to: String,
}

/// Every notification of the ledger.
///
/// # Errors
/// The ledger's.
pub async fn sent(ledger: &dyn Ledger) -> Result<Vec<Sent>, Failure> {
    let mut query = ListQuery { limit: PAGE_MAX, ..ListQuery::default() };
    let mut all = Vec::new();
    loop {
        let page = ledger.list(query.clone()).await?;
        all.extend(page.notifications.iter().map(|notification| Sent {
            id: notification.id.to_string(),
            to: notification.to.as_str().to_owned(),
        }));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(all),
        }
    }
}

/// One event about each of `sent`, as SES writes it: JSON without white space.
///
/// # Errors
/// If an example is no JSON.
pub fn texts(sent: &[Sent]) -> Result<Vec<String>, Failure> {
    let mut templates = Vec::new();
    for (share, text) in MIX {
        templates.push((share, serde_json::from_str::<Value>(text)?));
    }
    let text = |(index, sent): (u64, &Sent)| {
        let mut left = mix(index) % 100;
        let template = templates.iter().find(|(share, _)| {
            let is_it = left < *share;
            left = left.saturating_sub(*share);
            is_it
        });
        let (_, template) = template.ok_or("the shares do not add up to 100")?;
        Ok(event(template.clone(), index, sent).to_string())
    };
    (0..).zip(sent).map(text).collect()
}

/// `template` about one message, with our tag and our `Message-ID`, as all our messages carry them.
fn event(mut template: Value, index: u64, sent: &Sent) -> Value {
    let Sent { id, to } = sent;
    let message_id = format!("<{id}@merchant.example>");
    let mail = &mut template["mail"];
    mail["messageId"] = json!(format!("0100019ab3c4d5e6-7f8e9d0c-1b2a-4938-8475-{index:012x}-000000"));
    mail["destination"] = json!([to]);
    mail["tags"][TAG] = json!([id]);
    mail["commonHeaders"]["messageId"] = json!(message_id);
    mail["commonHeaders"]["to"] = json!([to]);
    if mail["headers"].is_null() {
        mail["headers"] = json!([]);
    }
    if let Some(headers) = mail["headers"].as_array_mut() {
        headers.retain(|header| header["name"] != "Message-ID" && header["name"] != "X-SES-MESSAGE-TAGS");
        headers.push(json!({ "name": "Message-ID", "value": message_id }));
        headers.push(json!({ "name": "X-SES-MESSAGE-TAGS", "value": format!("{TAG}={id}") }));
        for header in headers.iter_mut().filter(|header| header["name"] == "To") {
            header["value"] = json!(to);
        }
    }
    for (member, list) in [
        ("bounce", "bouncedRecipients"),
        ("complaint", "complainedRecipients"),
        ("deliveryDelay", "delayedRecipients"),
    ] {
        if let Some(about) = template.get_mut(member) {
            about[list][0]["emailAddress"] = json!(to);
            about["feedbackId"] = json!(format!("0100019ab3c4ffff-0a1b2c3d-{index:012x}-000000"));
        }
    }
    if let Some(delivery) = template.get_mut("delivery") {
        delivery["recipients"] = json!([to]);
    }
    template
}

/// `text` as it lies in a queue that SNS writes to: in SNS's envelope, a signature and all.
#[must_use]
pub fn enveloped(index: usize, text: &str) -> String {
    let region = "eu-central-1";
    let topic = format!("arn:aws:sns:{region}:111122223333:shop-mail");
    json!({
        "Type": "Notification",
        "MessageId": format!("22b80b92-fdea-4c2c-8f9d-{index:012x}"),
        "TopicArn": topic,
        "Subject": "Amazon SES Email Event Notification",
        "Message": text,
        "Timestamp": "2026-11-20T09:15:34.012Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLEw6JRN".repeat(28),
        "SigningCertURL": format!("https://sns.{region}.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"),
        "UnsubscribeURL": format!("https://sns.{region}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={topic}:0f0b2c9e-2f3a-4f0e-9b57-0d6a3d1b7c55"),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use postrider_aws::ses_event::EventKind;
    use postrider_aws::sqs::ses_event_of_sqs_body;
    use postrider_core::domain::feedback::Reference;

    use super::*;

    #[test]
    fn every_event_leads_to_its_own_notification_and_recipient() {
        let sent: Vec<Sent> = (0..1_000)
            .map(|n| Sent {
                id: format!("ntf_01kanrt3f8q2w5e7r9t1y{n:05}"),
                to: format!("c-{n}@example.com"),
            })
            .collect();
        let texts = texts(&sent).unwrap();
        let mut deliveries = 0;
        for (index, (text, sent)) in texts.iter().zip(&sent).enumerate() {
            let event = ses_event_of_sqs_body(&enveloped(index, text)).unwrap();
            assert_eq!(event.references.first(), Some(&Reference::Notification(sent.id.parse().unwrap())));
            assert_eq!(event.reports.len(), 1);
            assert_eq!(event.reports[0].recipient.as_ref().unwrap().as_str(), sent.to);
            deliveries += usize::from(event.kind == EventKind::Delivery);
        }
        assert!((850..950).contains(&deliveries), "{deliveries}");
    }
}

//! The envelope SNS puts around a message, as it comes over HTTPS and in an SQS queue.

use serde::Deserialize;

/// The members that matter. `MessageAttributes`, `UnsubscribeURL` and whatever comes one day are passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Envelope {
    pub r#type: Option<String>,
    pub message_id: Option<String>,
    pub topic_arn: Option<String>,
    pub subject: Option<String>,
    pub message: Option<String>,
    pub timestamp: Option<String>,
    pub token: Option<String>,
    #[serde(rename = "SubscribeURL")]
    pub subscribe_url: Option<String>,
    pub signature_version: Option<String>,
    pub signature: Option<String>,
    #[serde(rename = "SigningCertURL")]
    pub signing_cert_url: Option<String>,
    /// What an SES event has and an envelope has not.
    #[serde(rename = "eventType")]
    pub event_type: Option<String>,
    /// The same, of the older format.
    #[serde(rename = "notificationType")]
    pub notification_type: Option<String>,
}

/// The kinds of messages SNS sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageType {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

/// An envelope with everything its signature covers. The strings are as they were before JSON escaped them.
#[derive(Debug)]
pub(super) struct Signed {
    pub kind: MessageType,
    pub message: String,
    pub message_id: String,
    pub subject: Option<String>,
    pub timestamp: String,
    pub topic: String,
    /// `SubscribeURL` and `Token`, which every kind but a notification has.
    pub subscription: Option<(String, String)>,
    pub signature_version: String,
    pub signature: String,
    pub certificate_url: String,
}

impl Envelope {
    /// Whether this is no envelope but the bare message of a subscription with raw delivery.
    pub fn is_bare_event(&self) -> bool {
        self.r#type.is_none() && (self.event_type.is_some() || self.notification_type.is_some())
    }

    /// Everything the signature covers, or the name of what is missing or cannot be part of a signed message.
    pub(super) fn signed(self) -> Result<Signed, &'static str> {
        let kind = match self.r#type.as_deref() {
            Some("Notification") => MessageType::Notification,
            Some("SubscriptionConfirmation") => MessageType::SubscriptionConfirmation,
            Some("UnsubscribeConfirmation") => MessageType::UnsubscribeConfirmation,
            _ => return Err("Type"),
        };
        let subscription = match kind {
            MessageType::Notification => None,
            MessageType::SubscriptionConfirmation | MessageType::UnsubscribeConfirmation => {
                Some((line(self.subscribe_url, "SubscribeURL")?, line(self.token, "Token")?))
            }
        };
        Ok(Signed {
            kind,
            message: self.message.ok_or("Message")?,
            message_id: line(self.message_id, "MessageId")?,
            subject: self.subject.map(|subject| line(Some(subject), "Subject")).transpose()?,
            timestamp: line(self.timestamp, "Timestamp")?,
            topic: line(self.topic_arn, "TopicArn")?,
            subscription,
            signature_version: self.signature_version.ok_or("SignatureVersion")?,
            signature: self.signature.ok_or("Signature")?,
            certificate_url: self.signing_cert_url.ok_or("SigningCertURL")?,
        })
    }
}

/// What is signed is lines. With a line end in any member but `Message`, one signature would hold for several
/// envelopes; SNS itself allows none there.
fn line(member: Option<String>, name: &'static str) -> Result<String, &'static str> {
    member.filter(|text| !text.chars().any(char::is_control)).ok_or(name)
}

impl Signed {
    /// The string SNS signs: each member's name and value on a line of its own, sorted by name.
    pub(super) fn canonical(&self) -> String {
        let kind = match self.kind {
            MessageType::Notification => "Notification",
            MessageType::SubscriptionConfirmation => "SubscriptionConfirmation",
            MessageType::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        };
        let mut out = String::with_capacity(self.message.len() + 512);
        let mut push = |name: &str, value: &str| {
            for part in [name, "\n", value, "\n"] {
                out.push_str(part);
            }
        };
        push("Message", &self.message);
        push("MessageId", &self.message_id);
        if let Some((url, _)) = &self.subscription {
            push("SubscribeURL", url);
        } else if let Some(subject) = &self.subject {
            push("Subject", subject);
        }
        push("Timestamp", &self.timestamp);
        if let Some((_, token)) = &self.subscription {
            push("Token", token);
        }
        push("TopicArn", &self.topic);
        push("Type", kind);
        out
    }
}

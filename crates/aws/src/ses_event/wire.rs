//! The members of an SES event that matter here. Everything else SES writes, now or one day, is passed over.

use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

/// Either format: event publishing says `eventType`, legacy notifications say `notificationType`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    pub event_type: Option<String>,
    pub notification_type: Option<String>,
    pub mail: Option<Mail>,
    pub bounce: Option<Bounce>,
    pub complaint: Option<Complaint>,
    pub delivery: Option<Delivery>,
    pub delivery_delay: Option<DeliveryDelay>,
    pub reject: Option<Reject>,
    pub failure: Option<Failure>,
    pub open: Option<Engagement>,
    pub click: Option<Engagement>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mail {
    pub message_id: String,
    pub timestamp: Option<String>,
    pub destination: Option<Vec<String>>,
    pub headers: Option<Vec<Header>>,
    pub common_headers: Option<CommonHeaders>,
    pub tags: Option<Tags>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub name: Option<String>,
    pub value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommonHeaders {
    pub message_id: Option<String>,
}

/// The values of our own tag. Of the others not even the type matters.
#[derive(Debug)]
pub(super) struct Tags(pub Vec<String>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OwnTag;

        impl<'de> Visitor<'de> for OwnTag {
            type Value = Tags;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tags")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tags, A::Error> {
                let mut values = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == super::TAG {
                        values = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Tags(values))
            }
        }

        deserializer.deserialize_map(OwnTag)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bounce {
    pub bounce_type: String,
    pub bounce_sub_type: Option<String>,
    pub bounced_recipients: Vec<AboutRecipient>,
    pub timestamp: Option<String>,
    pub feedback_id: Option<String>,
}

/// One entry of `bouncedRecipients`, `complainedRecipients` or `delayedRecipients`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AboutRecipient {
    pub email_address: String,
    pub action: Option<String>,
    pub status: Option<String>,
    pub diagnostic_code: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Complaint {
    pub complained_recipients: Vec<AboutRecipient>,
    pub timestamp: Option<String>,
    pub feedback_id: Option<String>,
    pub complaint_sub_type: Option<String>,
    pub complaint_feedback_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delivery {
    pub timestamp: Option<String>,
    pub recipients: Vec<String>,
    pub smtp_response: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryDelay {
    pub timestamp: Option<String>,
    pub delay_type: Option<String>,
    pub delayed_recipients: Vec<AboutRecipient>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reject {
    pub reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    pub error_message: Option<String>,
}

/// An open or a click. Where from and with what is the reader's business and is not read.
#[derive(Debug, Deserialize)]
pub(super) struct Engagement {
    pub timestamp: Option<String>,
    pub link: Option<String>,
}

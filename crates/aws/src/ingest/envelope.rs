//! The envelope SNS puts around what is published, unless delivery to the queue is raw.

use std::collections::HashMap;

use serde::Deserialize;

use super::{NoEvent, loggable};

/// An envelope around something published. No order has members of these names in this spelling.
pub(super) struct Envelope {
    pub message: String,
    attributes: HashMap<String, Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    r#type: Option<String>,
    topic_arn: Option<String>,
    message: Option<String>,
    #[serde(default)]
    message_attributes: HashMap<String, Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    value: Option<String>,
}

impl Envelope {
    /// The envelope that `body` is; `None` if it is something else.
    pub(super) fn around(body: &str) -> Result<Option<Self>, NoEvent> {
        let Ok(wire) = serde_json::from_str::<Wire>(body) else { return Ok(None) };
        let (Some(kind), Some(_), Some(message)) = (wire.r#type, wire.topic_arn, wire.message) else {
            return Ok(None);
        };
        if kind != "Notification" {
            return Err(NoEvent::NoNotification(loggable(&kind).unwrap_or_default()));
        }
        Ok(Some(Self { message, attributes: wire.message_attributes }))
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.value.as_deref()
    }
}

//! What Lambda hands a function that is fed by an SQS queue, and what it wants to hear.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Messages of a queue.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct QueueBatch {
    /// The messages.
    #[serde(rename = "Records", default)]
    pub messages: Vec<QueueMessage>,
}

/// One message. Members that are not needed here are passed over.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueMessage {
    /// SQS's id of the message.
    #[serde(default)]
    pub message_id: String,
    /// What it says.
    pub body: Option<String>,
    /// What SQS says about it.
    #[serde(default)]
    pub attributes: HashMap<String, String>,
    /// What its sender said beside the body. SNS passes its own on where delivery is raw.
    #[serde(default)]
    pub message_attributes: HashMap<String, MessageAttribute>,
}

/// A message attribute, as far as it is text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageAttribute {
    /// The text.
    pub string_value: Option<String>,
}

impl QueueMessage {
    /// The text of a message attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.message_attributes.get(name)?.string_value.as_deref()
    }

    /// How often SQS has handed the message over, this time included; 1 if it does not say.
    #[must_use]
    pub fn receive_count(&self) -> u64 {
        self.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
    }

    /// The X-Ray trace under which the message was sent: `1-5759e988-bd862e3fe1be46a994272793`.
    #[must_use]
    pub fn trace_root(&self) -> Option<&str> {
        trace_root(self.attributes.get("AWSTraceHeader")?)
    }
}

/// The trace id in an X-Ray header, `Root=1-…;Parent=…;Sampled=1`.
#[must_use]
pub fn trace_root(header: &str) -> Option<&str> {
    header.split(';').find_map(|part| part.trim().strip_prefix("Root=")).filter(|root| !root.is_empty())
}

/// The answer to a batch: which of its messages must come again. SQS forgets the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// Those that must come again.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// One message that must come again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its id. Should one be empty, Lambda takes the whole batch for failed, which loses nothing.
    pub item_identifier: String,
}

impl BatchAnswer {
    /// Says that the message must come again.
    pub fn again(&mut self, message_id: String) {
        self.batch_item_failures.push(BatchItemFailure { item_identifier: message_id });
    }
}

//! What SES has accepted.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// A message as it was handed to SES.
#[derive(Clone, Debug)]
pub struct SentMail {
    /// 1 for the first message of the account, and so on.
    pub sequence: u64,
    /// The id that SES answered.
    pub message_id: String,
    /// When it was accepted, in milliseconds since 1970.
    pub at_ms: u64,
    /// The sender as given.
    pub from: String,
    /// Everybody it goes to.
    pub recipients: Vec<String>,
    /// The configuration set that was named.
    pub configuration_set: Option<String>,
    /// The tags that were given.
    pub tags: BTreeMap<String, String>,
    /// The message as it was given, byte by byte.
    pub raw: Vec<u8>,
}

impl SentMail {
    pub(super) fn read(shown: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let tags = shown["tags"].as_object().into_iter().flatten();
        Self {
            sequence: shown["sequence"].as_u64().unwrap_or_default(),
            message_id: text(&shown["messageId"]),
            at_ms: shown["atMs"].as_u64().unwrap_or_default(),
            from: text(&shown["from"]),
            recipients: shown["recipients"].as_array().into_iter().flatten().map(text).collect(),
            configuration_set: shown["configurationSet"].as_str().map(str::to_owned),
            tags: tags.map(|(name, value)| (name.clone(), text(value))).collect(),
            raw: BASE64_STANDARD.decode(text(&shown["raw"])).unwrap_or_default(),
        }
    }
}

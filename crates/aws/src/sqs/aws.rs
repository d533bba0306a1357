//! The queue at Amazon, or at something that speaks its protocol.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use postrider_core::limits::{AWS_CONNECT_TIMEOUT_MS, SQS_BATCH_MAX, SQS_WAIT_SECS};

use super::poll::{Queue, QueueFault, Received};
use crate::ingest::{EVENT_TYPE_ATTRIBUTE, MessageAttribute, QueueMessage};
use crate::sdk::{self, SdkPlace, words_of};

/// Which queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqsConfig {
    /// The queue's URL, as SQS shows it.
    pub queue_url: String,
    /// The region; `None` takes it from the URL, or else from the environment as all of Amazon's tools do.
    pub region: Option<String>,
    /// Where to send requests instead of to Amazon, for an emulator.
    pub endpoint_url: Option<String>,
}

/// A queue at Amazon.
pub struct AwsQueue {
    client: Client,
    queue_url: String,
}

impl fmt::Debug for AwsQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsQueue").field("queue_url", &self.queue_url).finish_non_exhaustive()
    }
}

impl AwsQueue {
    /// The queue `config` names, with the credentials the environment gives: variables, profile, container or instance
    /// role. Nothing is sent yet.
    pub async fn connect(config: SqsConfig) -> Self {
        let region = config.region.clone().or_else(|| region_of(&config.queue_url));
        let sdk = sdk::load(&SdkPlace { region, endpoint_url: None }).await;
        Self::with_sdk(&sdk, config)
    }

    /// The same with settings of one's own.
    #[must_use]
    pub fn with_sdk(sdk: &SdkConfig, config: SqsConfig) -> Self {
        // A request that waits for messages takes longer than any other.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(AWS_CONNECT_TIMEOUT_MS))
            .operation_attempt_timeout(Duration::from_secs(SQS_WAIT_SECS + 10))
            .build();
        let mut builder = aws_sdk_sqs::config::Builder::from(sdk).timeout_config(timeouts);
        if let Some(endpoint) = config.endpoint_url {
            builder = builder.endpoint_url(endpoint);
        }
        Self { client: Client::from_conf(builder.build()), queue_url: config.queue_url }
    }
}

/// The region in `https://sqs.<region>.amazonaws.com/…`.
fn region_of(queue_url: &str) -> Option<String> {
    let region = queue_url.strip_prefix("https://sqs.")?.split_once(".amazonaws.com")?.0;
    region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-').then(|| region.to_owned())
}

fn fault<E: std::error::Error>(error: &E) -> QueueFault {
    QueueFault(words_of(error))
}

fn message_of(message: Message) -> QueueMessage {
    let attributes = message.attributes.unwrap_or_default().into_iter();
    let own = message.message_attributes.unwrap_or_default().into_iter();
    QueueMessage {
        message_id: message.message_id.unwrap_or_default(),
        body: message.body,
        attributes: attributes.map(|(name, value)| (name.as_str().to_owned(), value)).collect(),
        message_attributes: own
            .map(|(name, value)| (name, MessageAttribute { string_value: value.string_value }))
            .collect(),
    }
}

#[async_trait]
impl Queue for AwsQueue {
    async fn receive(&self) -> Result<Vec<Received>, QueueFault> {
        let request = self.client.receive_message().queue_url(&self.queue_url);
        let request = request
            .max_number_of_messages(i32::try_from(SQS_BATCH_MAX).unwrap_or(10))
            .message_attribute_names(EVENT_TYPE_ATTRIBUTE)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::AwsTraceHeader)
            .wait_time_seconds(i32::try_from(SQS_WAIT_SECS).unwrap_or(20));
        let answer = request.send().await.map_err(|error| fault(&error))?;
        let messages = answer.messages.unwrap_or_default().into_iter().filter_map(|message| {
            Some(Received { receipt: message.receipt_handle.clone()?, message: message_of(message) })
        });
        Ok(messages.collect())
    }

    async fn delete(&self, receipts: Vec<String>) -> Result<(), QueueFault> {
        let mut entries = Vec::with_capacity(receipts.len());
        for (number, receipt) in receipts.into_iter().enumerate() {
            let entry =
                DeleteMessageBatchRequestEntry::builder().id(number.to_string()).receipt_handle(receipt);
            entries.push(entry.build().map_err(|error| fault(&error))?);
        }
        let request =
            self.client.delete_message_batch().queue_url(&self.queue_url).set_entries(Some(entries));
        let answer = request.send().await.map_err(|error| fault(&error))?;
        match answer.failed.first() {
            None => Ok(()),
            Some(failed) => {
                Err(QueueFault(format!("{} were not deleted: {}", answer.failed.len(), failed.code)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_stands_in_the_url_of_a_queue() {
        assert_eq!(
            region_of("https://sqs.eu-central-1.amazonaws.com/111122223333/feedback").as_deref(),
            Some("eu-central-1")
        );
        assert_eq!(region_of("https://sqs.cn-north-1.amazonaws.com.cn/1/q").as_deref(), Some("cn-north-1"));
        assert_eq!(region_of("http://localhost:5000/111122223333/feedback"), None);
    }
}

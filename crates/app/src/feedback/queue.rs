//! What comes over the queue at Amazon.

use async_trait::async_trait;
use postrider_aws::ingest::{QueueMessage, loggable};
use postrider_aws::sqs::{Handler, Retry, ses_event_of_sqs_body};
use postrider_http::state::Api;

/// Records what messages of the queue say.
pub(super) struct Reports {
    api: Api,
}

impl Reports {
    pub(super) fn new(api: Api) -> Self {
        Self { api }
    }
}

#[async_trait]
impl Handler for Reports {
    async fn handle(&self, message: &QueueMessage) -> Result<(), Retry> {
        let body = message.body.as_deref().unwrap_or_default();
        let event = ses_event_of_sqs_body(body).map_err(|error| {
            // It stays, and goes to the queue's own dead letters after as many tries as its redrive policy says.
            let message_id = loggable(&message.message_id);
            tracing::warn!(message_id, %error, "a message of the feedback queue is no event of SES");
            Retry
        })?;
        match self.api.take_reports(&event.references, event.reports).await {
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::error!(%error, "a report could not be recorded; it stays in the queue");
                Err(Retry)
            }
        }
    }
}

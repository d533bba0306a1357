//! SES events out of an SQS queue: no public endpoint is needed, and nothing is lost while we are away.

mod aws;
mod poll;

pub use aws::{AwsQueue, SqsConfig};
pub use poll::{Handler, Queue, QueueFault, Received, Retry, poll};

use postrider_core::limits::SNS_BODY_BYTES_MAX;

use crate::ses_event::{self, InvalidEvent, SesEvent};
use crate::sns::envelope::Envelope;

/// The SES event in the body of an SQS message, with the envelope of SNS around it or raw.
///
/// Whoever may write to the queue is decided by its access policy, so no signature is looked at.
///
/// # Errors
/// Why there is no SES event.
pub fn ses_event_of_sqs_body(body: &str) -> Result<SesEvent, InvalidEvent> {
    if body.len() > SNS_BODY_BYTES_MAX {
        return Err(InvalidEvent::TooLarge);
    }
    let enveloped = serde_json::from_str::<Envelope>(body).ok();
    let message =
        enveloped.filter(|envelope| !envelope.is_bare_event()).and_then(|envelope| envelope.message);
    ses_event::read(message.as_deref().unwrap_or(body).as_bytes())
}

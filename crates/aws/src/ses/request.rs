//! One `SendEmail`, and how far it came.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_sesv2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sesv2::error::{BoxError, BuildError, SdkError};
use aws_sdk_sesv2::operation::send_email::{SendEmailError, SendEmailOutput};
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, MessageTag, RawMessage};
use postrider_core::domain::address::EmailAddress;
use postrider_core::ports::mailer::OutgoingMessage;

use crate::ses_event::TAG;

/// Set once a request has been handed to the transport: from then on SES may get it.
#[derive(Clone, Debug, Default)]
pub(super) struct OnItsWay(Arc<AtomicBool>);

impl OnItsWay {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Intercept for OnItsWay {
    fn name(&self) -> &'static str {
        "OnItsWay"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(true, Ordering::Release);
        Ok(())
    }
}

/// Asks SES to send `message` to its one recipient, whatever its header says.
pub(super) async fn send(
    client: &Client,
    from: &EmailAddress,
    configuration_set: Option<&str>,
    message: &OutgoingMessage,
    on_its_way: OnItsWay,
) -> Result<SendEmailOutput, SdkError<SendEmailError>> {
    let unmade = |error: BuildError| SdkError::construction_failure(error);
    let raw = RawMessage::builder().data(Blob::new(message.message.as_slice())).build().map_err(unmade)?;
    let id = message.notification_id.to_string();
    let tag = MessageTag::builder().name(TAG).value(id).build().map_err(unmade)?;
    client
        .send_email()
        .from_email_address(from.as_str())
        .destination(Destination::builder().to_addresses(message.envelope.recipient.as_str()).build())
        .set_configuration_set_name(configuration_set.map(str::to_owned))
        .email_tags(tag)
        .content(EmailContent::builder().raw(raw).build())
        .customize()
        .interceptor(on_its_way)
        .send()
        .await
}

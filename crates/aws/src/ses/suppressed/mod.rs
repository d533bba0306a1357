//! The suppression list of the SES account, and keeping ours in step with it.
//!
//! What goes on our list by a hard bounce or a complaint is put on the account's; what the account's gains is taken in.
//! Nothing of ours goes because theirs lacks it. What a person takes off ours is taken off theirs first
//! ([`ListElsewhere`]), or it would come back.

mod pass;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::delete_suppressed_destination::DeleteSuppressedDestinationError;
use postrider_core::domain::address::EmailAddress;
use postrider_core::limits::{AWS_CONNECT_TIMEOUT_MS, SES_LIST_TIMEOUT_MS, SES_LOOK_TIMEOUT_MS};
use postrider_core::ports::feedback::{ElsewhereError, ListElsewhere};

use crate::sdk::words_of;

pub use pass::{Mirror, MirrorError, Mirrored, Progress};

/// Who says that an entry of ours is on the account's list.
pub const SOURCE_ACCOUNT: &str = "ses_account";

/// Which way entries go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From here to the account.
    To,
    /// From the account to here.
    From,
    /// Both.
    Both,
}

impl Direction {
    /// Whether entries of ours go to the account.
    #[must_use]
    pub fn gives(self) -> bool {
        matches!(self, Self::To | Self::Both)
    }

    /// Whether entries of the account come to us.
    #[must_use]
    pub fn takes(self) -> bool {
        matches!(self, Self::From | Self::Both)
    }
}

/// The suppression list of an SES account in one region.
#[derive(Clone)]
pub struct AccountList {
    client: Client,
    /// Between two requests: SES lets an account make one a second of each kind.
    pause: Duration,
}

impl fmt::Debug for AccountList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountList").field("pause", &self.pause).finish_non_exhaustive()
    }
}

impl AccountList {
    /// The list of the account `sdk` leads to. `pause` lies between two requests of one pass; SES lets an account make
    /// about one a second.
    #[must_use]
    pub fn new(sdk: &SdkConfig, pause: Duration) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(AWS_CONNECT_TIMEOUT_MS))
            .operation_attempt_timeout(Duration::from_millis(SES_LOOK_TIMEOUT_MS))
            .operation_timeout(Duration::from_millis(SES_LIST_TIMEOUT_MS));
        let config = aws_sdk_sesv2::config::Builder::from(sdk)
            // Putting and deleting twice is the same as once, so here the SDK may try again.
            .retry_config(RetryConfig::standard())
            .timeout_config(timeouts.build())
            .build();
        Self { client: Client::from_conf(config), pause }
    }
}

#[async_trait]
impl ListElsewhere for AccountList {
    async fn remove(&self, address: &EmailAddress) -> Result<(), ElsewhereError> {
        let request = self.client.delete_suppressed_destination().email_address(address.as_str());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteSuppressedDestinationError::is_not_found_exception) =>
            {
                Ok(())
            }
            Err(error) => {
                // SES's words may repeat the address.
                let code = code_of(&error);
                tracing::warn!(code, "an address could not be taken off the account's suppression list");
                Err(ElsewhereError { list: "the suppression list of the SES account", code })
            }
        }
    }
}

/// The code of a refusal, or what else went wrong, without anything SES says about addresses.
fn code_of<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.as_service_error() {
        Some(refusal) => refusal.code().unwrap_or("no code").to_owned(),
        None => words_of(error),
    }
}

//! The table behind the AWS SDK.
//!
//! The SDK's own retries are switched off: one layer repeats calls, and it is the ledger's, which knows what may be
//! repeated and recognises a write of its own whose answer was lost.

mod attributes;
mod consumed;
mod create;
mod errors;
mod table;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use postrider_core::limits::{AWS_CONNECT_TIMEOUT_MS, DYNAMODB_CALL_MS_MAX};

pub use create::{CreateError, create_table};

use crate::meter::Meter;

/// A table of DynamoDB.
#[derive(Debug)]
pub struct SdkTable {
    client: Client,
    name: String,
    meter: Meter,
}

impl SdkTable {
    /// The table `name`, reached as `sdk` says, at `endpoint_url` if given. Nothing is sent yet. The SDK has no client for
    /// HTTP of its own here: `sdk` must bring one.
    #[must_use]
    pub fn new(sdk: &SdkConfig, name: impl Into<String>, endpoint_url: Option<&str>) -> Self {
        let patience = Duration::from_millis(DYNAMODB_CALL_MS_MAX);
        Self::with_patience(sdk, name, endpoint_url, patience)
    }

    /// The same with another time after which a call is given up: an emulator may take longer than the service does.
    #[must_use]
    pub fn with_patience(
        sdk: &SdkConfig,
        name: impl Into<String>,
        endpoint_url: Option<&str>,
        patience: Duration,
    ) -> Self {
        let client = client(sdk, endpoint_url, patience);
        Self { client, name: name.into(), meter: Meter::default() }
    }
}

fn client(sdk: &SdkConfig, endpoint_url: Option<&str>, patience: Duration) -> Client {
    debug_assert!(sdk.http_client().is_some(), "without a client for HTTP nothing is ever answered");
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(AWS_CONNECT_TIMEOUT_MS))
        .operation_attempt_timeout(patience)
        .build();
    let mut config = aws_sdk_dynamodb::config::Builder::from(sdk)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    if let Some(url) = endpoint_url {
        config = config.endpoint_url(url);
    }
    Client::from_conf(config.build())
}

//! Settings of Amazon's SDK, loaded in one place: who asks, where, and over which TLS.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{SharedCredentialsProvider, SharedHttpClient};
use postrider_core::limits::AWS_CONNECT_TIMEOUT_MS;

use crate::http_client::{Roots, http_client};

/// Bytes of an error's words that are kept.
const WORDS_BYTES_MAX: usize = 500;

/// Where requests go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SdkPlace {
    /// The region; `None` takes it from the environment as all of Amazon's tools do.
    pub region: Option<String>,
    /// Where to send requests instead of to Amazon, for an emulator.
    pub endpoint_url: Option<String>,
}

/// The settings for `place`, with the credentials the environment gives: variables, profile, container or instance role.
///
/// Nothing is asked of any service yet, unless the environment names no region: then the machine's metadata service is.
pub async fn load(place: &SdkPlace) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(Roots::System))
        .timeout_config(timeouts());
    if let Some(region) = &place.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &place.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

/// The settings for `place` in a Lambda function: region, credentials and an emulator's `AWS_ENDPOINT_URL` stand in the
/// environment, and nothing else is looked at. The credentials last as long as the process does. Requests are made by
/// `http_client`, one for the whole process.
///
/// Besides what it spares at start, this keeps every other source of credentials out of the program.
#[must_use]
pub fn load_for_function(place: &SdkPlace, http_client: SharedHttpClient) -> SdkConfig {
    let region = place.region.clone().or_else(|| std::env::var("AWS_REGION").ok());
    let endpoint_url = place.endpoint_url.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok());
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(http_client)
        .timeout_config(timeouts())
        // Every call has a time by which it must be done, and nothing that is read is long.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .region(region.map(Region::new));
    builder.set_endpoint_url(endpoint_url);
    builder.build()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_millis(AWS_CONNECT_TIMEOUT_MS)).build()
}

/// What `error` and everything below it say, cut to a length that a log can take.
pub(crate) fn words_of<E: std::error::Error>(error: &E) -> String {
    let mut words = aws_sdk_sqs::error::DisplayErrorContext(error).to_string();
    let mut end = words.len().min(WORDS_BYTES_MAX);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    words.truncate(end);
    words
}

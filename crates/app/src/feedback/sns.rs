//! Whom the SNS endpoint believes, and how it fetches what it must.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use postrider_aws::sns::{CertificateFetcher, FetchFailed, InvalidSnsConfig, SnsConfig, SnsVerifier};
use postrider_core::limits::{SNS_BODIES_BYTES_MAX, SNS_CONFIRMATION_BYTES_MAX};
use postrider_http::BodyRoom;
use postrider_http::sns::{SnsEndpoint, SubscriptionConfirmer};
use postrider_webhook::client::OutboundSetupError;
use postrider_webhook::{OutboundClient, OutboundConfig};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use postrider_environment::config::SnsSettings;

/// Why SNS cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum SnsError {
    /// The settings cannot work.
    #[error(transparent)]
    Config(#[from] InvalidSnsConfig),
    /// There is no way to fetch certificates.
    #[error(transparent)]
    Client(#[from] OutboundSetupError),
    /// The intermediates cannot be read.
    #[error("feedback.sns_intermediates_file {path} is not a PEM file with certificates: {reason}")]
    Intermediates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The endpoint's parts, for topics that may write.
///
/// # Errors
/// [`SnsError`].
pub fn endpoint(settings: &SnsSettings) -> Result<SnsEndpoint, SnsError> {
    let intermediates = match &settings.intermediates_file {
        None => Vec::new(),
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| SnsError::Intermediates { path: path.clone(), reason: error.to_string() })?,
    };
    // Roots that the system has and that cannot be read are of no use, and no reason to stop.
    let roots = rustls_native_certs::load_native_certs().certs;
    let config = SnsConfig { topics: settings.topics.clone(), roots, intermediates };
    // The verifier passes only addresses at SNS over https, and Amazon's public repository of certificates over http:
    // what comes from there is believed only below a trusted root.
    let client = OutboundClient::new(OutboundConfig { allow_http: true, ..OutboundConfig::default() })?;
    let outside = Arc::new(Outside { client });
    let verifier = SnsVerifier::new(config, Arc::clone(&outside) as _)?;
    Ok(SnsEndpoint { verifier, room: BodyRoom::of(SNS_BODIES_BYTES_MAX), confirmer: outside })
}

struct Outside {
    client: OutboundClient,
}

#[async_trait]
impl CertificateFetcher for Outside {
    async fn fetch(&self, url: &str, bytes_max: usize) -> Result<Vec<u8>, FetchFailed> {
        let answer = self.client.get(url, bytes_max).await.map_err(|error| FetchFailed(error.to_string()))?;
        if answer.status.is_success() {
            Ok(answer.body)
        } else {
            Err(FetchFailed(format!("the answer was {}", answer.status)))
        }
    }
}

#[async_trait]
impl SubscriptionConfirmer for Outside {
    async fn confirm(&self, url: &str) -> Result<(), String> {
        let answer =
            self.client.get(url, SNS_CONFIRMATION_BYTES_MAX).await.map_err(|error| error.to_string())?;
        if answer.status.is_success() { Ok(()) } else { Err(format!("SNS answered {}", answer.status)) }
    }
}

//! The settings of what comes back.

use std::net::SocketAddr;
use std::path::PathBuf;

use postrider_aws::sqs::SqsConfig;
use postrider_core::limits::SQS_RECEIVERS_MAX;

use super::load::ConfigError;
use super::reader::Reader;
use super::settings::SenderSettings;

/// The ways by which reports come in.
#[derive(Clone, Debug, Default)]
pub struct FeedbackSettings {
    /// A server for the bounce domain.
    pub listener: Option<ListenerSettings>,
    /// Topics of Amazon SNS that may write to us.
    pub sns: Option<SnsSettings>,
    /// A queue at Amazon SQS.
    pub sqs: Option<SqsSettings>,
}

/// A server for the bounce domain.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether it speaks LMTP, behind a mail server of one's own, instead of SMTP.
    pub is_lmtp: bool,
    /// What it calls itself.
    pub hostname: String,
    /// What it shows after STARTTLS, which it offers if this is given.
    pub certificate: Option<CertificateFiles>,
}

/// A certificate and its key, each in a PEM file.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate, and those that lead to its authority.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Topics of Amazon SNS.
#[derive(Clone, Debug)]
pub struct SnsSettings {
    /// By their full ARN.
    pub topics: Vec<String>,
    /// Certificates of Amazon's intermediate authorities.
    pub intermediates_file: Option<PathBuf>,
}

/// A queue at Amazon SQS.
#[derive(Clone, Debug)]
pub struct SqsSettings {
    /// Which.
    pub config: SqsConfig,
    /// How many requests ask it at the same time.
    pub receivers: usize,
}

pub(super) fn read_feedback(
    read: &Reader<'_>,
    sender: &SenderSettings,
) -> Result<FeedbackSettings, ConfigError> {
    Ok(FeedbackSettings {
        listener: read_listener(read, sender)?,
        sns: read_sns(read)?,
        sqs: read_queue(read, "feedback")?,
    })
}

fn read_listener(
    read: &Reader<'_>,
    sender: &SenderSettings,
) -> Result<Option<ListenerSettings>, ConfigError> {
    let is_lmtp = read.choice("feedback.protocol", &[("smtp", false), ("lmtp", true)])?.unwrap_or(false);
    let Some(text) = read.text("feedback.listen") else { return Ok(None) };
    let listen = text.parse().map_err(|_| {
        read.invalid("feedback.listen", "must be an address and a port, such as 0.0.0.0:25 or 127.0.0.1:2525")
    })?;
    let Some(domain) = &sender.bounce_domain else {
        let message =
            "needs sender.bounce_domain: the listener takes mail for return paths of that domain only";
        return Err(read.invalid("feedback.listen", message));
    };
    let hostname = read.text("feedback.hostname").unwrap_or_else(|| domain.clone());
    let certificate = match (read.path("feedback.tls_certificate_file"), read.path("feedback.tls_key_file")) {
        (None, None) => None,
        (Some(chain), Some(key)) => Some(CertificateFiles { chain, key }),
        (Some(_), None) => {
            return Err(
                read.invalid("feedback.tls_certificate_file", "needs feedback.tls_key_file beside it")
            );
        }
        (None, Some(_)) => {
            return Err(
                read.invalid("feedback.tls_key_file", "needs feedback.tls_certificate_file beside it")
            );
        }
    };
    Ok(Some(ListenerSettings { listen, is_lmtp, hostname, certificate }))
}

fn read_sns(read: &Reader<'_>) -> Result<Option<SnsSettings>, ConfigError> {
    let Some(text) = read.text("feedback.sns_topics") else { return Ok(None) };
    let topics: Vec<_> =
        text.split([',', ' ']).filter(|topic| !topic.is_empty()).map(str::to_owned).collect();
    if topics.is_empty() || topics.iter().any(|topic| !topic.starts_with("arn:")) {
        return Err(read.invalid("feedback.sns_topics", "must be ARNs of SNS topics, separated by commas"));
    }
    Ok(Some(SnsSettings { topics, intermediates_file: read.path("feedback.sns_intermediates_file") }))
}

/// The queue whose settings are `sqs_…` in `section`.
pub(super) fn read_queue(read: &Reader<'_>, section: &str) -> Result<Option<SqsSettings>, ConfigError> {
    let path = |name: &str| format!("{section}.sqs_{name}");
    let Some(queue_url) = read.url(&path("queue_url"))? else { return Ok(None) };
    let region = read.text(&path("region"));
    let endpoint_url = read.url(&path("endpoint_url"))?;
    let receivers = read.size(&path("receivers"), 4, 1, SQS_RECEIVERS_MAX)?;
    Ok(Some(SqsSettings { config: SqsConfig { queue_url, region, endpoint_url }, receivers }))
}

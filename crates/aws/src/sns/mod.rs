//! What SNS posts to an HTTPS endpoint, and whether SNS it is.
//!
//! Everything must hold together: the topic is one of ours, the message is fresh, the certificate lies at SNS, is made out
//! to SNS and leads to a trusted root, and the signature holds. Before the topic is known nothing is fetched.
//!
//! SNS tries an HTTPS endpoint again for an hour at most (the 23 days of its documentation are for queues and functions),
//! so a message older than two hours is a replay. Within that time the ids of messages dealt with are remembered; a
//! message that comes again is no forgery but SNS's at-least-once, to be answered with 200 and nothing else.
//!
//! Certificates are not looked up in revocation lists: Amazon replaces them about once a year, at another address.

mod address;
mod certificates;
pub(crate) mod envelope;
mod memory;
mod signature;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{SNS_BODY_BYTES_MAX, SNS_MESSAGE_AGE_MS_MAX, SNS_MESSAGE_AHEAD_MS_MAX};
use rustls_pki_types::CertificateDer;

use certificates::Certificates;
use envelope::{Envelope, MessageType, Signed};
use memory::Memory;

/// Fetches certificate files.
#[async_trait]
pub trait CertificateFetcher: Send + Sync {
    /// GETs `url`, follows no redirect and takes at most `bytes_max` bytes. `https://sns.….amazonaws.com/…` comes over
    /// TLS that verifies the host; `http://crt.….amazontrust.com/…` is public and comes in the clear.
    async fn fetch(&self, url: &str, bytes_max: usize) -> Result<Vec<u8>, FetchFailed>;
}

/// Why a file did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchFailed(pub String);

/// Whom to believe.
#[derive(Clone, Default)]
pub struct SnsConfig {
    /// The topics that may write to us, by their full ARN.
    pub topics: Vec<String>,
    /// The roots a certificate must lead to: the system's. Those that cannot be read are passed over.
    pub roots: Vec<CertificateDer<'static>>,
    /// Certificates of Amazon's intermediate authorities, for a server that may not reach `crt.….amazontrust.com`.
    pub intermediates: Vec<CertificateDer<'static>>,
}

/// Why a configuration cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSnsConfig {
    /// No topic is allowed.
    #[error(
        "no SNS topic is named, so every message would be refused: name the ARN of each topic that may write here"
    )]
    NoTopic,
    /// It is not the ARN of a topic.
    #[error("{0:?} is not the ARN of an SNS topic, such as arn:aws:sns:eu-central-1:111122223333:shop-mail")]
    Topic(String),
    /// There are no roots.
    #[error(
        "no trusted root certificate was found, so no signature could be believed: install the system's CA certificates"
    )]
    NoRoots,
}

/// A message that SNS sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The topic it came from, one of ours.
    pub topic: String,
    /// SNS's id of the message.
    pub message_id: String,
    /// What it brings.
    pub content: Content,
    /// Whether it has been dealt with before ([`SnsVerifier::remember`]).
    pub repeated: bool,
}

/// What a message brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Something was published; for us an SES event, for [`crate::ses_event::read`].
    Notification(String),
    /// SNS asks whether this endpoint wants the topic's messages. A GET of the URL says yes; it has been checked to lead
    /// to SNS and to confirm this topic and nothing else.
    SubscriptionConfirmation(String),
    /// Somebody ended our subscription: no more feedback will come. A GET of the URL takes it up again.
    UnsubscribeConfirmation(String),
}

/// Why a message is refused. Nothing of it has had any effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Larger than any message of SNS.
    #[error("the message is larger than {SNS_BODY_BYTES_MAX} bytes, which SNS never sends")]
    TooLarge,
    /// It is no envelope of SNS.
    #[error("not a message of SNS: it is not JSON with members of the documented types")]
    NotJson,
    /// A member is missing, or holds what it never holds.
    #[error("not a message of SNS: `{0}` is missing or malformed")]
    Member(&'static str),
    /// The subscription has raw message delivery, which leaves the signature out.
    #[error(
        "the message has no envelope and so no signature: switch raw message delivery off for this subscription"
    )]
    RawDelivery,
    /// Its topic is not allowed.
    #[error("the message's topic is not among those allowed")]
    ForeignTopic,
    /// Too old, or from the future.
    #[error(
        "the message is older than SNS tries to deliver one, or from the future; it may have been recorded and replayed"
    )]
    NotFresh,
    /// The certificate does not lie at SNS.
    #[error("the message's certificate does not come from SNS")]
    CertificateUrl,
    /// The certificate could not be had. Trying later may help.
    #[error("the certificate that signed the message cannot be fetched right now")]
    CertificateUnavailable,
    /// The certificate is not to be trusted.
    #[error("the certificate that signed the message is not to be trusted: {0}")]
    Untrusted(&'static str),
    /// The signature does not hold.
    #[error("the message's signature does not hold")]
    Signature,
    /// The confirmation leads elsewhere.
    #[error("the message's SubscribeURL does not confirm its own topic at SNS")]
    SubscribeUrl,
}

impl Refusal {
    /// The HTTP status to answer with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::NotJson | Self::Member(_) => 400,
            // SNS tries again.
            Self::CertificateUnavailable => 503,
            Self::RawDelivery
            | Self::ForeignTopic
            | Self::NotFresh
            | Self::CertificateUrl
            | Self::Untrusted(_)
            | Self::Signature
            | Self::SubscribeUrl => 403,
        }
    }

    /// The name in metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotJson | Self::Member(_) => "malformed",
            Self::RawDelivery => "raw_delivery",
            Self::ForeignTopic => "foreign_topic",
            Self::NotFresh => "not_fresh",
            Self::CertificateUrl => "certificate_url",
            Self::CertificateUnavailable => "certificate_unavailable",
            Self::Untrusted(_) => "untrusted_certificate",
            Self::Signature => "signature",
            Self::SubscribeUrl => "subscribe_url",
        }
    }
}

/// Tells messages of SNS from those of anybody else.
pub struct SnsVerifier {
    topics: HashSet<String>,
    certificates: Certificates,
    memory: Mutex<Memory>,
}

impl fmt::Debug for SnsVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnsVerifier").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl SnsVerifier {
    /// A verifier that believes whom `config` names.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(config: SnsConfig, fetcher: Arc<dyn CertificateFetcher>) -> Result<Self, InvalidSnsConfig> {
        if config.topics.is_empty() {
            return Err(InvalidSnsConfig::NoTopic);
        }
        if let Some(topic) = config.topics.iter().find(|topic| !address::is_topic(topic)) {
            return Err(InvalidSnsConfig::Topic(topic.clone()));
        }
        let anchor = |root| webpki::anchor_from_trusted_cert(root).ok().map(|anchor| anchor.to_owned());
        let roots: Vec<_> = config.roots.iter().filter_map(anchor).collect();
        if roots.is_empty() {
            return Err(InvalidSnsConfig::NoRoots);
        }
        Ok(Self {
            topics: config.topics.into_iter().collect(),
            certificates: Certificates::new(roots, config.intermediates, fetcher),
            memory: Mutex::default(),
        })
    }

    /// Whether the body of a request is a message that SNS sent to us.
    ///
    /// # Errors
    /// Why it is not, or cannot be told.
    pub async fn verify(&self, body: &[u8], now: Timestamp) -> Result<Verified, Refusal> {
        if body.len() > SNS_BODY_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let envelope: Envelope = serde_json::from_slice(body).map_err(|_| Refusal::NotJson)?;
        if envelope.is_bare_event() {
            return Err(Refusal::RawDelivery);
        }
        let signed = envelope.signed().map_err(Refusal::Member)?;
        if !self.topics.contains(&signed.topic) {
            return Err(Refusal::ForeignTopic);
        }
        let sent_at: Timestamp = signed.timestamp.parse().map_err(|_| Refusal::Member("Timestamp"))?;
        if now.ms_since(sent_at) > SNS_MESSAGE_AGE_MS_MAX || sent_at.ms_since(now) > SNS_MESSAGE_AHEAD_MS_MAX
        {
            return Err(Refusal::NotFresh);
        }
        self.check_signature(&signed, now).await?;
        self.content(signed)
    }

    async fn check_signature(&self, signed: &Signed, now: Timestamp) -> Result<(), Refusal> {
        let place = address::certificate_url(&signed.certificate_url).ok_or(Refusal::CertificateUrl)?;
        let algorithm =
            signature::algorithm(&signed.signature_version).ok_or(Refusal::Member("SignatureVersion"))?;
        let signature = STANDARD.decode(&signed.signature).map_err(|_| Refusal::Member("Signature"))?;
        let chain = self.certificates.trusted(&signed.certificate_url, &place, now).await?;
        let canonical = signed.canonical();
        let held = chain.signer()?.verify_signature(algorithm, canonical.as_bytes(), &signature);
        held.map_err(|_| Refusal::Signature)
    }

    fn content(&self, signed: Signed) -> Result<Verified, Refusal> {
        let content = match signed.subscription {
            None => Content::Notification(signed.message),
            Some((url, token)) => {
                if !address::is_subscribe_url(&url, &signed.topic, &token) {
                    return Err(Refusal::SubscribeUrl);
                }
                match signed.kind {
                    MessageType::UnsubscribeConfirmation => Content::UnsubscribeConfirmation(url),
                    MessageType::SubscriptionConfirmation | MessageType::Notification => {
                        Content::SubscriptionConfirmation(url)
                    }
                }
            }
        };
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = memory.knows(&signed.topic, &signed.message_id);
        drop(memory);
        Ok(Verified { topic: signed.topic, message_id: signed.message_id, content, repeated })
    }

    /// Remembers that a message has been dealt with. To be called once its effect is durable, not before: what failed must
    /// be taken for new when SNS tries again.
    pub fn remember(&self, message: &Verified, now: Timestamp) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.remember(&message.topic, &message.message_id, now);
    }
}

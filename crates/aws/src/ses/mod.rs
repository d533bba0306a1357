//! Sends through Amazon SES: the API v2, one message to one recipient a call.
//!
//! `request` is the call and how far it came; `outcome` alone decides what a failure means; `account` keeps to the
//! account's rate and quota; `identity` tells a sender that is not verified from a message that is refused;
//! `suppressed` mirrors the account's suppression list.

pub mod account;
mod identity;
pub mod outcome;
mod request;
pub mod suppressed;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::ProvideErrorMetadata as _;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::outcome::{AttemptOutcome, Cause, Failure, FailureClass, Words};
use postrider_core::limits::{AWS_CONNECT_TIMEOUT_MS, SES_LOOK_TIMEOUT_MS};
use postrider_core::ports::clock::Clock;
use postrider_core::ports::mailer::{Mailer, OutgoingMessage, Stop};

pub use account::{Account, AccountView};

use identity::{Identity, Verified};
use outcome::Trouble;
use request::OnItsWay;

/// How messages are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SesConfig {
    /// The sender that SES has verified, and the one it is told. Bounces come as events and not to a return path.
    pub from: EmailAddress,
    /// Whose rules the messages follow, and who hears of them. Without one SES reports nothing that leads back here
    /// but by the Message-ID.
    pub configuration_set: Option<String>,
    /// How long SES may take for one message, in milliseconds.
    pub timeout_ms: u64,
}

/// Sends through Amazon SES.
pub struct SesMailer {
    client: Client,
    config: SesConfig,
    identity: Identity,
    account: Arc<Account>,
    /// How long a message may wait for its turn here; `None` if whoever sends keeps the pace.
    turn_wait_max: Option<Duration>,
}

impl fmt::Debug for SesMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SesMailer").field("config", &self.config).finish_non_exhaustive()
    }
}

impl SesMailer {
    /// A mailer that asks as `sdk` says and keeps to the quota of `account`. Sends nothing yet.
    ///
    /// It does not wait for its turn: whoever sends does, at the account's rate ([`Account::rate_per_1000_secs`]).
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: SesConfig, account: Arc<Account>, clock: Arc<dyn Clock>) -> Self {
        let timeout = Duration::from_millis(config.timeout_ms);
        let timeouts = TimeoutConfig::builder()
            // A connection that is given up has taken nothing; a request that is given up may have been heard.
            .connect_timeout(Duration::from_millis(AWS_CONNECT_TIMEOUT_MS).min(timeout / 2))
            .operation_attempt_timeout(timeout)
            .operation_timeout(timeout)
            .build();
        // One layer tries again: the ledger's, which knows what was spent.
        let client = client(sdk, timeouts);
        let identity = Identity::new(look_client(sdk), clock, config.from.clone());
        Self { client, config, identity, account, turn_wait_max: None }
    }

    /// The same, for senders that nobody paces: each message waits for its turn at the account's rate, at most
    /// `wait_max`. Who would wait longer is told to come again, and no attempt is spent.
    #[must_use]
    pub fn pacing(self, wait_max: Duration) -> Self {
        Self { turn_wait_max: Some(wait_max), ..self }
    }

    async fn deliver(&self, message: &OutgoingMessage, stop: Stop<'_>) -> AttemptOutcome {
        if message.envelope.recipient.needs_smtputf8() {
            let words = "SES takes no address with other than ASCII characters before the @";
            let cause = Cause::known("ses_smtputf8_unsupported");
            return AttemptOutcome::NotAccepted(outcome::refused_unasked(cause, words));
        }
        let admitted = tokio::select! {
            biased;
            () = &mut *stop => return AttemptOutcome::Released,
            admitted = self.admit() => admitted,
        };
        if let Err(failure) = admitted {
            return AttemptOutcome::NotAccepted(failure);
        }
        let on_its_way = OnItsWay::default();
        let set = self.config.configuration_set.as_deref();
        let request = request::send(&self.client, &self.config.from, set, message, on_its_way.clone());
        let mut request = std::pin::pin!(request);
        let answer = tokio::select! {
            biased;
            () = &mut *stop => {
                // Nothing polls the request meanwhile: what is not on its way now never will be.
                if !on_its_way.get() {
                    return AttemptOutcome::Released;
                }
                request.await
            }
            answer = &mut request => answer,
        };
        match answer {
            Ok(answer) => {
                self.account.sent();
                AttemptOutcome::Accepted {
                    words: Words::new(&format!("250 Ok {}", answer.message_id().unwrap_or_default())),
                }
            }
            Err(error) => {
                let trouble = Trouble::of(&error, on_its_way.get());
                let words = error.as_service_error().and_then(|error| error.message()).unwrap_or_default();
                let failure = outcome::judge(trouble, words);
                let explained = self.explain(trouble, failure.clone());
                let in_time = Duration::from_millis(SES_LOOK_TIMEOUT_MS);
                AttemptOutcome::NotAccepted(tokio::time::timeout(in_time, explained).await.unwrap_or(failure))
            }
        }
    }

    async fn admit(&self) -> Result<(), Failure> {
        match self.turn_wait_max {
            Some(wait_max) => self.account.acquire(wait_max).await,
            None => self.account.admit().await,
        }
    }

    /// Looks at what SES's code leaves open: whether a refusal is about the sender, and too many requests about the
    /// day instead of the second.
    async fn explain(&self, trouble: Trouble<'_>, failure: Failure) -> Failure {
        match trouble {
            Trouble::Refused { code: "MessageRejected", .. } => match self.identity.verified().await {
                Verified::Yes | Verified::Unknown => failure,
                Verified::No => outcome::account_fault(
                    Cause::known("ses_sender_not_verified"),
                    "SES has verified neither the sender's address nor its domain in this region: verify it in the \
                     SES console, or correct sender.from; messages wait",
                ),
            },
            Trouble::Refused { .. } if failure.cause.as_str() == "ses_too_many_requests" => {
                self.account.throttled().await.err().unwrap_or(failure)
            }
            Trouble::Refused { .. } if failure.is_account_fault => {
                self.account.doubted();
                failure
            }
            Trouble::Refused { .. }
            | Trouble::NotAsked
            | Trouble::NotConnected
            | Trouble::Lost
            | Trouble::TimedOut
            | Trouble::Unintelligible { .. } => failure,
        }
    }
}

#[async_trait]
impl Mailer for SesMailer {
    fn name(&self) -> &'static str {
        "ses"
    }

    fn deadline_ms(&self) -> u64 {
        // What is known of the account may be old before the call, and a refusal be explained after it.
        let wait_ms =
            self.turn_wait_max.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self.config.timeout_ms.saturating_add(2 * SES_LOOK_TIMEOUT_MS).saturating_add(wait_ms)
    }

    async fn send(&self, message: &OutgoingMessage, stop: Stop<'_>) -> AttemptOutcome {
        let outcome = self.deliver(message, stop).await;
        if let AttemptOutcome::NotAccepted(failure) = &outcome {
            let (id, cause) = (message.notification_id, &failure.cause);
            match failure.class {
                FailureClass::Unknown => {
                    tracing::warn!(notification_id = %id, %cause, "SES may have taken the message");
                }
                FailureClass::Retryable if failure.is_account_fault => {
                    tracing::error!(notification_id = %id, %cause, words = failure.words.as_str(), "SES takes no messages");
                }
                FailureClass::Retryable | FailureClass::Permanent => {
                    tracing::info!(notification_id = %id, %cause, "SES did not take the message");
                }
            }
        }
        outcome
    }
}

fn client(sdk: &SdkConfig, timeouts: TimeoutConfig) -> Client {
    let config = aws_sdk_sesv2::config::Builder::from(sdk)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .build();
    Client::from_conf(config)
}

/// A client for what sends nothing: it is asked again whenever the answer is needed again.
fn look_client(sdk: &SdkConfig) -> Client {
    let timeout = Duration::from_millis(SES_LOOK_TIMEOUT_MS);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(AWS_CONNECT_TIMEOUT_MS))
        .operation_attempt_timeout(timeout)
        .operation_timeout(timeout);
    client(sdk, timeouts.build())
}

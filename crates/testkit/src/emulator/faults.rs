//! What goes wrong on demand.

use std::time::Duration;

use serde_json::{Value, json};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Refused because there are too many.
    Throttled,
    /// 500, and nothing was done.
    ErrorBefore,
    /// 500, although it was done.
    ErrorAfter,
    /// Done and answered, but late; the time is [`Fault::delay`].
    Delay,
    /// The connection ends, and nothing was done.
    CutBefore,
    /// The connection ends, although it was done.
    CutAfter,
    /// The credentials have expired.
    ExpiredCredentials,
    /// The role may not do it.
    AccessDenied,
    /// DynamoDB's transaction conflict, SES's conflict.
    Conflict,
    /// SES: sending is paused.
    SendingPaused,
    /// SES: the account is suspended.
    AccountSuspended,
    /// SES: the daily quota is reached.
    QuotaExceeded,
    /// SES: another limit of the account.
    LimitExceeded,
    /// SES: the MAIL FROM domain is not verified.
    DomainUnverified,
    /// SES: this message is not taken.
    MessageRejected,
}

impl FaultKind {
    fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::ErrorBefore => "error-before",
            Self::ErrorAfter => "error-after",
            Self::Delay => "delay",
            Self::CutBefore => "cut-before",
            Self::CutAfter => "cut-after",
            Self::ExpiredCredentials => "expired-credentials",
            Self::AccessDenied => "access-denied",
            Self::Conflict => "conflict",
            Self::SendingPaused => "sending-paused",
            Self::AccountSuspended => "account-suspended",
            Self::QuotaExceeded => "quota-exceeded",
            Self::LimitExceeded => "limit-exceeded",
            Self::DomainUnverified => "domain-unverified",
            Self::MessageRejected => "message-rejected",
        }
    }
}

/// The next calls of a service that fail.
#[derive(Clone, Debug)]
pub struct Fault {
    /// `dynamodb`, `sqs`, `sns`, `sesv2`, `secretsmanager` and so on.
    pub service: &'static str,
    /// The action, such as `PutItem`; empty for every action.
    pub action: &'static str,
    /// How they fail.
    pub kind: FaultKind,
    /// How many.
    pub times: u32,
    /// How many are left alone before that.
    pub skip: u32,
    /// How long each waits before it fails.
    pub delay: Duration,
}

impl Fault {
    /// The next call of that action fails.
    #[must_use]
    pub fn next(service: &'static str, action: &'static str, kind: FaultKind) -> Self {
        Self { service, action, kind, times: 1, skip: 0, delay: Duration::ZERO }
    }

    /// So many calls fail.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// So many calls are left alone first.
    #[must_use]
    pub fn skipping(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Each waits so long first.
    #[must_use]
    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub(super) fn body(&self, account: &str) -> Value {
        json!({
            "account": account,
            "service": self.service,
            "action": self.action,
            "kind": self.kind.name(),
            "times": self.times,
            "skip": self.skip,
            "delayMs": u64::try_from(self.delay.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

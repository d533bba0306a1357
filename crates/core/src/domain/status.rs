//! What became of a notification, in one word.

use std::fmt;
use std::str::FromStr;

/// The status of a notification. The names are a public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Accepted and durable.
    Queued,
    /// Claimed by a sender.
    Sending,
    /// Will be tried again at a known time.
    Deferred,
    /// The mailer took it.
    Sent,
    /// The recipient's server took it.
    Delivered,
    /// Permanently returned.
    Bounced,
    /// The recipient called it spam.
    Complained,
    /// Permanently refused at send, with the cause.
    Failed,
    /// Attempts exhausted.
    Dead,
    /// Not sent: the address is on the suppression list.
    Suppressed,
    /// Waiting for a person, a budget or a quota.
    Held,
    /// Taken back before it was sent.
    Canceled,
    /// The mailer may have accepted it; nobody can tell yet.
    Unknown,
}

impl Status {
    /// Every status, in the order the documentation lists them.
    pub const ALL: [Self; 13] = [
        Self::Queued,
        Self::Sending,
        Self::Deferred,
        Self::Sent,
        Self::Delivered,
        Self::Bounced,
        Self::Complained,
        Self::Failed,
        Self::Dead,
        Self::Suppressed,
        Self::Held,
        Self::Canceled,
        Self::Unknown,
    ];

    /// The statuses of which somebody must take care: not tried again until a person redrives.
    pub const DEAD_LETTERS: [Self; 3] = [Self::Failed, Self::Dead, Self::Held];

    /// The public name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Deferred => "deferred",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Suppressed => "suppressed",
            Self::Held => "held",
            Self::Canceled => "canceled",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a person must act before anything more happens.
    #[must_use]
    pub fn is_dead_letter(self) -> bool {
        Self::DEAD_LETTERS.contains(&self)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be one of queued, sending, deferred, sent, delivered, bounced, complained, failed, dead, suppressed, held, canceled, unknown"
)]
pub struct InvalidStatus;

impl FromStr for Status {
    type Err = InvalidStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(InvalidStatus)
    }
}

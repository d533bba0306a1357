//! What happened to a notification, in order.

use super::outcome::{Cause, Words};
use super::time::Timestamp;

/// One thing that happened. `accepted` and `claimed` are not stored: the notification's own times say them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: TimelineKind,
    /// Which claim it belongs to, from 1; `None` for what a person or the clock did.
    pub attempt: Option<u32>,
    /// When that claim was made.
    pub claimed_at: Option<Timestamp>,
    /// Which mailer was asked.
    pub mailer: Option<String>,
    /// The stable cause, where something went wrong.
    pub cause: Option<Cause>,
    /// The server's own words.
    pub words: Option<Words>,
}

impl TimelineEntry {
    /// An entry with nothing but its kind and time.
    #[must_use]
    pub fn plain(at: Timestamp, kind: TimelineKind) -> Self {
        Self { at, kind, attempt: None, claimed_at: None, mailer: None, cause: None, words: None }
    }
}

/// The kinds of timeline entry. The names are a public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimelineKind {
    /// Accepted and durable.
    Accepted,
    /// Taken by a sender.
    Claimed,
    /// The mailer took it.
    Sent,
    /// An attempt failed and will be repeated.
    Deferred,
    /// An attempt was permanently refused.
    Failed,
    /// The last attempt failed.
    Dead,
    /// An attempt may have succeeded.
    Unknown,
    /// A sender gave it back before anything left.
    Released,
    /// The waiting time was over without a report; it is sent again.
    Resent,
    /// The waiting time was over without a report; a person must decide.
    Held,
    /// A person asked for another try.
    Retried,
    /// The route works again; it no longer waits.
    Hastened,
    /// A person took it back.
    Canceled,
}

impl TimelineKind {
    /// Every kind, in the order of its stored code.
    pub const ALL: [Self; 13] = [
        Self::Accepted,
        Self::Claimed,
        Self::Sent,
        Self::Deferred,
        Self::Failed,
        Self::Dead,
        Self::Unknown,
        Self::Released,
        Self::Resent,
        Self::Held,
        Self::Retried,
        Self::Hastened,
        Self::Canceled,
    ];

    /// The public name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Claimed => "claimed",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
            Self::Released => "released",
            Self::Resent => "resent",
            Self::Held => "held",
            Self::Retried => "retried",
            Self::Hastened => "hastened",
            Self::Canceled => "canceled",
        }
    }
}

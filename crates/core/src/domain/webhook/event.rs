//! What endpoints can hear of.

use std::fmt;
use std::str::FromStr;

use crate::domain::status::Status;
use crate::domain::timeline::TimelineKind;

/// What an endpoint can hear of. The names are a public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WebhookEvent {
    /// The mailer took it.
    Sent,
    /// The recipient's server took it.
    Delivered,
    /// It came back for good.
    Bounced,
    /// It came back, and may arrive yet.
    SoftBounced,
    /// The recipient called it spam.
    Complained,
    /// It is late; the mail server goes on trying.
    Delayed,
    /// An attempt failed and will be repeated.
    Deferred,
    /// It was permanently refused, at send or afterwards.
    Failed,
    /// The last attempt failed.
    Dead,
    /// An attempt may have succeeded.
    Unknown,
    /// A person must decide.
    Held,
    /// Not sent: its recipient is on the suppression list.
    Suppressed,
    /// A person took it back, or something that happened to its order makes it void.
    Canceled,
    /// It was opened, by a person or a machine.
    Opened,
    /// A link was followed, by a person or a machine.
    Clicked,
}

impl WebhookEvent {
    /// Every event, in the order of its stored code.
    pub const ALL: [Self; 15] = [
        Self::Sent,
        Self::Delivered,
        Self::Bounced,
        Self::SoftBounced,
        Self::Complained,
        Self::Delayed,
        Self::Deferred,
        Self::Failed,
        Self::Dead,
        Self::Unknown,
        Self::Held,
        Self::Suppressed,
        Self::Canceled,
        Self::Opened,
        Self::Clicked,
    ];

    /// The public name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "notification.sent",
            Self::Delivered => "notification.delivered",
            Self::Bounced => "notification.bounced",
            Self::SoftBounced => "notification.soft_bounced",
            Self::Complained => "notification.complained",
            Self::Delayed => "notification.delayed",
            Self::Deferred => "notification.deferred",
            Self::Failed => "notification.failed",
            Self::Dead => "notification.dead",
            Self::Unknown => "notification.unknown",
            Self::Held => "notification.held",
            Self::Suppressed => "notification.suppressed",
            Self::Canceled => "notification.canceled",
            Self::Opened => "notification.opened",
            Self::Clicked => "notification.clicked",
        }
    }

    /// What a step tells that leaves an entry of `kind` and takes the status from `before` to `after`; `None` if nobody
    /// outside needs to know.
    ///
    /// What reports had established outweighs how an attempt ended. Then the attempt's end is no news, unless nobody has
    /// been told yet that the message is sent.
    #[must_use]
    pub fn of(kind: TimelineKind, before: Option<Status>, after: Status) -> Option<Self> {
        let ended = |own: Self, status: Status| match after {
            after if after == status => Some(own),
            Status::Sent => Some(Self::Sent),
            _ => None,
        };
        match kind {
            TimelineKind::Sent => Some(Self::Sent),
            TimelineKind::Deferred => ended(Self::Deferred, Status::Deferred),
            TimelineKind::Failed => ended(Self::Failed, Status::Failed),
            TimelineKind::Dead => ended(Self::Dead, Status::Dead),
            TimelineKind::Unknown => ended(Self::Unknown, Status::Unknown),
            TimelineKind::ReportAccepted => {
                (after == Status::Sent && before != Some(Status::Sent)).then_some(Self::Sent)
            }
            TimelineKind::Delivered => Some(Self::Delivered),
            TimelineKind::Bounced => Some(Self::Bounced),
            TimelineKind::SoftBounced => Some(Self::SoftBounced),
            TimelineKind::Complained => Some(Self::Complained),
            TimelineKind::Delayed => Some(Self::Delayed),
            TimelineKind::Rejected | TimelineKind::RenderingFailed => Some(Self::Failed),
            TimelineKind::Held => Some(Self::Held),
            TimelineKind::Suppressed => Some(Self::Suppressed),
            TimelineKind::Canceled => Some(Self::Canceled),
            TimelineKind::Opened => Some(Self::Opened),
            TimelineKind::Clicked => Some(Self::Clicked),
            TimelineKind::Accepted
            | TimelineKind::Claimed
            | TimelineKind::Released
            | TimelineKind::Resent
            | TimelineKind::Retried
            | TimelineKind::Hastened
            | TimelineKind::NotSpam
            | TimelineKind::AutoReply
            | TimelineKind::OtherReport
            | TimelineKind::Resumed
            | TimelineKind::Erased => None,
        }
    }
}

impl fmt::Display for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be notification. followed by one of sent, delivered, bounced, soft_bounced, complained, delayed, deferred, failed, dead, unknown, held, suppressed, canceled, opened, clicked"
)]
pub struct InvalidWebhookEvent;

impl FromStr for WebhookEvent {
    type Err = InvalidWebhookEvent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|event| event.as_str() == text).ok_or(InvalidWebhookEvent)
    }
}

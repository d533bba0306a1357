//! What comes back about a message: one model for every source, and what each report does to a notification.

use std::fmt;

use super::address::EmailAddress;
use super::bounce::{BounceClass, EnhancedStatus};
use super::document::Fingerprint;
use super::id::NotificationId;
use super::mention::Mention;
use super::outcome::{Cause, Words};
use super::status::Status;
use super::time::Timestamp;

/// One report about one message to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it says.
    pub kind: ReportKind,
    /// The enhanced status code (RFC 3463), if it gave one.
    pub status: Option<EnhancedStatus>,
    /// The remote server's words.
    pub diagnostic: Words,
    /// Which way it came.
    pub source: ReportSource,
    /// When it happened, as the reporter says.
    pub occurred_at: Option<Timestamp>,
    /// Whom it is about, if it says. A report about somebody else changes nothing.
    pub recipient: Option<EmailAddress>,
    /// Names the report: however often and by whatever way it comes, this stays the same.
    pub fingerprint: Fingerprint,
}

/// What a report says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportKind {
    /// The mail service took the message (the `Send` event of SES).
    Accepted,
    /// The recipient's server took it.
    Delivered,
    /// It came back for good.
    Bounced(BounceClass),
    /// It came back, and may arrive yet: a transient or undetermined bounce.
    SoftBounced(BounceClass),
    /// The recipient called it spam.
    Complained,
    /// It is late; the sender's server goes on trying.
    Delayed(BounceClass),
    /// The mail service took it and then refused to send it.
    Rejected,
    /// The mail service could not make the message of its template.
    RenderingFailed,
    /// Somebody, or a scanner, opened it.
    Opened,
    /// Somebody, or a scanner, followed a link.
    Clicked,
    /// The recipient took a complaint back (`not-spam`).
    NotSpam,
    /// A person is away, or a machine answered. No bounce.
    AutoReply,
    /// Of a kind that is not known here.
    Other,
}

/// Which way a report came. The names are a public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportSource {
    /// Amazon SES, over SNS or SQS.
    Ses,
    /// A delivery status notification (RFC 3464), or a bounce that follows no standard.
    Dsn,
    /// An abuse report (RFC 5965).
    Arf,
    /// The mail server itself, in answer to the send.
    Smtp,
}

impl ReportSource {
    /// Every source, in the order of its stored code.
    pub const ALL: [Self; 4] = [Self::Ses, Self::Dsn, Self::Arf, Self::Smtp];

    /// The public name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ses => "ses",
            Self::Dsn => "dsn",
            Self::Arf => "arf",
            Self::Smtp => "smtp",
        }
    }
}

impl fmt::Display for ReportSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a report found its notification, or could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// By the notification's id: our tag, our Message-ID, our return path.
    Notification(NotificationId),
    /// By the id the mail service gave the message.
    Provider(String),
}

/// The best that reports have said so far. Later reports never lower it: the greater of two counts, whatever the order
/// in which they come.
///
/// Of two bounces with different causes the one whose name sorts last is shown, so that the order does not matter
/// there either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reported {
    /// How much it says.
    pub truth: Truth,
    /// Why, where something went wrong.
    pub cause: Option<Cause>,
}

/// What reports can establish, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// The mail service has it.
    Accepted,
    /// The mail service refused it after all.
    Rejected,
    /// It arrived.
    Delivered,
    /// It came back.
    Bounced,
    /// It was called spam.
    Complained,
}

impl Truth {
    /// Every truth, in the order of its stored code.
    pub const ALL: [Self; 5] =
        [Self::Accepted, Self::Rejected, Self::Delivered, Self::Bounced, Self::Complained];

    /// The status of a notification of which this is known.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::Accepted => Status::Sent,
            Self::Rejected => Status::Failed,
            Self::Delivered => Status::Delivered,
            Self::Bounced => Status::Bounced,
            Self::Complained => Status::Complained,
        }
    }
}

impl ReportKind {
    /// Why something went wrong, as far as the report says.
    #[must_use]
    pub fn bounce_class(self) -> Option<BounceClass> {
        match self {
            Self::Bounced(class) | Self::SoftBounced(class) | Self::Delayed(class) => Some(class),
            Self::Accepted
            | Self::Delivered
            | Self::Complained
            | Self::Rejected
            | Self::RenderingFailed
            | Self::Opened
            | Self::Clicked
            | Self::NotSpam
            | Self::AutoReply
            | Self::Other => None,
        }
    }
}

impl Report {
    /// What this report establishes about its notification; `None` if it only belongs on the timeline.
    #[must_use]
    pub fn establishes(&self) -> Option<Reported> {
        let (truth, cause) = match self.kind {
            ReportKind::Accepted => (Truth::Accepted, None),
            ReportKind::Delivered => (Truth::Delivered, None),
            ReportKind::Bounced(class) => (Truth::Bounced, Some(self.bounce_cause(class))),
            ReportKind::Complained => (Truth::Complained, Some(Cause::known("complaint"))),
            ReportKind::Rejected => (Truth::Rejected, Some(Cause::known("rejected_by_service"))),
            ReportKind::RenderingFailed => {
                (Truth::Rejected, Some(Cause::known("rendering_failed_by_service")))
            }
            ReportKind::SoftBounced(_)
            | ReportKind::Delayed(_)
            | ReportKind::Opened
            | ReportKind::Clicked
            | ReportKind::NotSpam
            | ReportKind::AutoReply
            | ReportKind::Other => return None,
        };
        Some(Reported { truth, cause })
    }

    /// The stable cause of a bounce: its class, and the enhanced status code where there is one.
    #[must_use]
    pub fn bounce_cause(&self, class: BounceClass) -> Cause {
        match self.status {
            Some(status) => Cause::from_codes(&format!("bounce_{}_{status}", class.as_str())),
            None => Cause::from_codes(&format!("bounce_{}", class.as_str())),
        }
    }

    /// Whether it tells of `address`.
    #[must_use]
    pub fn mentions(&self, address: &EmailAddress) -> bool {
        let is_about =
            self.recipient.as_ref().is_some_and(|about| about.normalized() == address.normalized());
        is_about || Mention::of(address).is_in(self.diagnostic.as_str())
    }

    /// What the report may do to a notification that went to `recipient`.
    ///
    /// Our ids lead every report to a message of ours; what differs is whether it is about the address we wrote to. A
    /// mailbox that forwards bounces under the name of the one behind it: the message did not arrive, but the address
    /// we know is not the one that is gone.
    #[must_use]
    pub fn reach(&self, recipient: &EmailAddress) -> Reach {
        let is_other =
            self.recipient.as_ref().is_some_and(|about| about.normalized() != recipient.normalized());
        match self.source {
            _ if !is_other => Reach::Whole,
            ReportSource::Ses => Reach::Nothing,
            ReportSource::Dsn | ReportSource::Smtp => Reach::StatusOnly,
            // Receivers blacken addresses in abuse reports, and whoever complains is behind ours, forwarded or not.
            ReportSource::Arf => Reach::Whole,
        }
    }
}

/// How far a report's effect goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is about somebody else.
    Nothing,
    /// It tells about the message, not about the address.
    StatusOnly,
    /// Message and address.
    Whole,
}

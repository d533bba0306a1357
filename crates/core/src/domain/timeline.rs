//! What happened to a notification, in order.

use super::bounce::{BounceClass, EnhancedStatus};
use super::document::Fingerprint;
use super::feedback::{Report, ReportKind, ReportSource};
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
    /// What a report said, where the entry is one.
    pub report: Option<ReportDetail>,
}

/// The part of a report that its timeline entry keeps beyond kind, cause and words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportDetail {
    /// Names the report; it is on the timeline once.
    pub fingerprint: Fingerprint,
    /// Which way it came.
    pub source: ReportSource,
    /// The class, for bounces and delays.
    pub class: Option<BounceClass>,
    /// The enhanced status code.
    pub status: Option<EnhancedStatus>,
    /// When it happened, as the reporter says.
    pub occurred_at: Option<Timestamp>,
}

impl TimelineEntry {
    /// The entry that `report` leaves when it comes in at `now`.
    #[must_use]
    pub fn reported(report: &Report, now: Timestamp) -> Self {
        let class = report.kind.bounce_class();
        let cause = report.establishes().and_then(|reported| reported.cause);
        Self {
            cause: cause.or_else(|| class.map(|class| report.bounce_cause(class))),
            words: (report.diagnostic != Words::default()).then(|| report.diagnostic.clone()),
            report: Some(ReportDetail {
                fingerprint: report.fingerprint,
                source: report.source,
                class,
                status: report.status,
                occurred_at: report.occurred_at,
            }),
            ..Self::plain(now, TimelineKind::of_report(report.kind))
        }
    }

    /// The entry of a notification that is not sent because of an entry on the suppression list.
    #[must_use]
    pub fn suppressed(now: Timestamp, cause: Cause) -> Self {
        Self { cause: Some(cause), ..Self::plain(now, TimelineKind::Suppressed) }
    }

    /// The entry of a notification that is not sent now because everything is on hold.
    #[must_use]
    pub fn held(now: Timestamp, cause: Cause) -> Self {
        Self { cause: Some(cause), ..Self::plain(now, TimelineKind::Held) }
    }

    /// An entry with nothing but its kind and time.
    #[must_use]
    pub fn plain(at: Timestamp, kind: TimelineKind) -> Self {
        Self {
            at,
            kind,
            attempt: None,
            claimed_at: None,
            mailer: None,
            cause: None,
            words: None,
            report: None,
        }
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
    /// A person must decide: the waiting time was over without a report, or somebody asked for it. Or everything is on hold,
    /// and the cause says why.
    Held,
    /// A person asked for another try.
    Retried,
    /// The route works again; it no longer waits.
    Hastened,
    /// A person took it back, or what has happened to its order since makes it void; then the cause says what.
    Canceled,
    /// Not sent: its recipient is on the suppression list.
    Suppressed,
    /// The mail service reports that it took the message.
    ReportAccepted,
    /// The recipient's server took it.
    Delivered,
    /// It came back for good.
    Bounced,
    /// It came back, and may arrive yet.
    SoftBounced,
    /// The recipient called it spam.
    Complained,
    /// It is late; the sender's server goes on trying.
    Delayed,
    /// The mail service refused it after taking it.
    Rejected,
    /// The mail service could not make the message.
    RenderingFailed,
    /// It was opened, by a person or a machine.
    Opened,
    /// A link was followed, by a person or a machine.
    Clicked,
    /// The recipient took a complaint back.
    NotSpam,
    /// A person is away, or a machine answered.
    AutoReply,
    /// A report of a kind that is not known here.
    OtherReport,
    /// The hold is over; it waits to be sent.
    Resumed,
    /// What it said, and to whom, was erased. What the entries before quoted is gone.
    Erased,
}

impl TimelineKind {
    /// Every kind, in the order of its stored code.
    pub const ALL: [Self; 29] = [
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
        Self::Suppressed,
        Self::ReportAccepted,
        Self::Delivered,
        Self::Bounced,
        Self::SoftBounced,
        Self::Complained,
        Self::Delayed,
        Self::Rejected,
        Self::RenderingFailed,
        Self::Opened,
        Self::Clicked,
        Self::NotSpam,
        Self::AutoReply,
        Self::OtherReport,
        Self::Resumed,
        Self::Erased,
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
            Self::Suppressed => "suppressed",
            Self::ReportAccepted => "report_accepted",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::SoftBounced => "soft_bounced",
            Self::Complained => "complained",
            Self::Delayed => "delayed",
            Self::Rejected => "rejected",
            Self::RenderingFailed => "rendering_failed",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::NotSpam => "not_spam",
            Self::AutoReply => "auto_reply",
            Self::OtherReport => "other_report",
            Self::Resumed => "resumed",
            Self::Erased => "erased",
        }
    }

    /// The kind of a report's entry.
    #[must_use]
    pub fn of_report(kind: ReportKind) -> Self {
        match kind {
            ReportKind::Accepted => Self::ReportAccepted,
            ReportKind::Delivered => Self::Delivered,
            ReportKind::Bounced(_) => Self::Bounced,
            ReportKind::SoftBounced(_) => Self::SoftBounced,
            ReportKind::Complained => Self::Complained,
            ReportKind::Delayed(_) => Self::Delayed,
            ReportKind::Rejected => Self::Rejected,
            ReportKind::RenderingFailed => Self::RenderingFailed,
            ReportKind::Opened => Self::Opened,
            ReportKind::Clicked => Self::Clicked,
            ReportKind::NotSpam => Self::NotSpam,
            ReportKind::AutoReply => Self::AutoReply,
            ReportKind::Other => Self::OtherReport,
        }
    }
}

//! The port to what comes back: reports about messages, and the list of those who get none.

use async_trait::async_trait;

use crate::domain::address::EmailAddress;
use crate::domain::feedback::{Reach, Reference, Report, ReportKind, ReportSource};
use crate::domain::id::NotificationId;
use crate::domain::lifecycle::{Lifecycle, Step};
use crate::domain::notification::Notification;
use crate::domain::status::Status;
use crate::domain::suppression::{
    Consequence, Secret, SoftBounceRule, Suppression, SuppressionReason, consequence,
};
use crate::domain::time::Timestamp;
use crate::domain::timeline::TimelineEntry;

use crate::limits::EARLY_REPORTS_PER_ID_MAX;

use super::ledger::{FinishAttempt, LedgerError};

/// A report to be recorded.
#[derive(Clone, Debug)]
pub struct Feedback {
    /// How to find its notification, most reliable first. The first that leads to one counts.
    pub references: Vec<Reference>,
    /// What it says.
    pub report: Report,
    /// Whether it may put its recipient on the suppression list. A bounce that anybody may have written may not.
    pub may_condemn: bool,
    /// When it came.
    pub now: Timestamp,
}

/// What a ledger must be told about recipients when it is opened.
#[derive(Clone, Debug)]
pub struct RecipientRules {
    /// Makes the keyed hashes under which recipients are kept.
    pub secret: Secret,
    /// When soft bounces add up to a suppression.
    pub soft_bounces: SoftBounceRule,
}

impl RecipientRules {
    /// What [`Secret::sign`] makes of nothing but this purpose: tells one secret from another without telling either.
    #[must_use]
    pub fn mark(&self) -> [u8; 32] {
        self.secret.sign("mark", &[])
    }
}

/// What recording came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedbackRecorded {
    /// It is on the timeline, and everything that follows from it has been done.
    Recorded(FeedbackEffect),
    /// It was there before. Nothing changed.
    Repeated(NotificationId),
    /// It establishes nothing and there are enough of its kind already. Nothing was kept.
    Dropped(NotificationId),
    /// No message is known under the mail service's id yet; the report waits for it.
    Kept,
    /// It is about nothing we sent. Nothing changed.
    Orphan,
}

/// What a report changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedbackEffect {
    /// Its notification.
    pub id: NotificationId,
    /// What it said.
    pub kind: ReportKind,
    /// The status before.
    pub before: Status,
    /// The status now.
    pub status: Status,
    /// When the message was handed on, if that is recorded.
    pub sent_at: Option<Timestamp>,
    /// The reason for which its recipient has been put on the suppression list now.
    pub suppressed: Option<SuppressionReason>,
}

/// What a report does to the notification it led to. Made here, so that every ledger does the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impact {
    /// The lifecycle afterwards.
    pub lifecycle: Lifecycle,
    /// What it leaves on the timeline.
    pub entry: TimelineEntry,
    /// What it means for the recipient.
    pub consequence: Consequence,
}

impl Impact {
    /// Whether this changes what is known about `notification`. Once a timeline is crowded only such reports are kept:
    /// whoever has a return path of ours can make up as many bounces as they like.
    #[must_use]
    pub fn says_more_than(&self, notification: &Notification) -> bool {
        self.lifecycle.reported != notification.lifecycle.reported
    }
}

impl Feedback {
    /// What this report does to `notification`; `None` if it cannot be about it.
    #[must_use]
    pub fn impact(&self, notification: &Notification) -> Option<Impact> {
        let lifecycle = &notification.lifecycle;
        // Whom it went to is not known any more: the report is about the message, and nobody's address.
        let reach =
            if notification.to.is_erased() { Reach::StatusOnly } else { self.report.reach(&notification.to) };
        // Never taken to a mailer: whoever reports about it made it up.
        if reach == Reach::Nothing || lifecycle.fence == 0 {
            return None;
        }
        let lifecycle = match self.report.establishes() {
            Some(reported) => lifecycle.apply(&Step::Report(reported)).ok()?,
            None => lifecycle.clone(),
        };
        let is_believed = reach == Reach::Whole && self.may_condemn;
        let consequence = if is_believed { consequence(&self.report) } else { Consequence::None };
        let mut entry = TimelineEntry::reported(&self.report, self.now);
        if lifecycle.erased {
            entry.words = None;
        }
        Some(Impact { lifecycle, entry, consequence })
    }

    /// The entry for the suppression list that `reason` makes of this report.
    #[must_use]
    pub fn suppression(
        &self,
        to: &EmailAddress,
        reason: SuppressionReason,
        soft_bounces: SoftBounceRule,
    ) -> NewSuppression {
        let expires_at = match reason {
            SuppressionReason::RepeatedSoftBounces => Some(self.now.plus_ms(soft_bounces.expiry_ms)),
            SuppressionReason::HardBounce
            | SuppressionReason::Complaint
            | SuppressionReason::Unsubscribed
            | SuppressionReason::Manual => None,
        };
        NewSuppression {
            address: to.clone(),
            category: None,
            reason,
            source: self.report.source.as_str().to_owned(),
            since: self.now,
            expires_at,
            now: self.now,
        }
    }
}

/// An entry to put on the list. One that is there for the same recipient and category is merged with it
/// ([`Suppression::merged`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSuppression {
    /// Whom not to write to.
    pub address: EmailAddress,
    /// For which category of mail; `None` means all.
    pub category: Option<String>,
    /// Why.
    pub reason: SuppressionReason,
    /// Who says so.
    pub source: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; `None` means for good.
    pub expires_at: Option<Timestamp>,
    /// When it is put there.
    pub now: Timestamp,
}

/// How many reports may wait under one id before `report` is not kept: the last places are for reports that establish
/// something.
#[must_use]
pub fn early_reports_max(report: &Report) -> usize {
    if report.establishes().is_some() { EARLY_REPORTS_PER_ID_MAX } else { EARLY_REPORTS_PER_ID_MAX / 2 }
}

impl FinishAttempt {
    /// The entry for the suppression list that this attempt makes, if it condemns the address of `to`.
    #[must_use]
    pub fn suppression(&self, to: &EmailAddress) -> Option<NewSuppression> {
        (self.condemns_address && !to.is_erased()).then(|| NewSuppression {
            address: to.clone(),
            category: None,
            reason: SuppressionReason::HardBounce,
            source: ReportSource::Smtp.as_str().to_owned(),
            since: self.now,
            expires_at: None,
            now: self.now,
        })
    }
}

/// Which entries to list, newest first.
#[derive(Clone, Copy, Debug, Default)]
pub struct SuppressionQuery {
    /// With this reason.
    pub reason: Option<SuppressionReason>,
    /// Older than this: the cursor of the page before.
    pub after: Option<u64>,
    /// How many at most, up to [`crate::limits::SUPPRESSIONS_PAGE_MAX`].
    pub limit: usize,
}

/// One page of the list.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SuppressionPage {
    /// The entries, newest first. Those whose time is over are left out.
    pub entries: Vec<Suppression>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<u64>,
}

/// Where reports are recorded and the suppression list is kept.
#[async_trait]
pub trait FeedbackLedger: Send + Sync {
    /// Finds the notification a report is about, puts the report on its timeline, settles its status and does what
    /// follows for its recipient, all in one step. A report recorded before changes nothing, in whatever order reports
    /// come the end is the same, and one that comes before its message's id is known is kept and applied later.
    async fn record_feedback(&self, feedback: Feedback) -> Result<FeedbackRecorded, LedgerError>;

    /// Puts an entry on the suppression list and tells what stands there now.
    async fn suppress(&self, entry: NewSuppression) -> Result<Suppression, LedgerError>;

    /// Takes an address off the list, for every category. Tells how many entries went.
    async fn unsuppress(&self, address: EmailAddress) -> Result<usize, LedgerError>;

    /// Every entry of an address that holds at `now`.
    async fn suppressions_of(
        &self,
        address: EmailAddress,
        now: Timestamp,
    ) -> Result<Vec<Suppression>, LedgerError>;

    /// One page of the list as it holds at `now`.
    async fn list_suppressions(
        &self,
        query: SuppressionQuery,
        now: Timestamp,
    ) -> Result<SuppressionPage, LedgerError>;

    /// Forgets the address of every entry about it and keeps its keyed hash, so that it stays suppressed. Tells how
    /// many entries there are.
    async fn forget_suppressed_address(&self, address: EmailAddress) -> Result<usize, LedgerError>;
}

/// A list elsewhere that holds the same addresses, such as that of a mail service's account.
#[async_trait]
pub trait ListElsewhere: Send + Sync {
    /// Takes `address` off that list, or finds that it is not on it.
    ///
    /// # Errors
    /// [`ElsewhereError`]: it may still be on it.
    async fn remove(&self, address: &EmailAddress) -> Result<(), ElsewhereError>;
}

/// A list elsewhere did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{list} did not let the address go ({code})")]
pub struct ElsewhereError {
    /// Which list.
    pub list: &'static str,
    /// Why, without addresses.
    pub code: String,
}

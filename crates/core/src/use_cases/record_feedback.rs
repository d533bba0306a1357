//! Takes in what came back: finds what it is about, records it and follows it through.

use crate::domain::feedback::{Reference, Report};
use crate::domain::time::Timestamp;
use crate::ports::catalog::Catalog;
use crate::ports::feedback::{Feedback, FeedbackRecorded};
use crate::ports::ledger::{Ledger, LedgerError};

/// A report and how to find its notification, most reliable first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingReport {
    /// What it says.
    pub report: Report,
    /// What may lead to its notification.
    pub references: Vec<Reference>,
    /// Whether it may put its recipient on the suppression list.
    pub may_condemn: bool,
}

impl IncomingReport {
    /// The report as it counts while a sandbox sends messages to somebody who stands in for their recipients: it settles
    /// the notification, and says nothing about the recipient's own address.
    #[must_use]
    pub fn for_recipients_of(mut self, catalog: &dyn Catalog) -> Self {
        if catalog.stands_in(self.report.recipient.as_ref()) {
            self.report.recipient = None;
            self.may_condemn = false;
        }
        self
    }
}

/// Records a report and tells what it came to. When this returns `Ok` all that follows from it is durable.
///
/// # Errors
/// The ledger's. Recording it again is safe.
pub async fn record_report(
    ledger: &dyn Ledger,
    incoming: IncomingReport,
    now: Timestamp,
) -> Result<FeedbackRecorded, LedgerError> {
    let IncomingReport { report, references, may_condemn } = incoming;
    ledger.record_feedback(Feedback { references, report, may_condemn, now }).await
}

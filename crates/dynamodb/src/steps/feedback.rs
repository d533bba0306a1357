//! Recording what comes back.

use postrider_core::domain::feedback::{Reference, ReportKind};
use postrider_core::domain::outcome::Words;
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::Consequence;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::limits::{PROVIDER_ID_BYTES_MAX, TIMELINE_REPORTS_MAX};
use postrider_core::ports::feedback::{Feedback, FeedbackEffect, FeedbackRecorded};
use postrider_core::ports::ledger::LedgerError;

use crate::record::Record;
use crate::work::{Step, Work};

/// [`record_feedback`](postrider_core::ports::feedback::FeedbackLedger::record_feedback).
pub(crate) struct RecordFeedback(pub(crate) Feedback);

impl Step for RecordFeedback {
    type Output = FeedbackRecorded;

    async fn run(&self, work: &mut Work<'_>) -> Result<FeedbackRecorded, LedgerError> {
        let feedback = &self.0;
        let mut unknown = None;
        for reference in &feedback.references {
            let id = match reference {
                Reference::Notification(id) => Some(*id),
                Reference::Provider(id) if id.is_empty() || id.len() > PROVIDER_ID_BYTES_MAX => None,
                Reference::Provider(id) => {
                    let known = work.provider(id).await?;
                    let notification = known.notification;
                    if notification.is_none() && unknown.is_none() {
                        unknown = Some((id, known));
                    }
                    notification
                }
            };
            let Some(id) = id else { continue };
            if let Some(mut record) = work.record(id).await? {
                let recorded = work.report(&mut record, feedback).await?;
                if matches!(recorded, FeedbackRecorded::Recorded(_)) {
                    work.save(&mut record);
                }
                return Ok(recorded);
            }
        }
        Ok(match unknown {
            Some((id, known)) => work.keep(id, known, feedback),
            None => FeedbackRecorded::Orphan,
        })
    }
}

impl Work<'_> {
    /// Applies a report to the notification it led to, and does what follows for its recipient.
    pub(super) async fn report(
        &mut self,
        record: &mut Record,
        feedback: &Feedback,
    ) -> Result<FeedbackRecorded, LedgerError> {
        let id = record.notification.id;
        if says_nothing_new(record, feedback) || self.is_known(record, feedback).await? {
            return Ok(FeedbackRecorded::Repeated(id));
        }
        let Some(impact) = feedback.impact(&record.notification) else { return Ok(FeedbackRecorded::Orphan) };
        let is_crowded = record.entry_count() >= TIMELINE_REPORTS_MAX;
        if is_crowded && !impact.says_more_than(&record.notification) {
            return Ok(FeedbackRecorded::Dropped(id));
        }
        let sent_at = record.sent_at();
        let before = record.status();
        let status = impact.lifecycle.status;
        // While it is `sending`, its last change is the claim: that is where the claim's time is read from. And a report
        // that has waited for its message is no change of long ago.
        let updated_at = record.notification.updated_at;
        let changed_at = if status == Status::Sending { updated_at } else { feedback.now.max(updated_at) };
        self.change(record, impact.lifecycle, changed_at, Some(impact.entry));
        let to = record.notification.to.clone();
        let suppressed = match impact.consequence {
            Consequence::None => None,
            Consequence::Suppress(reason) => Some(reason),
            Consequence::CountSoftBounce => self.count_soft_bounce(id, &to, feedback.now).await?,
        };
        if let Some(reason) = suppressed {
            self.suppress(&feedback.suppression(&to, reason, self.context.rules.soft_bounces)).await?;
        }
        let kind = feedback.report.kind;
        Ok(FeedbackRecorded::Recorded(FeedbackEffect { id, kind, before, status, sent_at, suppressed }))
    }

    /// Whether the report is on the timeline already.
    async fn is_known(&self, record: &Record, feedback: &Feedback) -> Result<bool, LedgerError> {
        let fingerprint = feedback.report.fingerprint;
        let entries = self.context.timeline_of(record).await?;
        Ok(entries.iter().any(|entry| entry.report.is_some_and(|report| report.fingerprint == fingerprint)))
    }
}

/// Whether the mail service reports that it took a message which our own record says it took, under the same id. That
/// is in every successful send, and worth no write.
fn says_nothing_new(record: &Record, feedback: &Feedback) -> bool {
    feedback.report.kind == ReportKind::Accepted
        && feedback.references.iter().any(|reference| match reference {
            Reference::Notification(_) => false,
            Reference::Provider(id) => record.entries.iter().any(|entry| {
                let taken_as = entry.words.as_ref().and_then(Words::ses_message_id);
                entry.kind == TimelineKind::Sent && taken_as == Some(id)
            }),
        })
}

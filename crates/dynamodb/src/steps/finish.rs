//! Recording the end of an attempt.

use postrider_core::domain::lifecycle::{Step as LifecycleStep, Verdict};
use postrider_core::limits::EARLY_REPORT_MS_MAX;
use postrider_core::ports::feedback::{FeedbackEffect, FeedbackRecorded};
use postrider_core::ports::ledger::{FinishAttempt, Finished, LedgerError};

use super::provider::Known;
use crate::keys;
use crate::record::Record;
use crate::work::{Step, Work};

/// The mailer whose messages carry our id, so that every report finds its way without the id the service gave.
const TAGGING_MAILER: &str = "ses";

/// [`finish_attempt`](postrider_core::ports::ledger::Ledger::finish_attempt).
pub(crate) struct Finishing(pub(crate) FinishAttempt);

impl Step for Finishing {
    type Output = Finished;

    async fn run(&self, work: &mut Work<'_>) -> Result<Finished, LedgerError> {
        let finish = &self.0;
        work.recall(&keys::notification(finish.id));
        let Some(mut record) = work.record(finish.id).await? else { return Ok(Finished::Stale) };
        let before = record.notification.lifecycle.clone();
        let step = LifecycleStep::Finish { fence: finish.fence, verdict: finish.verdict.clone() };
        let Ok(after) = before.apply(&step) else {
            // Too late to say what becomes of it, but what the attempt learned is true all the same.
            let effects = learn(work, &mut record, finish).await?;
            if !effects.is_empty() {
                work.save(&mut record);
            }
            return Ok(Finished::Stale);
        };
        if let Some(copy) = finish.kept_copy() {
            record.copy = Some(copy.clone());
        }
        work.change(&mut record, after, finish.now, Some(finish.entry(&before)));
        let effects = learn(work, &mut record, finish).await?;
        work.save(&mut record);
        let status = record.status();
        Ok(if effects.is_empty() {
            Finished::Recorded(status)
        } else {
            Finished::RecordedWithReports { status, effects }
        })
    }
}

/// What an attempt teaches besides its outcome: an address that is gone, and the mail service's id of the message, with
/// the reports that waited for it.
async fn learn(
    work: &mut Work<'_>,
    record: &mut Record,
    finish: &FinishAttempt,
) -> Result<Vec<FeedbackEffect>, LedgerError> {
    // Nobody has had it under a fence that was never given.
    if finish.fence == 0 || finish.fence > record.notification.lifecycle.fence {
        return Ok(Vec::new());
    }
    if let Some(entry) = finish.suppression(&record.notification.to) {
        work.suppress(&entry).await?;
    }
    if finish.verdict != Verdict::Sent || finish.mailer == TAGGING_MAILER {
        return Ok(Vec::new());
    }
    let Some(provider_id) = finish.words.ses_message_id() else { return Ok(Vec::new()) };
    let Known { notification, early } = work.provider(provider_id).await?;
    if notification.is_some() && early.is_empty() {
        return Ok(Vec::new());
    }
    let mut effects = Vec::new();
    for feedback in &early {
        if finish.now.ms_since(feedback.now) > EARLY_REPORT_MS_MAX {
            continue;
        }
        if let FeedbackRecorded::Recorded(effect) = work.report(record, feedback).await? {
            effects.push(effect);
        }
    }
    let notification = notification.or(Some(finish.id));
    work.save_provider(provider_id, &Known { notification, early: Vec::new() });
    Ok(effects)
}

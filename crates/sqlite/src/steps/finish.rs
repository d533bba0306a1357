//! Recording the end of an attempt.

use postrider_core::domain::lifecycle::{Step, Verdict};
use postrider_core::ports::feedback::FeedbackEffect;
use postrider_core::ports::ledger::{FinishAttempt, Finished};

use super::feedback::learn_provider_id;
use super::{WriteStep, Writing};
use crate::rows::{StoredNotification, load};

/// [`finish_attempt`](postrider_core::ports::ledger::Ledger::finish_attempt).
pub(crate) struct Finishing(pub(crate) FinishAttempt);

impl WriteStep for Finishing {
    type Output = Finished;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Finished> {
        let finish = &self.0;
        let Some(mut stored) = load(writing.connection, finish.id)? else { return Ok(Finished::Stale) };
        let before = &stored.notification.lifecycle;
        let step = Step::Finish { fence: finish.fence, verdict: finish.verdict.clone() };
        let Ok(after) = before.apply(&step) else {
            // Too late to say what becomes of it, but what the attempt learned is true all the same.
            learn(writing, &mut stored, finish)?;
            return Ok(Finished::Stale);
        };
        let entry = finish.entry(before);
        writing.store(&mut stored, after, finish.now, Some((&entry, finish.kept_copy())))?;
        let effects = learn(writing, &mut stored, finish)?;
        let status = stored.notification.lifecycle.status;
        Ok(if effects.is_empty() {
            Finished::Recorded(status)
        } else {
            Finished::RecordedWithReports { status, effects }
        })
    }
}

/// What an attempt teaches besides its outcome: an address that is gone, and the mail service's id of the message, with
/// the reports that waited for it.
fn learn(
    writing: &mut Writing<'_>,
    stored: &mut StoredNotification,
    finish: &FinishAttempt,
) -> rusqlite::Result<Vec<FeedbackEffect>> {
    // Nobody has had it under a fence that was never given.
    if finish.fence == 0 || finish.fence > stored.notification.lifecycle.fence {
        return Ok(Vec::new());
    }
    if let Some(entry) = finish.suppression(&stored.notification.to) {
        writing.suppress(&entry)?;
    }
    match finish.words.ses_message_id().filter(|_| finish.verdict == Verdict::Sent) {
        Some(provider_id) => learn_provider_id(writing, stored, provider_id, finish.now),
        None => Ok(Vec::new()),
    }
}

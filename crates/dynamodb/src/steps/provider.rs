//! What is known under the id a mail service gave a message: whose it is, or reports that wait until that is known.

use std::borrow::Cow;

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::EARLY_REPORT_MS_MAX;
use postrider_core::ports::feedback::{Feedback, FeedbackRecorded, early_reports_max};
use postrider_core::ports::ledger::LedgerError;

use crate::codec::{Garbled, Reader, Writer};
use crate::keys;
use crate::record::{read_report, write_report};
use crate::work::{Draft, Work};

/// The format of such an item.
const FORMAT: u8 = 1;
const PART: &str = "reports";

/// What is known under an id.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Whose message has it.
    pub(super) notification: Option<NotificationId>,
    /// Reports that wait, oldest first.
    pub(super) early: Vec<Feedback>,
}

impl Work<'_> {
    /// What is known under `id`.
    pub(super) async fn provider(&mut self, id: &str) -> Result<Known, LedgerError> {
        let key = keys::provider(id);
        let context = self.context;
        let known = self.body(&key).await?.map(read).transpose();
        Ok(known.map_err(|garbled| context.garbled(&key, &garbled))?.unwrap_or_default())
    }

    /// From now on this is known under `id`.
    pub(super) fn save_provider(&mut self, id: &str, known: &Known) {
        let newest = known.early.iter().map(|feedback| feedback.now).max();
        // Reports that wait have their time; whose a message is stays true.
        let expires_at = match known.notification {
            Some(_) => None,
            None => newest
                .and_then(|at| u64::try_from(at.plus_ms(EARLY_REPORT_MS_MAX).as_millis() / 1000 + 1).ok()),
        };
        let label = Some(Cow::Borrowed("message id"));
        let draft = Draft { label, expires_at, body: write(known), ..Draft::default() };
        self.put(&keys::provider(id), draft);
    }

    /// Keeps a report until its message is known under `id`, within bounds.
    pub(super) fn keep(&mut self, id: &str, mut known: Known, feedback: &Feedback) -> FeedbackRecorded {
        let fingerprint = feedback.report.fingerprint;
        let is_full = known.early.len() >= early_reports_max(&feedback.report);
        match known.early.iter_mut().find(|early| early.report.fingerprint == fingerprint) {
            Some(early) => early.now = feedback.now,
            None if is_full => return FeedbackRecorded::Orphan,
            None => known.early.push(Feedback { references: Vec::new(), ..feedback.clone() }),
        }
        self.save_provider(id, &known);
        FeedbackRecorded::Kept
    }
}

fn write(known: &Known) -> Vec<u8> {
    let mut body = Writer::of_format(FORMAT);
    body.optional(known.notification, |body, id| body.fixed(&id.to_bytes()));
    body.number(known.early.len() as u64);
    for feedback in &known.early {
        body.instant(feedback.now, Timestamp::EPOCH);
        body.byte(u8::from(feedback.may_condemn));
        write_report(&mut body, &feedback.report);
    }
    body.finish()
}

fn read(body: &[u8]) -> Result<Known, Garbled> {
    let mut body = Reader::of_format(body, FORMAT)?;
    let notification = body.optional(PART, |body| body.fixed(PART).map(NotificationId::from_bytes))?;
    let count: usize = body.small(PART)?;
    let early = (0..count).map(|_| {
        let now = body.instant(Timestamp::EPOCH, PART)?;
        let may_condemn = body.byte(PART)? == 1;
        Ok(Feedback { references: Vec::new(), report: read_report(&mut body)?, may_condemn, now })
    });
    Ok(Known { notification, early: early.collect::<Result<_, _>>()? })
}

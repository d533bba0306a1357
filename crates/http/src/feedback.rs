//! Takes in what comes back, by whatever way: records it, counts it, and says so in the log.

use postrider_core::domain::feedback::{Reference, Report, ReportKind, ReportSource};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::ports::feedback::FeedbackRecorded;
use postrider_core::ports::ledger::LedgerError;
use postrider_core::use_cases::record_feedback::{IncomingReport, record_report};

use postrider_mail::bounce::{self, BounceReport, MessageKind};

use crate::state::Api;

impl Api {
    /// Records reports that came together and share what leads to their notification. When this returns `Ok` all of it
    /// is durable.
    ///
    /// # Errors
    /// The ledger's. Some may be recorded then; taking all of them in again changes nothing about those.
    pub async fn take_reports(
        &self,
        references: &[Reference],
        reports: Vec<Report>,
    ) -> Result<Vec<FeedbackRecorded>, LedgerError> {
        let incoming = reports.into_iter().map(|report| IncomingReport {
            report,
            references: references.to_vec(),
            may_condemn: true,
        });
        self.take_incoming(incoming.collect()).await
    }

    /// The same for reports each of which says for itself what it is about.
    ///
    /// # Errors
    /// As [`Api::take_reports`].
    pub async fn take_incoming(
        &self,
        incoming: Vec<IncomingReport>,
    ) -> Result<Vec<FeedbackRecorded>, LedgerError> {
        let now = self.clock.now();
        let mut recorded = Vec::with_capacity(incoming.len());
        for each in incoming {
            let each = each.for_recipients_of(&*self.types);
            // One by one, so that what is durable is counted although a later one fails.
            let result = record_report(&*self.ledger, each, now).await?;
            self.metrics.count_feedback(&result, now);
            log(&result);
            recorded.push(result);
        }
        Ok(recorded)
    }
}

/// What a mail came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTaken {
    /// What kind of mail it is.
    pub kind: MessageKind,
    /// What it says and what recording that came to.
    pub reports: Vec<(ReportKind, FeedbackRecorded)>,
}

impl Api {
    /// Reads a bounce, a complaint or an answer, and records what it says. `about` is the notification whose signed
    /// return path it was sent to; without it a signed return path among the addresses the mail names decides, and then
    /// the Message-ID of what it returns.
    ///
    /// # Errors
    /// The ledger's, as [`Api::take_reports`].
    pub async fn take_message(
        &self,
        bytes: Vec<u8>,
        about: Option<NotificationId>,
    ) -> Result<MessageTaken, LedgerError> {
        // A large mail takes a while to read, and others wait for this thread.
        let reading = match tokio::task::spawn_blocking(move || bounce::read(&bytes)).await {
            Ok(reading) => reading,
            // Whoever sent it keeps it: nothing is taken that was not read.
            Err(error) => {
                tracing::error!(%error, "a mail could not be read; unless the server is stopping, please report this");
                return Err(LedgerError::Unavailable { reason: "a mail could not be read".to_owned() });
            }
        };
        let about = about.or_else(|| {
            let return_paths = self.return_paths.as_ref()?;
            reading.addressed_to.iter().find_map(|address| return_paths.verify(address))
        });
        let mut kinds = Vec::with_capacity(reading.reports.len());
        let mut incoming = Vec::with_capacity(reading.reports.len());
        for BounceReport { report, reference } in reading.reports {
            kinds.push(report.kind);
            // With signed return paths a bounce that came without one may be anybody's. Complaints come to an address of
            // their own, and so without.
            let may_condemn =
                about.is_some() || self.return_paths.is_none() || report.source == ReportSource::Arf;
            let references = about.into_iter().chain(reference).map(Reference::Notification).collect();
            incoming.push(IncomingReport { report, references, may_condemn });
        }
        let recorded = self.take_incoming(incoming).await?;
        Ok(MessageTaken { kind: reading.kind, reports: kinds.into_iter().zip(recorded).collect() })
    }
}

fn log(recorded: &FeedbackRecorded) {
    match recorded {
        FeedbackRecorded::Recorded(effect) => {
            let suppressed = effect.suppressed.map(SuppressionReason::as_str);
            tracing::info!(notification_id = %effect.id, status = %effect.status, suppressed, "a report was recorded");
        }
        FeedbackRecorded::Orphan => tracing::info!("a report is about nothing that was sent from here"),
        FeedbackRecorded::Repeated(_) | FeedbackRecorded::Dropped(_) | FeedbackRecorded::Kept => {}
    }
}

//! From what was found to the report that is recorded.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::EnhancedStatus;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Report, ReportKind, ReportSource};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::Words;
use postrider_core::domain::time::Timestamp;

use super::message::Message;
use super::reference;

/// What a mail says about one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BounceReport {
    /// What it says.
    pub report: Report,
    /// The notification to which the message that came back belongs, by its own header. A signed return path to which
    /// the mail came knows better.
    pub reference: Option<NotificationId>,
}

/// The makings of a report.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub kind: ReportKind,
    /// What it says, in the word of its standard: stays when the reading of the reasons gets better.
    pub action: &'a str,
    pub status: Option<EnhancedStatus>,
    pub diagnostic: &'a str,
    pub recipient: Option<EmailAddress>,
    pub occurred_at: Option<Timestamp>,
    /// Who reports.
    pub reporter: &'a str,
    /// The instants that tell this report from another one of the same words.
    pub dates: [Option<Timestamp>; 3],
}

impl Draft<'_> {
    /// The report, named by its meaning: read once more from a mailbox, with other trace fields and in another
    /// encoding, it has the same fingerprint.
    pub fn report(self, message: &Message<'_>) -> BounceReport {
        let source = match self.kind {
            ReportKind::Complained | ReportKind::NotSpam => ReportSource::Arf,
            _ if message.feedback.is_some() => ReportSource::Arf,
            _ => ReportSource::Dsn,
        };
        let reference = reference::find(message);
        let diagnostic = Words::new(self.diagnostic);
        let status = self.status.map(|status| status.to_string()).unwrap_or_default();
        let recipient = self.recipient.as_ref().map(EmailAddress::normalized).unwrap_or_default();
        let reporter = self.reporter.split_whitespace().collect::<String>().to_ascii_lowercase();
        let dates = self.dates.map(|date| date.map_or(-1, Timestamp::as_millis).to_be_bytes());
        let fingerprint = Fingerprint::of_parts(&[
            b"mail",
            source.as_str().as_bytes(),
            self.action.as_bytes(),
            status.as_bytes(),
            recipient.as_bytes(),
            diagnostic.as_str().as_bytes(),
            reporter.as_bytes(),
            &dates.concat(),
            &reference.map(NotificationId::to_bytes).unwrap_or_default(),
        ]);
        let report = Report {
            kind: self.kind,
            status: self.status,
            diagnostic,
            source,
            occurred_at: self.occurred_at,
            recipient: self.recipient,
            fingerprint,
        };
        BounceReport { report, reference }
    }
}

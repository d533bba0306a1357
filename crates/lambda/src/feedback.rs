//! `feedback`: what SES says about messages, out of a queue.
//!
//! A report is recorded before the queue forgets it, and one that comes again changes nothing. What is about nothing we
//! sent is done with. What is no event of SES alone comes again, until the queue moves it to its dead letters.

use postrider_aws::emf::Measurements;
use postrider_aws::ingest::{BatchAnswer, QueueBatch, QueueMessage, loggable};
use postrider_aws::ses_event::SesEvent;
use postrider_aws::sqs::ses_event_of_sqs_body;
use postrider_core::limits::DISPATCH_RECORD_MS;
use postrider_core::ports::ledger::LedgerError;
use postrider_core::use_cases::record_feedback::{IncomingReport, record_report};

use crate::batch::{self, Bounds, Fate};
use crate::invocation::Invocation;
use crate::parts::Parts;
use crate::tally;

/// Records what a batch reports, at most [`Parts::concurrency`] messages at once, and says which of them must come again.
pub async fn handle(
    parts: &Parts,
    batch: QueueBatch,
    invocation: &Invocation,
) -> (BatchAnswer, Measurements) {
    let bounds = Bounds {
        concurrency: parts.concurrency,
        clock: &*parts.clock,
        until: invocation.until(),
        needed_ms: DISPATCH_RECORD_MS,
    };
    batch::deal_with(batch, bounds, async |message, measured| deal_with(parts, message, measured).await).await
}

async fn deal_with(parts: &Parts, message: &QueueMessage, measured: &mut Measurements) -> Fate {
    let message_id = || loggable(&message.message_id);
    let event = match ses_event_of_sqs_body(message.body.as_deref().unwrap_or_default()) {
        Ok(event) => event,
        Err(error) => {
            tracing::error!(
                message_id = message_id(), receive_count = message.receive_count(), cause = %error,
                "a message of the feedback queue is no event of SES; it comes again until the queue moves it to its dead \
                 letters. Look there what it is, and who may write to the queue"
            );
            return Fate::Again;
        }
    };
    match record(parts, event, measured).await {
        Ok(()) => Fate::Done,
        Err(error) => {
            tracing::error!(message_id = message_id(), %error, "a report could not be recorded; it comes again");
            Fate::Again
        }
    }
}

/// One by one, so that what is durable is counted although a later one fails.
async fn record(parts: &Parts, event: SesEvent, measured: &mut Measurements) -> Result<(), LedgerError> {
    for report in event.reports {
        let now = parts.clock.now();
        let incoming = IncomingReport { report, references: event.references.clone(), may_condemn: true };
        let incoming = incoming.for_recipients_of(&*parts.catalog);
        tally::report(&record_report(&*parts.ledger, incoming, now).await?, now, measured);
    }
    Ok(())
}

//! Postrider's side: its own poller and reader over a queue that is always full, and its own ledger.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use postrider_aws::ingest::QueueMessage;
use postrider_aws::sqs::{Handler, Queue, QueueFault, Received, Retry, poll, ses_event_of_sqs_body};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::SQS_BATCH_MAX;
use postrider_core::ports::feedback::FeedbackRecorded;
use postrider_core::ports::ledger::Ledger;
use postrider_core::use_cases::record_feedback::{IncomingReport, record_report};
use postrider_testkit::random::SeededRandom;
use tokio::sync::watch;

use crate::latency::{Latencies, Summary};
use crate::{Failure, process};

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub struct IntakeRun {
    /// Requests that asked the queue at the same time.
    pub receivers: usize,
    /// From the first request to the queue until the last message was deleted.
    pub seconds: f64,
    /// Events recorded a second.
    pub rate: f64,
    /// CPU time of this process, user and system, divided by the events.
    pub cpu_ms_per_event: f64,
    /// From a message's arrival to its report being durable.
    pub recorded: Summary,
}

/// A queue that answers at once: what stays out of the measurement is Amazon's network.
struct ReadyQueue {
    messages: Mutex<VecDeque<Received>>,
    left: AtomicUsize,
    stop: watch::Sender<bool>,
}

#[async_trait]
impl Queue for ReadyQueue {
    async fn receive(&self) -> Result<Vec<Received>, QueueFault> {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let count = messages.len().min(SQS_BATCH_MAX);
        Ok(messages.drain(..count).collect())
    }

    async fn delete(&self, receipts: Vec<String>) -> Result<(), QueueFault> {
        if self.left.fetch_sub(receipts.len(), Ordering::SeqCst) == receipts.len() {
            self.stop.send_replace(true);
        }
        Ok(())
    }
}

/// What `serve` does with a message, and the time it took.
struct Recording {
    ledger: Arc<dyn Ledger>,
    now: Timestamp,
    latencies: Mutex<Latencies>,
    failures: AtomicUsize,
}

#[async_trait]
impl Handler for Recording {
    async fn handle(&self, message: &QueueMessage) -> Result<(), Retry> {
        let begun = Instant::now();
        let recorded = match ses_event_of_sqs_body(message.body.as_deref().unwrap_or_default()) {
            Ok(event) => {
                let mut recorded = Vec::new();
                for report in event.reports {
                    let references = event.references.clone();
                    let incoming = IncomingReport { report, references, may_condemn: true };
                    recorded.extend(record_report(&*self.ledger, incoming, self.now).await);
                }
                recorded
            }
            Err(_) => Vec::new(),
        };
        if !matches!(recorded.as_slice(), [FeedbackRecorded::Recorded(_)]) {
            self.failures.fetch_add(1, Ordering::SeqCst);
        }
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).record(begun.elapsed());
        Ok(())
    }
}

/// Takes `bodies` out of a queue with `receivers` receivers and records what they report.
///
/// # Errors
/// If one of them is not recorded, or was known before.
pub async fn run(
    ledger: Arc<dyn Ledger>,
    bodies: Vec<String>,
    receivers: usize,
    now: Timestamp,
) -> Result<IntakeRun, Failure> {
    let count = bodies.len();
    let (stop, stopped) = watch::channel(false);
    let message = |body| QueueMessage { body: Some(body), ..QueueMessage::default() };
    let messages = (0..count)
        .zip(bodies)
        .map(|(n, body)| Received { message: message(body), receipt: n.to_string() })
        .collect();
    let queue = Arc::new(ReadyQueue { messages: Mutex::new(messages), left: AtomicUsize::new(count), stop });
    let recording =
        Arc::new(Recording { ledger, now, latencies: Mutex::default(), failures: AtomicUsize::new(0) });
    let cpu_before = process::cpu_ms(std::process::id())?;
    let begun = Instant::now();
    poll(queue, Arc::clone(&recording) as _, Arc::new(SeededRandom::new(1)), receivers, stopped).await;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_ms = process::cpu_ms(std::process::id())? - cpu_before;
    let failures = recording.failures.load(Ordering::SeqCst);
    if failures > 0 {
        return Err(format!("{failures} of {count} events were not recorded").into());
    }
    let recorded = recording.latencies.lock().unwrap_or_else(PoisonError::into_inner).summary();
    let events = u32::try_from(count)?;
    Ok(IntakeRun {
        receivers,
        seconds,
        rate: f64::from(events) / seconds,
        cpu_ms_per_event: f64::from(u32::try_from(cpu_ms)?) / f64::from(events),
        recorded,
    })
}

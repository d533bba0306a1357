//! What Lambda does between a queue and a function.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::function::{Function, Outcome};
use crate::emulator::{Message, Queue, REGION};

/// How many messages one receive gives at most.
const RECEIVE_MAX: usize = 10;
/// The largest batch that one invocation gets here. Lambda allows 10,000, within 6 MB.
const BATCH_MAX: usize = 1_000;

/// A queue whose messages a function gets in batches.
#[derive(Clone, Debug)]
pub struct EventSource {
    queue: Queue,
    batch_size: usize,
    reports_failures: bool,
}

/// What one poll brought.
#[derive(Clone, Debug, Default)]
pub struct Polled {
    /// Messages received and handed over; none where the queue had none to give.
    pub received: usize,
    /// Messages deleted, because the function is done with them.
    pub deleted: usize,
    /// What became of the invocation, if there was one.
    pub outcome: Option<Outcome>,
}

/// What draining a queue took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Invocations.
    pub invocations: usize,
    /// Messages handed over, again each time.
    pub received: usize,
    /// Messages deleted.
    pub deleted: usize,
    /// Receives that brought nothing.
    pub empty_polls: usize,
}

impl EventSource {
    /// Batches of at most 10 messages, with `ReportBatchItemFailures`.
    #[must_use]
    pub fn new(queue: &Queue) -> Self {
        Self { queue: queue.clone(), batch_size: RECEIVE_MAX, reports_failures: true }
    }

    /// Batches of so many, 1 to 1,000.
    #[must_use]
    pub fn batch_size(self, size: usize) -> Self {
        Self { batch_size: size.clamp(1, BATCH_MAX), ..self }
    }

    /// Without `ReportBatchItemFailures`: what the function returns says nothing.
    #[must_use]
    pub fn without_failure_reports(self) -> Self {
        Self { reports_failures: false, ..self }
    }

    /// Receives a batch, waiting `wait_secs` for its first message, invokes the function with it, and deletes what the
    /// function is done with. What it is not done with stays invisible for as long as the queue says.
    ///
    /// # Panics
    /// If SQS refuses what it was not told to refuse.
    pub fn poll(&self, function: &Function, wait_secs: u32) -> Polled {
        let batch = self.receive(wait_secs);
        if batch.is_empty() {
            return Polled::default();
        }
        let outcome = function.invoke(&self.event(&batch));
        let failed = self.failures(&batch, &outcome);
        let done: Vec<&Message> =
            batch.iter().filter(|message| !failed.contains(message.id.as_str())).collect();
        // A delete that fails leaves the message there, to be handed over again; as on AWS.
        let deleted = if self.queue.delete(done.iter().copied()).is_ok() { done.len() } else { 0 };
        Polled { received: batch.len(), deleted, outcome: Some(outcome) }
    }

    /// Polls with as many functions at a time until nothing is visible nor in flight.
    ///
    /// # Panics
    /// If that takes longer than `within`.
    pub fn drain(&self, functions: &[Function], within: Duration) -> Drained {
        let deadline = Instant::now() + within;
        thread::scope(|scope| {
            let pollers: Vec<_> = functions
                .iter()
                .map(|function| scope.spawn(move || self.drain_with(function, deadline)))
                .collect();
            let mut total = Drained::default();
            for poller in pollers {
                let one = poller.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                total.invocations += one.invocations;
                total.received += one.received;
                total.deleted += one.deleted;
                total.empty_polls += one.empty_polls;
            }
            total
        })
    }

    fn drain_with(&self, function: &Function, deadline: Instant) -> Drained {
        let mut drained = Drained::default();
        let mut wait_secs = 0;
        loop {
            let polled = self.poll(function, wait_secs);
            if polled.received > 0 {
                drained.invocations += 1;
                drained.received += polled.received;
                drained.deleted += polled.deleted;
                wait_secs = 0;
            } else {
                drained.empty_polls += 1;
                let (visible, in_flight) = self.queue.depth();
                if (visible, in_flight) == (0, 0) {
                    return drained;
                }
                // It ends as soon as one is visible again.
                wait_secs = 1;
            }
            assert!(
                Instant::now() < deadline,
                "{} is not empty yet: {:?} visible and in flight, {drained:?}",
                self.queue.arn(),
                self.queue.depth()
            );
        }
    }

    fn receive(&self, wait_secs: u32) -> Vec<Message> {
        let mut batch = Vec::new();
        while batch.len() < self.batch_size {
            let wait = if batch.is_empty() { wait_secs } else { 0 };
            // Lambda's pollers go on after an error; so does the caller.
            let some = self.queue.try_receive(self.batch_size - batch.len(), wait).unwrap_or_default();
            let is_last = some.len() < RECEIVE_MAX;
            batch.extend(some);
            if is_last {
                break;
            }
        }
        batch
    }

    /// The event as a function gets it.
    fn event(&self, batch: &[Message]) -> Value {
        let records: Vec<Value> = batch.iter().map(|message| record(message, self.queue.arn())).collect();
        json!({ "Records": records })
    }

    /// The ids that stay: those the function names; all of them where it failed, or where what it says cannot be
    /// understood.
    fn failures<'a>(&self, batch: &'a [Message], outcome: &Outcome) -> BTreeSet<&'a str> {
        let all = || batch.iter().map(|message| message.id.as_str()).collect();
        match outcome {
            Outcome::Answered(_) if !self.reports_failures => BTreeSet::new(),
            Outcome::Answered(answer) => named_failures(batch, answer).unwrap_or_else(all),
            Outcome::Unreadable(_) | Outcome::Failed { .. } | Outcome::TimedOut | Outcome::Exited(_) => all(),
        }
    }
}

/// Nothing, an empty object, and no or an empty list are a success of everything. An entry without a known id makes
/// everything fail.
fn named_failures<'a>(batch: &'a [Message], answer: &Value) -> Option<BTreeSet<&'a str>> {
    let entries = match answer {
        Value::Null => return Some(BTreeSet::new()),
        Value::Object(answer) => answer.get("batchItemFailures").unwrap_or(&Value::Null),
        _ => return None,
    };
    match entries {
        Value::Null => Some(BTreeSet::new()),
        Value::Array(entries) => entries
            .iter()
            .map(|entry| {
                let id = entry["itemIdentifier"].as_str()?;
                batch.iter().map(|message| message.id.as_str()).find(|known| *known == id)
            })
            .collect(),
        _ => None,
    }
}

fn record(message: &Message, arn: &str) -> Value {
    let attributes = message.message_attributes.as_object().into_iter().flatten();
    let attributes: serde_json::Map<String, Value> = attributes
        .map(|(name, value)| {
            let value = json!({
                "stringValue": value["StringValue"],
                "binaryValue": value["BinaryValue"],
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            });
            (name.clone(), value)
        })
        .collect();
    json!({
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.attributes,
        "messageAttributes": attributes,
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    })
}

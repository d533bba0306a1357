//! `dispatch`: order events out of a queue, sent at once.
//!
//! What may happen to a message of the queue:
//!
//! - Its event is durable in the ledger, and what it calls for was sent, or is left to the ledger's own retries and the
//!   sweep. The queue forgets it. A duplicate sends nothing.
//! - The ledger could not take it, or there was no time to begin. It comes again.
//! - It is poison: no event, a wrong one, or another event under a known business key. It alone comes again, until the
//!   queue moves it to its dead letters, and the log says why.
//!
//! The process may die at any point of this. Before the event is durable the message comes again; after that the ledger
//! knows of it, and a claim that nobody finished becomes `unknown` by the sweep.

use std::sync::atomic::{AtomicBool, Ordering};

use postrider_aws::emf::{Measurements, Metric};
use postrider_aws::ingest::{BatchAnswer, QueueBatch, QueueMessage, loggable, order_event};
use postrider_core::domain::time::Timestamp;
use postrider_core::use_cases::dispatch::{Dispatched, Ended, Sending};

use crate::batch::{self, Bounds, Fate};
use crate::invocation::Invocation;
use crate::parts::Parts;
use crate::poison::{self, Subject};
use crate::tally;

struct Work<'a> {
    parts: &'a Parts,
    until: Timestamp,
    /// Whether the way to the mail service has failed in this invocation. What is accepted then is sent by the sweep,
    /// once the way is open again: coming again from the queue would wear out the tries a message has there.
    route_is_closed: AtomicBool,
}

/// Deals with a batch, at most [`Parts::concurrency`] messages at once, and says which of them must come again.
pub async fn handle(
    parts: &Parts,
    batch: QueueBatch,
    invocation: &Invocation,
) -> (BatchAnswer, Measurements) {
    let until = invocation.until();
    // One look for all that begin now; whoever begins later sees to it that it is not too old.
    parts.is_on_hold().await;
    let bounds = Bounds {
        concurrency: parts.concurrency,
        clock: &*parts.clock,
        until,
        needed_ms: parts.dispatch(false).needed_ms(),
    };
    let work = Work { parts, until, route_is_closed: AtomicBool::new(false) };
    batch::deal_with(batch, bounds, async |message, measured| work.deal_with(message, measured).await).await
}

impl Work<'_> {
    async fn deal_with(&self, message: &QueueMessage, measured: &mut Measurements) -> Fate {
        let order = match order_event(message) {
            Ok(order) => order,
            Err(error) => {
                poison::no_event(message, &error);
                return poisoned(message, measured);
            }
        };
        let subject = Subject::from(&order);
        let is_closed = self.route_is_closed.load(Ordering::Relaxed);
        let sending = if is_closed { Sending::Later } else { Sending::Now };
        let dispatch = self.parts.dispatch(self.parts.is_on_hold().await);
        match dispatch.run(order.read, sending, self.until).await {
            Dispatched::Taken(taken) => {
                if taken.attempts.iter().any(Ended::is_route_fault) {
                    self.route_is_closed.store(true, Ordering::Relaxed);
                }
                tally::taken(&taken, measured);
                Fate::Done
            }
            Dispatched::NotTaken(error) => {
                let message_id = loggable(&message.message_id);
                tracing::error!(message_id, %error, "an event could not be made durable; it comes again");
                Fate::Again
            }
            Dispatched::Poison(poison) => {
                poison::event(message, &subject, &poison);
                poisoned(message, measured)
            }
        }
    }
}

/// A message that will never be taken is a dead letter from the first time it is seen, and counts then.
fn poisoned(message: &QueueMessage, measured: &mut Measurements) -> Fate {
    measured.count(Metric::DeadLetters, u64::from(message.receive_count() <= 1));
    Fate::Again
}

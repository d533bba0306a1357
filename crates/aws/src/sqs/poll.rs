//! Takes messages from a queue, has them dealt with, and only then deletes them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use postrider_core::limits::{SQS_PAUSE_MS_MAX, SQS_RECEIVERS_MAX};
use postrider_core::ports::clock::Random;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ingest::QueueMessage;

/// How long a queue that is empty must take to say so, lest we ask without end.
const EMPTY_MS_MIN: u64 = 1_000;
/// The pause after a first failure, before jitter.
const PAUSE_MS_MIN: u64 = 1_000;

/// A queue as far as it is needed here.
#[async_trait]
pub trait Queue: Send + Sync {
    /// The next messages, at most [`postrider_core::limits::SQS_BATCH_MAX`]. Waits a while if there are none.
    async fn receive(&self) -> Result<Vec<Received>, QueueFault>;

    /// Deletes messages, which are named by their receipts. What could not be deleted comes again.
    async fn delete(&self, receipts: Vec<String>) -> Result<(), QueueFault>;
}

/// A message taken from a queue.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// What it says.
    pub message: QueueMessage,
    /// The name under which it can be deleted.
    pub receipt: String,
}

/// Why a request to a queue failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueueFault(pub String);

/// A message has not been dealt with and stays in the queue. After as many tries as the queue's redrive policy says, SQS
/// moves it to the dead-letter queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry;

/// Deals with messages.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Deals with one message. `Ok` means that its effect is durable; the same message may come again all the same.
    async fn handle(&self, message: &QueueMessage) -> Result<(), Retry>;
}

/// Polls `queue` with as many receivers as `receivers` says until `stop` becomes true, and has `handler` deal with what
/// comes. What has been received when `stop` comes is still dealt with and deleted.
///
/// While requests fail, or no message can be dealt with, each receiver pauses: twice as long each time, with jitter, up to
/// a minute. Taking more messages would only wear out the tries they have.
pub async fn poll(
    queue: Arc<dyn Queue>,
    handler: Arc<dyn Handler>,
    random: Arc<dyn Random>,
    receivers: usize,
    stop: watch::Receiver<bool>,
) {
    let receiver = |_| receive(queue.as_ref(), handler.as_ref(), random.as_ref(), stop.clone());
    join_all((0..receivers.clamp(1, SQS_RECEIVERS_MAX)).map(receiver)).await;
}

async fn receive(
    queue: &dyn Queue,
    handler: &dyn Handler,
    random: &dyn Random,
    mut stop: watch::Receiver<bool>,
) {
    let mut failures = 0;
    loop {
        let begun = Instant::now();
        let received = tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            received = queue.receive() => received,
        };
        let pause = match received {
            Ok(messages) if messages.is_empty() => {
                failures = 0;
                Duration::from_millis(EMPTY_MS_MIN).saturating_sub(begun.elapsed())
            }
            Ok(messages) => {
                if deal_with(queue, handler, messages).await {
                    failures = 0;
                    continue;
                }
                backoff(&mut failures, random)
            }
            Err(fault) => {
                tracing::warn!(%fault, "the SQS queue cannot be read; trying again");
                backoff(&mut failures, random)
            }
        };
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Whether anything was dealt with and deleted.
async fn deal_with(queue: &dyn Queue, handler: &dyn Handler, messages: Vec<Received>) -> bool {
    let handled = messages
        .into_iter()
        .map(async |message| handler.handle(&message.message).await.ok().map(|()| message.receipt));
    let done: Vec<String> = join_all(handled).await.into_iter().flatten().collect();
    if done.is_empty() {
        return false;
    }
    if let Err(fault) = queue.delete(done).await {
        tracing::warn!(%fault, "messages that have been dealt with could not be deleted; they will come again");
        return false;
    }
    true
}

fn backoff(failures: &mut u32, random: &dyn Random) -> Duration {
    let ceiling = PAUSE_MS_MIN.saturating_mul(1 << (*failures).min(16)).min(SQS_PAUSE_MS_MAX);
    *failures = failures.saturating_add(1);
    // Never less than half, so that a fault does not turn into a storm.
    Duration::from_millis(ceiling / 2 + random.next_u64() % (ceiling / 2 + 1))
}

/// Ends when `stop` becomes true, or nobody is left who could make it so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

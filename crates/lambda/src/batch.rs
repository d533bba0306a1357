//! Deals with the messages of a queue batch side by side, each for itself, within the time there is.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use postrider_aws::emf::Measurements;
use postrider_aws::ingest::{BatchAnswer, QueueBatch, QueueMessage, loggable};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::Clock;

/// What becomes of a message of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The queue may forget it.
    Done,
    /// It comes again.
    Again,
}

/// The bounds of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    /// Messages in hand at once.
    pub concurrency: usize,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Until when the messages must have been dealt with.
    pub until: Timestamp,
    /// How much of that must be left for a message to be begun, in milliseconds.
    pub needed_ms: u64,
}

impl Bounds<'_> {
    fn may_begin(&self) -> bool {
        self.clock.now().plus_ms(self.needed_ms) <= self.until
    }

    fn left(&self) -> Duration {
        Duration::from_millis(self.until.ms_since(self.clock.now()))
    }
}

/// Has `deal` deal with every message for which there is time, and says which must come again: those it says, those that
/// could not be begun, one that hangs until the time is over, and one that panics. None of them keeps the others from
/// being dealt with.
pub(crate) async fn deal_with(
    batch: QueueBatch,
    bounds: Bounds<'_>,
    deal: impl AsyncFn(&QueueMessage, &mut Measurements) -> Fate,
) -> (BatchAnswer, Measurements) {
    let (mut answer, mut measured) = (BatchAnswer::default(), Measurements::default());
    if !bounds.may_begin() {
        let (left_ms, needed_ms) = (bounds.left().as_millis(), bounds.needed_ms);
        tracing::error!(
            left_ms,
            needed_ms,
            "the function has too little time to deal with even one message, so the whole batch comes again; give it a longer \
             time-out"
        );
    }
    let deal = &deal;
    let dealing = batch.messages.into_iter().map(async |message| {
        let mut measured = Measurements::default();
        let fate = if bounds.may_begin() {
            guarded(&message, bounds, deal, &mut measured).await
        } else {
            Fate::Again
        };
        (message.message_id, fate, measured)
    });
    let mut dealt_with = std::pin::pin!(stream::iter(dealing).buffer_unordered(bounds.concurrency.max(1)));
    while let Some((message_id, fate, counted)) = dealt_with.next().await {
        measured.add(counted);
        if fate == Fate::Again {
            answer.again(message_id);
        }
    }
    (answer, measured)
}

async fn guarded(
    message: &QueueMessage,
    bounds: Bounds<'_>,
    deal: &impl AsyncFn(&QueueMessage, &mut Measurements) -> Fate,
    measured: &mut Measurements,
) -> Fate {
    let dealing = AssertUnwindSafe(deal(message, measured)).catch_unwind();
    let message_id = || loggable(&message.message_id);
    match tokio::time::timeout(bounds.left(), dealing).await {
        Ok(Ok(fate)) => fate,
        Ok(Err(_)) => {
            tracing::error!(
                message_id = message_id(),
                "a message of the queue ended in a panic, which is a fault of the program and stands in the log before this; it \
                 comes again"
            );
            Fate::Again
        }
        Err(_) => {
            tracing::error!(
                message_id = message_id(),
                "a message of the queue was not dealt with in time; it comes again, and nothing is done twice for it"
            );
            Fate::Again
        }
    }
}

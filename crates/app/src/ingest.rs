//! Events out of a queue at Amazon, besides those over HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use postrider_aws::ingest::{QueueMessage, loggable, order_event};
use postrider_aws::sqs::{self, AwsQueue, Handler, Retry};
use postrider_core::limits::LOGGED_FIELDS_MAX;
use postrider_core::ports::ledger::AcceptResult;
use postrider_environment::config::IngestSettings;
use postrider_http::Problem;
use postrider_http::api::v1::events;
use postrider_http::state::Api;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Takes events out of the queue the settings name, if they name one, until `stop` turns true.
pub fn start(settings: &IngestSettings, api: &Api, stop: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
    let IngestSettings::Sqs(queue) = settings else { return };
    let (config, receivers) = (queue.config.clone(), queue.receivers);
    let (orders, random, stop) = (Orders { api: api.clone() }, Arc::clone(&api.random), stop.clone());
    tasks.spawn(async move {
        let queue = Arc::new(AwsQueue::connect(config).await);
        sqs::poll(queue, Arc::new(orders), random, receivers, stop).await;
    });
}

/// Accepts what messages of the queue say. What will never be accepted stays in the queue all the same: its redrive
/// policy moves it to its dead letters, from where it can be redriven once it fits.
struct Orders {
    api: Api,
}

#[async_trait]
impl Handler for Orders {
    async fn handle(&self, message: &QueueMessage) -> Result<(), Retry> {
        let message_id = loggable(&message.message_id);
        let receive_count = message.receive_count();
        let order = order_event(message).map_err(|error| {
            tracing::error!(
                message_id, receive_count, code = error.code(), cause = %error,
                "a message of the event queue is no event; it stays until the queue moves it to its dead letters"
            );
            Retry
        })?;
        let (order_id, event_type) = (order.order_id.as_deref(), order.event_type.as_deref());
        match events::accept(&self.api, order.read, None).await {
            Ok(AcceptResult::Accepted(_)) => Ok(()),
            // Only an acceptance under an idempotency key comes to these, and there is none here.
            Ok(AcceptResult::Replayed(_) | AcceptResult::IdempotencyKeyReused) => Ok(()),
            Ok(AcceptResult::BusinessKeyConflict { existing, notification_type }) => {
                tracing::error!(
                    message_id, receive_count, order_id, event_type, code = "business_key_conflict",
                    notification_id = %existing, notification_type,
                    "an event has the business key of an earlier one and other data; nothing was sent for it, the first \
                     stays. It stays in the queue until that moves it to its dead letters. If it is another order, \
                     publish it with an orderId of its own"
                );
                Err(Retry)
            }
            Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => {
                tracing::error!(
                    message_id,
                    code = problem.code(),
                    "an event could not be made durable; it comes again"
                );
                Err(Retry)
            }
            Err(problem) => {
                let (code, fields) = (problem.code(), fields(&problem));
                tracing::error!(
                    message_id,
                    receive_count,
                    order_id,
                    event_type,
                    code,
                    fields,
                    "an event was not accepted, nothing was sent for it; it stays until the queue moves it to its dead \
                     letters. Correct what is named and publish it again, or redrive it once the notification types fit it"
                );
                Err(Retry)
            }
        }
    }
}

/// The wrong fields, `/data/total /data/items/0/quantity`. A member's name is its sender's text, so one that may be an
/// address is not shown.
fn fields(problem: &Problem) -> String {
    let shown = problem.pointers().take(LOGGED_FIELDS_MAX);
    let shown = shown.map(|pointer| loggable(pointer).unwrap_or_else(|| "…".to_owned()));
    shown.collect::<Vec<_>>().join(" ")
}

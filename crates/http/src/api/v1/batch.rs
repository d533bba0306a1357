//! `POST /v1/events/batch`: takes up to 500 events in, one result each.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use futures_util::future::join_all;
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use postrider_core::domain::problem::FieldError;
use postrider_core::limits::{BATCH_BYTES_MAX, BATCH_ERRORS_BYTES_MAX, BATCH_EVENTS_MAX};
use postrider_core::ports::ledger::{AcceptResult, RememberedAnswer};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::events::{self, accept, accepted_json, read_event};
use crate::Problem;
use crate::body::{self, MediaType, Received};
use crate::idempotency::{self, Outcome};
use crate::state::Api;

/// The answer to a batch.
#[derive(Serialize, ToSchema)]
pub struct BatchAnswer {
    /// One result an event, in the order of the request.
    data: Vec<BatchItem>,
}

/// What one event of a batch came to.
#[derive(Serialize, ToSchema)]
pub struct BatchItem {
    /// The status the event would have had on its own: 202, 409, 413, 422 or 503.
    status: u16,
    /// The rest: `eventId` and `notifications`, or a problem.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    rest: Map<String, Value>,
}

impl BatchItem {
    fn from_json(status: u16, json: &str) -> Self {
        let mut rest: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
        rest.remove("status");
        Self { status, rest }
    }

    fn problem(problem: &Problem) -> Self {
        Self::from_json(problem.status().as_u16(), &problem.to_json())
    }
}

/// Takes up to 500 events in. One bad event does not spoil the others.
#[utoipa::path(post, path = "/v1/events/batch", tag = "events",
    params(("type" = Option<String>, Query, description = "The type of bare orders; `order.confirmed` otherwise."),
           ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters, for the whole batch. An answer with a 503 in it is not kept: the same batch under the same key is then carried out again.")),
    request_body(content = Vec<Value>, description = "Up to 500 events, each as in `POST /v1/events`; or a CloudEvents batch.",
        content_type = "application/json"),
    responses((status = 202, description = "One result an event, in order.", body = BatchAnswer),
              (status = 400, description = "Not JSON.", body = crate::ProblemBody),
              (status = 403, description = "`forbidden_host` or `forbidden_origin`.", body = crate::ProblemBody),
              (status = 413, description = "Larger than 8 MiB.", body = crate::ProblemBody),
              (status = 422, description = "Not an array of 1 to 500 events.", body = crate::ProblemBody)))]
pub async fn post_batch(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let media_type = body::media_type(&head.headers)?;
    accept_batch(&api, &head, body, media_type).await
}

/// The work behind a batch, whichever path it came by.
///
/// Under an `Idempotency-Key` the answer is remembered for the whole batch, unless one of its results is passing (a
/// 503): then the same batch under the same key is carried out again. What was accepted the first time is found by its
/// business key and answered with `"duplicate": true`.
pub async fn accept_batch(
    api: &Api,
    head: &Parts,
    body: Body,
    media_type: MediaType,
) -> Result<Response, Problem> {
    let Received { bytes, room: _room } = body::read(api, body, BATCH_BYTES_MAX).await?;
    let value = body::syntax(&bytes)?;
    let keyed = idempotency::begin_with_body(api, head, &value)?;
    let items = match value {
        Value::Array(items) if (1..=BATCH_EVENTS_MAX).contains(&items.len()) => items,
        _ => {
            let message = format!("must be an array of 1 to {BATCH_EVENTS_MAX} events");
            let error = FieldError::new("", message);
            return Err(Problem::invalid("invalid_batch", vec![error]));
        }
    };
    // Written without spaces no event is longer than it came, so that only a long body can hold one that is too long.
    let size_limit = (bytes.len() > api.request_limit_bytes).then_some(api.request_limit_bytes);
    drop(bytes);
    let bare_type = events::query_type(&head.uri)?;
    idempotency::once(api, keyed, async {
        let results =
            items.into_iter().map(|item| try_item(api, item, size_limit, media_type, bare_type.as_deref()));
        let data = into_items(join_all(results).await);
        let is_passing = data.iter().any(|item| item.status >= 500);
        let body = serde_json::to_string(&BatchAnswer { data }).unwrap_or_default();
        let answer = RememberedAnswer { status: StatusCode::ACCEPTED.as_u16(), body };
        Ok(if is_passing { Outcome::Passing(answer) } else { Outcome::Final(answer) })
    })
    .await
}

/// One result an event. Bad events name their wrong fields as long as all of them together take less than
/// [`BATCH_ERRORS_BYTES_MAX`], then only their first.
fn into_items(results: Vec<Result<String, Problem>>) -> Vec<BatchItem> {
    let mut errors_bytes = 0;
    let items = results.into_iter().map(|result| match result {
        Ok(json) => BatchItem::from_json(StatusCode::ACCEPTED.as_u16(), &json),
        Err(mut problem) => {
            if errors_bytes + problem.errors_bytes() > BATCH_ERRORS_BYTES_MAX {
                problem.forget_all_but_the_first_error();
            }
            errors_bytes += problem.errors_bytes();
            BatchItem::problem(&problem)
        }
    });
    items.collect()
}

async fn try_item(
    api: &Api,
    item: Value,
    size_limit: Option<usize>,
    media_type: MediaType,
    bare_type: Option<&str>,
) -> Result<String, Problem> {
    if let Some(limit) = size_limit
        && item.to_string().len() > limit
    {
        let detail = format!("this event is larger than {limit} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
    }
    match accept(api, read_event(&HeaderMap::new(), media_type, item, bare_type), None).await? {
        AcceptResult::Accepted(accepted) => Ok(accepted_json(&accepted)),
        AcceptResult::BusinessKeyConflict { existing, notification_type } => {
            Err(events::conflict(&existing.to_string(), &notification_type))
        }
        // Only a keyed acceptance comes to these, and the key belongs to the batch.
        AcceptResult::Replayed(remembered) => Ok(remembered.body),
        AcceptResult::IdempotencyKeyReused => Err(idempotency::reused()),
    }
}

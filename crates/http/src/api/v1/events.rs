//! `POST /v1/events`: takes one event in.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode, Uri};
use postrider_core::domain::budget::CAUSE_BUDGET;
use postrider_core::domain::event::Event;
use postrider_core::domain::status::Status;
use postrider_core::ingest::{self, Rejected};
use postrider_core::ports::ledger::{AcceptResult, Accepted, Idempotency, RememberedAnswer};
use postrider_core::use_cases::accept_event::{AcceptError, AcceptEvent, WrongEvent};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::body::{self, MediaType, Received};
use crate::extract;
use crate::idempotency::{self, KeyedRequest, cloud_event_attributes};
use crate::state::Api;
use crate::{Problem, api::v1::batch, api::v1::view::shown, remembered};

/// The answer to an accepted event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedEvent {
    /// The event's own id, or a generated one; the first event's id when this one repeats it.
    event_id: String,
    /// The notifications it calls for.
    notifications: Vec<AcceptedNotificationView>,
}

/// One notification of an accepted event.
#[derive(Serialize, ToSchema)]
pub struct AcceptedNotificationView {
    /// Its id; the first one's for a duplicate.
    id: String,
    /// The notification type.
    #[serde(rename = "type")]
    notification_type: String,
    /// The recipient; null where this repeats an event of a person who was erased.
    to: Option<String>,
    /// Its status at this moment.
    status: &'static str,
    /// Whether it was there before: nothing new will be sent.
    duplicate: bool,
}

/// The body of a 202.
pub fn accepted_json(accepted: &Accepted) -> String {
    let notifications = accepted.notifications.iter().map(|notification| AcceptedNotificationView {
        id: notification.id.to_string(),
        notification_type: notification.notification_type.clone(),
        to: shown(&notification.to),
        status: notification.status.as_str(),
        duplicate: notification.duplicate,
    });
    let view = AcceptedEvent {
        event_id: accepted.event_id.as_str().to_owned(),
        notifications: notifications.collect(),
    };
    serde_json::to_string(&view).unwrap_or_default()
}

/// The 202 of an accepted event.
pub fn accepted_answer(accepted: &Accepted) -> RememberedAnswer {
    RememberedAnswer { status: StatusCode::ACCEPTED.as_u16(), body: accepted_json(accepted) }
}

/// The same as it is remembered: without addresses.
fn remembered_answer(accepted: &Accepted) -> RememberedAnswer {
    remembered::without_recipients(&accepted_answer(accepted))
}

/// Takes one event in. Answers 202 once the event and its notifications are durable, not before.
#[utoipa::path(post, path = "/v1/events", tag = "events",
    params(("type" = Option<String>, Query, description = "The event's type when the body is a bare order; `order.confirmed` otherwise."),
           ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters. The same request under the same key gets the first answer again.")),
    request_body(content = Value, description = "An event `{\"type\",\"data\",…}`, a bare order, or a CloudEvent (structured, batched or binary mode).",
        content_type = "application/json"),
    responses((status = 202, description = "Durable.", body = AcceptedEvent),
              (status = 400, description = "Not JSON.", body = crate::ProblemBody),
              (status = 403, description = "`forbidden_host` or `forbidden_origin`, as for every path but those of health and metrics.", body = crate::ProblemBody),
              (status = 409, description = "`business_key_conflict` or `idempotency_key_in_use`.", body = crate::ProblemBody),
              (status = 413, description = "Larger than 256 KiB.", body = crate::ProblemBody),
              (status = 415, description = "Not a JSON media type.", body = crate::ProblemBody),
              (status = 422, description = "Every wrong field is named.", body = crate::ProblemBody),
              (status = 503, description = "`ledger_unavailable`: could not be made durable; or `too_many_bodies`. Repeating is safe.", body = crate::ProblemBody)))]
pub async fn post_event(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    let arrived = std::time::Instant::now();
    let (head, body) = request.into_parts();
    let media_type = body::media_type(&head.headers)?;
    if media_type == MediaType::CloudEventBatch {
        return batch::accept_batch(&api, &head, body, media_type).await;
    }
    let Received { bytes, room: _room } = body::read(&api, body, api.request_limit_bytes).await?;
    let value = body::syntax(&bytes)?;
    let keyed = idempotency::begin_with_body(&api, &head, &value)?;
    let event = read_event(&head.headers, media_type, value, query_type(&head.uri)?.as_deref());
    let result = accept(&api, event, keyed.as_ref()).await?;
    api.metrics.accept_latency.observe(arrived.elapsed().as_secs_f64());
    match result {
        AcceptResult::Accepted(accepted) => Ok(idempotency::answer(accepted_answer(&accepted))),
        AcceptResult::Replayed(remembered) => idempotency::replay(&api, remembered).await,
        AcceptResult::IdempotencyKeyReused => Err(idempotency::reused()),
        AcceptResult::BusinessKeyConflict { existing, notification_type } => {
            Err(conflict(&existing.to_string(), &notification_type))
        }
    }
}

/// Reads one event out of the form its media type and headers say.
pub fn read_event(
    headers: &HeaderMap,
    media_type: MediaType,
    value: Value,
    bare_type: Option<&str>,
) -> Result<Event, Rejected> {
    match media_type {
        MediaType::CloudEvent | MediaType::CloudEventBatch => ingest::structured(value),
        MediaType::Json if headers.contains_key("ce-specversion") => {
            ingest::binary(cloud_event_attributes(headers), value)
        }
        MediaType::Json => ingest::native(value, bare_type),
    }
}

/// Accepts one event and counts what came of it.
pub async fn accept(
    api: &Api,
    read: Result<Event, Rejected>,
    keyed: Option<&KeyedRequest>,
) -> Result<AcceptResult, Problem> {
    let is_on_hold = api.hold.is_on(&*api.ledger, api.clock.now()).await?;
    let use_case = AcceptEvent {
        ledger: &*api.ledger,
        catalog: &*api.types,
        clock: &*api.clock,
        random: &*api.random,
        secret: &api.secret,
        lease_until: api.sender.as_ref().and_then(|sender| sender.lease_until()),
        hold: is_on_hold.then_some(CAUSE_BUDGET),
    };
    let idempotency =
        keyed.map(|keyed| Idempotency { key: keyed.key, request: keyed.request, answer: remembered_answer });
    let mut result = use_case.run(read, idempotency).await.map_err(refusal)?;
    if let AcceptResult::Accepted(accepted) = &mut result {
        let claims = std::mem::take(&mut accepted.claims);
        if let Some(sender) = api.sender.as_ref().filter(|_| !claims.is_empty()) {
            sender.take(claims);
        }
        let duplicates = accepted.notifications.iter().filter(|notification| notification.duplicate).count();
        api.metrics.duplicates.inc_by(duplicates as u64);
        let suppressed =
            accepted.notifications.iter().filter(|it| !it.duplicate && it.status == Status::Suppressed);
        api.metrics.suppressed.inc_by(suppressed.count() as u64);
        if duplicates < accepted.notifications.len() {
            api.metrics.events_accepted.inc();
            (api.wake)();
        }
    }
    Ok(result)
}

fn refusal(error: AcceptError) -> Problem {
    match error {
        AcceptError::Wrong(WrongEvent { errors, is_unknown_type }) => {
            Problem::invalid(if is_unknown_type { "unknown_event_type" } else { "invalid_event" }, errors)
        }
        AcceptError::Ledger(error) => error.into(),
    }
}

/// 409: the business key is taken by other data.
pub fn conflict(existing: &str, notification_type: &str) -> Problem {
    let detail = format!(
        "{notification_type} {existing} has the same business key but other data. Nothing was sent, the first stays. \
         If this is another order, give it another orderId; if it is another message, another Idempotency-Key."
    );
    Problem::new(StatusCode::CONFLICT, "business_key_conflict", detail)
}

/// The `type` of the query string, percent-decoded.
pub fn query_type(uri: &Uri) -> Result<Option<String>, Problem> {
    let pairs: Vec<(String, String)> = extract::query(uri)?;
    Ok(pairs.into_iter().find_map(|(name, value)| (name == "type").then_some(value)))
}

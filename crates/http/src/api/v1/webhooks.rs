//! `/v1/webhooks`: the shop's own systems that hear what becomes of notifications.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::request::Parts;
use http::{Request, StatusCode};
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::id::WebhookId;
use postrider_core::domain::webhook::{SecretRotation, SigningSecret, Webhook, WebhookChange};
use postrider_core::limits::{WEBHOOK_OLD_SECRET_SECS_MAX, WEBHOOKS_MAX};
use postrider_core::ports::clock::Random;
use postrider_core::ports::ledger::RememberedAnswer;
use postrider_core::ports::webhooks::{NewWebhook, WebhookCreated};
use postrider_webhook::WebhookSecret;
use serde_json::{Map, Value};

use super::webhooks_fields::{Fields, NewWebhookBody, RotationBody, WebhookChangeBody};
use super::webhooks_view::{WebhookList, WebhookView, WebhookWithSecret};
use crate::Problem;
use crate::body::{self, Received};
use crate::extract::Path;
use crate::idempotency::{self, Given, KeyedRequest, Outcome};
use crate::state::Api;

/// How long the secret before goes on signing, if nobody says: long enough to tell every receiver the new one.
const OLD_VALID_SECS: u64 = 86_400;

/// Lists the endpoints, oldest first. There are at most 50.
#[utoipa::path(get, path = "/v1/webhooks", tag = "webhooks",
    responses((status = 200, description = "All of them, without their secrets.", body = WebhookList)))]
pub async fn list(State(api): State<Api>) -> Result<Json<WebhookList>, Problem> {
    let now = api.clock.now();
    let webhooks = api.ledger.webhooks().await?;
    Ok(Json(WebhookList { data: webhooks.iter().map(|webhook| WebhookView::of(webhook, now)).collect() }))
}

/// Makes an endpoint. It hears of what happens from now on. The answer alone shows the secret that verifies its calls.
///
/// The same request under the same `Idempotency-Key` makes no second one and is answered with the secret that is valid
/// then; secrets are not remembered with answers.
#[utoipa::path(post, path = "/v1/webhooks", tag = "webhooks", request_body = NewWebhookBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters.")),
    responses((status = 201, description = "Made.", body = WebhookWithSecret),
              (status = 409, description = "There are 50 already.", body = crate::ProblemBody),
              (status = 422, description = "A field is wrong.", body = crate::ProblemBody)))]
pub async fn create(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    let (head, value) = read_body(&api, request).await?;
    let mut fields = Fields::of(&value)?;
    let url = fields.url(&api.webhook_targets);
    let url = fields.require("url", url);
    let (events, description) = (fields.events(), fields.description());
    fields.finish()?;
    let Some(url) = url else { return Err(Problem::invalid("invalid_webhook", Vec::new())) };
    let keyed = idempotency::begin_with_body(&api, &head, &value)?;
    let now = api.clock.now();
    let new = NewWebhook {
        id: id_for(&api, keyed.as_ref()),
        url,
        events: events.unwrap_or_default(),
        description: description.unwrap_or_default(),
        secret: new_secret(&*api.random),
        now,
    };
    let given = idempotency::once_given(&api, keyed, async {
        match api.ledger.create_webhook(new).await? {
            WebhookCreated::Created(webhook) => Ok(shown(&api, StatusCode::CREATED, &webhook)),
            WebhookCreated::TooMany => {
                let detail =
                    format!("there are {WEBHOOKS_MAX} webhooks already; delete one that is not needed");
                Err(Problem::new(StatusCode::CONFLICT, "too_many_webhooks", detail))
            }
        }
    })
    .await?;
    (api.wake_webhooks)();
    with_secret(&api, given).await
}

/// A request that comes again although its answer was never remembered must not make a second endpoint: under a key its
/// id is made from the request.
fn id_for(api: &Api, keyed: Option<&KeyedRequest>) -> WebhookId {
    match keyed {
        None => WebhookId::new(api.clock.now(), api.random.next_u128()),
        Some(keyed) => {
            let (key, request) = (keyed.key.to_bytes(), keyed.request.to_bytes());
            WebhookId::from_bytes(Fingerprint::of_parts(&[b"webhook", &key, &request]).to_bytes())
        }
    }
}

fn new_secret(random: &dyn Random) -> SigningSecret {
    let mut bytes = [0; 32];
    for part in bytes.chunks_exact_mut(8) {
        part.copy_from_slice(&random.next_u64().to_be_bytes());
    }
    SigningSecret::new(WebhookSecret::generate(bytes).reveal())
}

/// Shows one endpoint, without its secrets.
#[utoipa::path(get, path = "/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "The endpoint.", body = WebhookView),
              (status = 404, description = "There is none.", body = crate::ProblemBody)))]
pub async fn show(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<WebhookView>, Problem> {
    let webhook = api.ledger.webhook(parse_id(&id)?).await?.ok_or_else(|| no_such_webhook(&id))?;
    Ok(Json(WebhookView::of(&webhook, api.clock.now())))
}

/// Changes an endpoint, and enables or disables it.
#[utoipa::path(patch, path = "/v1/webhooks/{id}", tag = "webhooks", request_body = WebhookChangeBody,
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "What it is now.", body = WebhookView),
              (status = 404, description = "There is none.", body = crate::ProblemBody),
              (status = 422, description = "A field is wrong.", body = crate::ProblemBody)))]
pub async fn update(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Json<WebhookView>, Problem> {
    let (_, value) = read_body(&api, request).await?;
    let mut fields = Fields::of(&value)?;
    let change = WebhookChange {
        url: fields.url(&api.webhook_targets),
        events: fields.events(),
        description: fields.description(),
        enabled: fields.status(),
        rotation: None,
    };
    fields.finish()?;
    let now = api.clock.now();
    let changed = api.ledger.update_webhook(parse_id(&id)?, change, now).await?;
    let webhook = changed.ok_or_else(|| no_such_webhook(&id))?;
    (api.wake_webhooks)();
    Ok(Json(WebhookView::of(&webhook, now)))
}

/// Deletes an endpoint and every call that waits for it.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 204, description = "It is gone."),
              (status = 404, description = "There was none.", body = crate::ProblemBody)))]
pub async fn delete(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    if !api.ledger.delete_webhook(parse_id(&id)?).await? {
        return Err(no_such_webhook(&id));
    }
    (api.wake_webhooks)();
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new secret and shows it, this once. The one before signs beside it for a while, so that receivers can change
/// over in their own time; one before that stops at once.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate-secret", tag = "webhooks", request_body = RotationBody,
    params(("id" = String, Path, description = "`whk_…`"),
           ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters.")),
    responses((status = 200, description = "The endpoint with its new secret.", body = WebhookWithSecret),
              (status = 404, description = "There is none.", body = crate::ProblemBody),
              (status = 422, description = "A field is wrong.", body = crate::ProblemBody)))]
pub async fn rotate_secret(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (head, value) = read_body(&api, request).await?;
    let mut fields = Fields::of(&value)?;
    let old_valid_secs = fields.number("oldValidSecs", WEBHOOK_OLD_SECRET_SECS_MAX).unwrap_or(OLD_VALID_SECS);
    fields.finish()?;
    let webhook_id = parse_id(&id)?;
    let keyed = idempotency::begin_with_body(&api, &head, &value)?;
    let given = idempotency::once_given(&api, keyed, async {
        let now = api.clock.now();
        let old_until = now.plus_ms(old_valid_secs * 1_000);
        let rotation = SecretRotation { secret: new_secret(&*api.random), old_until };
        let change = WebhookChange { rotation: Some(rotation), ..WebhookChange::default() };
        let changed = api.ledger.update_webhook(webhook_id, change, now).await?;
        let webhook = changed.ok_or_else(|| no_such_webhook(&id))?;
        Ok(shown(&api, StatusCode::OK, &webhook))
    })
    .await?;
    with_secret(&api, given).await
}

/// The answer as it is remembered: without the secret.
fn shown(api: &Api, status: StatusCode, webhook: &Webhook) -> Outcome {
    let view = WebhookView::of(webhook, api.clock.now());
    let body = serde_json::to_string(&view).unwrap_or_default();
    Outcome::Final(RememberedAnswer { status: status.as_u16(), body })
}

/// The answer as it is given: with the secret that is valid now.
async fn with_secret(api: &Api, given: Given) -> Result<Response, Problem> {
    let (Given::First(remembered) | Given::Again(remembered)) = &given;
    let mut view: Map<String, Value> = serde_json::from_str(&remembered.body).unwrap_or_default();
    let id = view.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let webhook = match id {
        Some(id) => api.ledger.webhook(id).await?,
        None => None,
    };
    let secret = webhook.and_then(|webhook| webhook.secrets.first().map(|secret| secret.reveal().to_owned()));
    view.insert("secret".to_owned(), secret.map_or(Value::Null, Value::String));
    let body = serde_json::to_string(&view).unwrap_or_default();
    let complete = RememberedAnswer { status: remembered.status, body };
    match given {
        Given::First(_) => Ok(idempotency::answer(complete)),
        Given::Again(_) => idempotency::replay(api, complete).await,
    }
}

/// The body as JSON; nothing at all stands for an empty object.
pub(super) async fn read_body(api: &Api, request: Request<Body>) -> Result<(Parts, Value), Problem> {
    let (head, body) = request.into_parts();
    let Received { bytes, room: _room } = body::read(api, body, api.request_limit_bytes).await?;
    if bytes.is_empty() {
        return Ok((head, Value::Object(Map::new())));
    }
    body::media_type(&head.headers)?;
    let value = body::json(&bytes)?;
    Ok((head, value))
}

/// The id in a path; one that cannot exist is one that is not there.
pub(super) fn parse_id(text: &str) -> Result<WebhookId, Problem> {
    text.parse().map_err(|_| no_such_webhook(text))
}

pub(super) fn no_such_webhook(id: &str) -> Problem {
    let id: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
    Problem::not_found("webhook_not_found", format!("there is no webhook {id}"))
}

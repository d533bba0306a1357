//! `POST /v1/webhooks/{id}/replay`: tells an endpoint again what happened in some time.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, StatusCode};
use postrider_core::domain::id::WebhookId;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::WEBHOOK_REPLAY_STEPS_MAX;
use postrider_core::ports::ledger::RememberedAnswer;
use postrider_core::ports::webhooks::{Replay, ReplayCursor, Replayed};
use serde::Serialize;
use utoipa::ToSchema;

use super::webhooks::{no_such_webhook, parse_id, read_body};
use super::webhooks_fields::{Fields, ReplayBody};
use crate::Problem;
use crate::extract::Path;
use crate::idempotency::{self, Outcome};
use crate::state::Api;

/// What a replay came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayAnswer {
    /// Calls made anew. What waits anyway, and what the endpoint does not want, is not among them.
    replayed: usize,
    /// Whether there is more in that time. Then send the same again with `after`.
    has_more: bool,
    /// What to give as `after`; null means from the start.
    next: Option<String>,
    /// Whether it stopped because as many calls wait for the endpoint as may. Go on when it has taken some.
    is_full: bool,
}

/// Tells an endpoint again what happened in some time, in order. Each message has the `webhook-id` it had before.
#[utoipa::path(post, path = "/v1/webhooks/{id}/replay", tag = "webhooks", request_body = ReplayBody,
    params(("id" = String, Path, description = "`whk_…`"),
           ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters.")),
    responses((status = 200, description = "How many calls were made anew, and whether there is more.", body = ReplayAnswer),
              (status = 404, description = "There is none.", body = crate::ProblemBody),
              (status = 422, description = "A field is wrong.", body = crate::ProblemBody)))]
pub async fn replay(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (head, value) = read_body(&api, request).await?;
    let mut fields = Fields::of(&value)?;
    let since = fields.instant("since");
    let since = fields.require("since", since);
    let until = fields.instant("until").unwrap_or_else(|| api.clock.now());
    if since.is_some_and(|since| since >= until) {
        fields.wrong("until", "must be later than since");
    }
    let after = fields.parsed("after", |text| {
        cursor(text).ok_or_else(|| "must be the `next` of an answer before".to_owned())
    });
    fields.finish()?;
    let Some(since) = since else { return Err(Problem::invalid("invalid_webhook", Vec::new())) };
    let webhook = parse_id(&id)?;
    let keyed = idempotency::begin_with_body(&api, &head, &value)?;
    let response = idempotency::once(&api, keyed, async {
        let answer = run(&api, webhook, since, until, after).await?.ok_or_else(|| no_such_webhook(&id))?;
        let body = serde_json::to_string(&answer).unwrap_or_default();
        Ok(Outcome::Final(RememberedAnswer { status: StatusCode::OK.as_u16(), body }))
    })
    .await?;
    (api.wake_webhooks)();
    Ok(response)
}

/// Step by step, as many as one request may take; `None` if there is no such endpoint.
async fn run(
    api: &Api,
    webhook: WebhookId,
    since: Timestamp,
    until: Timestamp,
    mut after: Option<ReplayCursor>,
) -> Result<Option<ReplayAnswer>, Problem> {
    let mut replayed = 0;
    for _ in 0..WEBHOOK_REPLAY_STEPS_MAX {
        let step = Replay { webhook, since, until, after, now: api.clock.now() };
        let stepped = match api.ledger.replay_webhook(step).await {
            // What was made anew is told, and where to go on.
            Err(error) if replayed > 0 => {
                tracing::error!(%error, "the ledger refused a step of a replay");
                break;
            }
            stepped => stepped?,
        };
        match stepped {
            Replayed::NotFound => return Ok(None),
            Replayed::Full { calls, next } => {
                let next = next.map(written);
                return Ok(Some(ReplayAnswer {
                    replayed: replayed + calls,
                    has_more: true,
                    next,
                    is_full: true,
                }));
            }
            Replayed::Added { calls, next } => {
                replayed += calls;
                after = next;
                if next.is_none() {
                    break;
                }
            }
        }
    }
    let next = after.map(written);
    Ok(Some(ReplayAnswer { replayed, has_more: next.is_some(), next, is_full: false }))
}

fn written(cursor: ReplayCursor) -> String {
    format!("{}-{}", cursor.at.as_millis(), cursor.change)
}

fn cursor(text: &str) -> Option<ReplayCursor> {
    let (at, change) = text.split_once('-')?;
    let (at, change) = (at.parse().ok()?, change.parse().ok()?);
    Some(ReplayCursor { at: Timestamp::from_millis(at), change })
}

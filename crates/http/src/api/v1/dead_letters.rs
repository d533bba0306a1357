//! `/v1/dead-letters`: what will not be tried again until a person says so.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{Request, StatusCode};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::problem::FieldError;
use postrider_core::domain::status::Status;
use postrider_core::limits::{FIELD_ERRORS_MAX, REDRIVE_MAX};
use postrider_core::ports::ledger::{LedgerError, RememberedAnswer};
use postrider_core::use_cases::redrive::{Selection, redrive as run_redrive};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::notifications::{NotificationList, list_query};
use crate::Problem;
use crate::body::{self, Received};
use crate::extract::Query;
use crate::idempotency::{self, Outcome};
use crate::problem::RETRY_AFTER_SECS;
use crate::state::Api;

/// Dead letters by cause, most first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterGroups {
    /// The groups.
    data: Vec<DeadLetterGroupView>,
}

/// Dead letters that share a cause.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterGroup)]
pub struct DeadLetterGroupView {
    /// What to give a redrive as `cause`.
    cause: String,
    /// How many.
    count: u64,
    /// When the first of them was accepted.
    oldest_at: String,
    /// When the last of them was accepted.
    newest_at: String,
}

/// What to redrive.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RedriveRequest {
    /// Only those with this cause.
    cause: Option<String>,
    /// Only these.
    ids: Option<Vec<String>>,
    /// At most this many, 1 to 1,000; 1,000 if not given.
    limit: Option<usize>,
    /// Say which, change nothing.
    dry_run: bool,
    /// The `next` of the answer before: goes on with older ones. Not together with `ids`.
    after: Option<String>,
}

/// What a redrive did, or would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedriveAnswer {
    /// Whether nothing was changed.
    dry_run: bool,
    /// How many dead letters matched, within the limit.
    matched: usize,
    /// How many are queued again; zero in a dry run.
    redriven: usize,
    /// Which.
    ids: Vec<String>,
    /// Asked for by id, but no dead letters.
    skipped: Vec<SkippedDeadLetter>,
    /// Whether more match than the limit let through.
    has_more: bool,
    /// What to give as `after` to go on with the others, without meeting these again should they die again; null at
    /// the end and for `ids`.
    next: Option<String>,
}

/// A notification that was named but is no dead letter.
#[derive(Serialize, ToSchema)]
pub struct SkippedDeadLetter {
    /// Its id.
    id: String,
    /// Its status; null if there is no such notification.
    status: Option<&'static str>,
}

/// Lists dead letters, or their causes with `groupBy=cause`.
#[utoipa::path(get, path = "/v1/dead-letters", tag = "dead letters",
    params(("groupBy" = Option<String>, Query, description = "`cause`: count by cause instead of listing."),
           ("cause" = Option<String>, Query, description = "With this cause."),
           ("orderId" = Option<String>, Query, description = "About this order."),
           ("type" = Option<String>, Query, description = "Of this notification type."),
           ("limit" = Option<usize>, Query, description = "1 to 100."),
           ("after" = Option<String>, Query, description = "The `next` of the page before.")),
    responses((status = 200, description = "One page, or the groups.", body = NotificationList),
              (status = 400, description = "A parameter is wrong.", body = crate::ProblemBody)))]
pub async fn list(
    State(api): State<Api>,
    Query(mut pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    if let Some((_, by)) = pairs.iter().find(|(name, _)| name == "groupBy") {
        if by != "cause" {
            return Err(Problem::invalid_parameter("groupBy", "must be `cause`"));
        }
        let groups = api.ledger.dead_letter_groups().await?;
        let data = groups.into_iter().map(|group| DeadLetterGroupView {
            cause: group.cause.to_string(),
            count: group.count,
            oldest_at: group.oldest_at.to_string(),
            newest_at: group.newest_at.to_string(),
        });
        return Ok(Json(DeadLetterGroups { data: data.collect() }).into_response());
    }
    let cause = pairs.iter().position(|(name, _)| name == "cause").map(|index| pairs.swap_remove(index).1);
    let mut query = list_query(pairs)?;
    query.cause = cause.map(|cause| Cause::from_codes(&cause));
    if query.statuses.is_empty() {
        query.statuses = Status::DEAD_LETTERS.to_vec();
    } else if !query.statuses.iter().all(|status| status.is_dead_letter()) {
        return Err(Problem::invalid_parameter("status", "must be failed, dead or held for dead letters"));
    }
    Ok(Json(NotificationList::from(api.ledger.list(query).await?)).into_response())
}

/// Queues dead letters again, dedup intact: each is still the only notification of its business key.
#[utoipa::path(post, path = "/v1/dead-letters/redrive", tag = "dead letters", request_body = RedriveRequest,
    responses((status = 200, description = "Done, or what would be done.", body = RedriveAnswer),
              (status = 422, description = "A field is wrong.", body = crate::ProblemBody)))]
pub async fn redrive(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    body::media_type(&head.headers)?;
    let Received { bytes, room: _room } = body::read(&api, body, api.request_limit_bytes).await?;
    let value = if bytes.is_empty() { Value::Object(serde_json::Map::new()) } else { body::json(&bytes)? };
    let keyed = idempotency::begin_with_body(&api, &head, &value)?;
    let (selection, dry_run) = read_selection(value)?;
    let response = idempotency::once(&api, keyed, async {
        let done = run_redrive(&*api.ledger, &selection, dry_run, api.clock.now())
            .await
            .map_err(|error| interrupted(&error))?;
        let answer = RedriveAnswer {
            dry_run,
            matched: done.redriven.len(),
            redriven: if dry_run { 0 } else { done.redriven.len() },
            ids: done.redriven.iter().map(ToString::to_string).collect(),
            skipped: done
                .skipped
                .iter()
                .map(|(id, status)| SkippedDeadLetter {
                    id: id.to_string(),
                    status: status.map(Status::as_str),
                })
                .collect(),
            has_more: done.has_more,
            next: done.next.map(|next| next.to_string()),
        };
        let body = serde_json::to_string(&answer).unwrap_or_default();
        Ok(Outcome::Final(RememberedAnswer { status: StatusCode::OK.as_u16(), body }))
    })
    .await?;
    (api.wake)();
    Ok(response)
}

/// 503: unlike other requests this one may have done a part of its work.
fn interrupted(error: &LedgerError) -> Problem {
    tracing::error!(%error, "the ledger refused a step of a redrive");
    let detail = format!(
        "{error}. Some of the dead letters may be queued again already; send the same request again for the others, \
         each is queued once."
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable", detail).retry_after(RETRY_AFTER_SECS)
}

fn read_selection(value: Value) -> Result<(Selection, bool), Problem> {
    let invalid = |errors| Problem::invalid("invalid_redrive", errors);
    let request: RedriveRequest = serde_json::from_value(value)
        .map_err(|error| invalid(vec![FieldError::new("", error.to_string())]))?;
    let limit = request.limit.unwrap_or(REDRIVE_MAX);
    let mut errors = Vec::new();
    if !(1..=REDRIVE_MAX).contains(&limit) {
        errors.push(FieldError::new("/limit", format!("must be a number from 1 to {REDRIVE_MAX}")));
    }
    let mut ids = Vec::new();
    for (index, text) in request.ids.iter().flatten().enumerate() {
        match text.parse() {
            Ok(id) if ids.len() < REDRIVE_MAX => ids.push(id),
            Ok(_) => {
                errors
                    .push(FieldError::new("/ids", format!("must name at most {REDRIVE_MAX} notifications")));
                break;
            }
            Err(_) if errors.len() >= FIELD_ERRORS_MAX => break,
            Err(_) => {
                errors.push(FieldError::new(format!("/ids/{index}"), "is not a notification id (ntf_…)"));
            }
        }
    }
    if request.ids.as_ref().is_some_and(Vec::is_empty) {
        // An empty list is a list of nothing, not of everything.
        errors.push(FieldError::new("/ids", "must name at least one notification, or be left out"));
    }
    let after = request.after.as_deref().map(str::parse).transpose().unwrap_or_else(|_| {
        errors.push(FieldError::new("/after", "must be the `next` of an answer before"));
        None
    });
    if after.is_some() && !ids.is_empty() {
        errors.push(FieldError::new("/after", "cannot go with ids, which name each dead letter"));
    }
    if !errors.is_empty() {
        return Err(invalid(errors));
    }
    let cause = request.cause.map(|cause| Cause::from_codes(&cause));
    Ok((Selection { cause, ids, after, limit }, request.dry_run))
}

//! `POST /v1/notifications/{id}/retry`, `/cancel` and `/hold`: what a person may do to a notification.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use postrider_core::domain::status::Status;
use postrider_core::ports::ledger::{Intervened, Intervention, RememberedAnswer};

use super::view::NotificationView;
use super::{erased, no_such_notification, parse_id};
use crate::Problem;
use crate::access::Caller;
use crate::extract::Path;
use crate::idempotency::{self, Outcome};
use crate::state::Api;

/// Tries again now, with a fresh budget of attempts.
#[utoipa::path(post, path = "/v1/notifications/{id}/retry", tag = "notifications",
    params(("id" = String, Path, description = "`ntf_…`")),
    responses((status = 200, description = "Queued again.", body = NotificationView),
              (status = 404, description = "There is none.", body = crate::ProblemBody),
              (status = 409, description = "`status_forbids`, or `erased`.", body = crate::ProblemBody)))]
pub async fn retry(
    State(api): State<Api>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let response = intervene(&api, &id, Intervention::Retry, caller, &headers).await?;
    (api.wake)();
    Ok(response)
}

/// Takes a notification back before it is sent.
#[utoipa::path(post, path = "/v1/notifications/{id}/cancel", tag = "notifications",
    params(("id" = String, Path, description = "`ntf_…`")),
    responses((status = 200, description = "Canceled.", body = NotificationView),
              (status = 404, description = "There is none.", body = crate::ProblemBody),
              (status = 409, description = "`status_forbids`, or `erased`.", body = crate::ProblemBody)))]
pub async fn cancel(
    State(api): State<Api>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    intervene(&api, &id, Intervention::Cancel, caller, &headers).await
}

/// Has a notification wait until somebody asks for a retry, or takes it back.
#[utoipa::path(post, path = "/v1/notifications/{id}/hold", tag = "notifications",
    params(("id" = String, Path, description = "`ntf_…`")),
    responses((status = 200, description = "Held.", body = NotificationView),
              (status = 404, description = "There is none.", body = crate::ProblemBody),
              (status = 409, description = "`status_forbids`, or `erased`.", body = crate::ProblemBody)))]
pub async fn hold(
    State(api): State<Api>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    intervene(&api, &id, Intervention::Hold, caller, &headers).await
}

async fn intervene(
    api: &Api,
    id_text: &str,
    intervention: Intervention,
    caller: Caller,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let id = parse_id(id_text)?;
    let verb = match intervention {
        Intervention::Cancel => "cancel",
        Intervention::Hold => "hold",
        Intervention::Retry | Intervention::Hasten | Intervention::Resume => "retry",
    };
    let keyed = idempotency::begin(api, Some(&caller), headers, &[verb.as_bytes(), id_text.as_bytes()])?;
    idempotency::once(api, keyed, async {
        match api.ledger.intervene(id, intervention, api.clock.now()).await? {
            Intervened::Done(notification) => {
                let body = serde_json::to_string(&NotificationView::from(&*notification)).unwrap_or_default();
                Ok(Outcome::Final(RememberedAnswer { status: StatusCode::OK.as_u16(), body }))
            }
            Intervened::NotFound => Err(no_such_notification(id_text)),
            Intervened::Erased => Err(erased(id_text, StatusCode::CONFLICT)),
            Intervened::Forbidden(status) => Err(forbidden(id_text, verb, status)),
        }
    })
    .await
}

fn forbidden(id: &str, verb: &str, status: Status) -> Problem {
    let detail = format!(
        "{id} is {status}; a notification in that status cannot be asked to {verb}. Nothing changed."
    );
    Problem::new(StatusCode::CONFLICT, "status_forbids", detail)
}

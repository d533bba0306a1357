//! `GET /v1/notifications/{id}/message`: the message as it was sent, byte for byte.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use postrider_core::domain::id::NotificationId;
use postrider_mail::types::recompose;

use super::{erased, no_such_notification, parse_id};
use crate::Problem;
use crate::extract::Path;
use crate::state::Api;

/// The message as it was sent.
#[utoipa::path(get, path = "/v1/notifications/{id}/message", tag = "notifications",
    params(("id" = String, Path, description = "`ntf_…`")),
    responses((status = 200, description = "Header and body, RFC 5322.", content_type = "message/rfc822"),
              (status = 404, description = "There is no such notification, or nothing was sent for it yet.", body = crate::ProblemBody),
              (status = 410, description = "`erased`: what it said was erased. Or `message_not_reproducible`.", body = crate::ProblemBody)))]
pub async fn message(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Problem> {
    let message = original(&api, parse_id(&id)?).await?;
    Ok(([(header::CONTENT_TYPE, "message/rfc822"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], message)
        .into_response())
}

/// Makes the message of a notification again from what it was made of, and proves that it is the same.
pub async fn original(api: &Api, id: NotificationId) -> Result<Vec<u8>, Problem> {
    let content = api.ledger.content(id).await?.ok_or_else(|| no_such_notification(&id.to_string()))?;
    if content.notification.lifecycle.erased {
        return Err(erased(&id.to_string(), StatusCode::GONE));
    }
    let Some(copy) = content.copy else {
        let status = content.notification.lifecycle.status;
        let detail = format!("{id} is {status}; no message has left for it yet");
        return Err(Problem::not_found("message_not_sent", detail));
    };
    let lost = |detail: String| {
        tracing::error!(notification_id = %id, detail, "a sent message cannot be shown");
        Problem::new(StatusCode::GONE, "message_not_reproducible", detail)
    };
    let bundle = api.ledger.rendition(copy.rendition).await?;
    let bundle =
        bundle.ok_or_else(|| lost(format!("the templates {id} was made of are not in the ledger")))?;
    recompose(&bundle, &content.notification, &content.event, &copy, api.types.current().resources())
        .map_err(|error| lost(format!("{id}: {error}")))
}

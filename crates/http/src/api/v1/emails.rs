//! `POST /v1/emails`: sends a message that has no notification type.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::Request;
use postrider_core::ingest;
use postrider_core::ports::ledger::AcceptResult;
use serde::Deserialize;
use utoipa::ToSchema;

use super::events::{AcceptedEvent, accept, accepted_answer, conflict};
use crate::Problem;
use crate::body::{self, Received};
use crate::idempotency;
use crate::state::Api;

/// A message that somebody else has written. Read as JSON, member by member, so that every wrong one is named; this is
/// its description.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Email)]
#[expect(dead_code, reason = "only described, never made")]
pub struct EmailRequest {
    /// `Name <address>` or an address, of the domain of `sender.from` or one of `sender.allowed_domains`.
    from: String,
    /// One address, or a list of up to 16. Each gets a message and a notification of its own.
    to: Recipients,
    /// The subject line, 1 to 255 characters.
    subject: String,
    /// The HTML body. One of `html` and `text` is required.
    html: Option<String>,
    /// The text body; made from the HTML if left out.
    text: Option<String>,
    /// Where answers go.
    reply_to: Option<String>,
    /// Further header fields: `X-…`, `References`, `In-Reply-To`, `List-Unsubscribe`, …
    headers: Option<BTreeMap<String, String>>,
    /// Files, and pictures that the HTML shows as `cid:…`.
    attachments: Option<Vec<EmailAttachment>>,
    /// Labels, kept with the event.
    tags: Option<Vec<EmailTag>>,
    /// Not to be sent before this instant (RFC 3339).
    send_at: Option<String>,
}

/// One address or several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Recipients {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// A file. Either `content` or `path`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only described, never made")]
pub struct EmailAttachment {
    /// The name it is saved under; the last part of `path` if left out.
    filename: Option<String>,
    /// Its bytes as base64.
    content: Option<String>,
    /// Or its path below `types.attachments_directory`.
    path: Option<String>,
    /// Its media type; guessed from the name if left out.
    content_type: Option<String>,
    /// The name by which the HTML shows it: `<img src="cid:…">`.
    content_id: Option<String>,
}

/// A label.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described, never made")]
pub struct EmailTag {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

/// Sends a message that has no notification type: the same ledger, the same guarantees, the same timeline. Answers 202
/// once it is durable, not before. The `Idempotency-Key` is its business key and must be given.
#[utoipa::path(post, path = "/v1/emails", tag = "events", request_body = EmailRequest,
    params(("Idempotency-Key" = String, Header, description = "Required, 1 to 255 characters: at most one message per key and recipient, for as long as the record is kept.")),
    responses((status = 202, description = "Durable. One notification of the type `email` for each recipient.", body = AcceptedEvent),
              (status = 400, description = "Not JSON, or `idempotency_key_required`.", body = crate::ProblemBody),
              (status = 409, description = "`business_key_conflict` or `idempotency_key_in_use`.", body = crate::ProblemBody),
              (status = 413, description = "Larger than 256 KiB; attach large files by their path.", body = crate::ProblemBody),
              (status = 415, description = "Not a JSON media type.", body = crate::ProblemBody),
              (status = 422, description = "Every wrong member is named; or `idempotency_key_reused`.", body = crate::ProblemBody),
              (status = 503, description = "`ledger_unavailable`: could not be made durable. Repeating is safe.", body = crate::ProblemBody)))]
pub async fn post(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    body::media_type(&head.headers)?;
    let Received { bytes, room: _room } = body::read(&api, body, api.request_limit_bytes).await?;
    let value = body::syntax(&bytes)?;
    let Some(keyed) = idempotency::begin_with_body(&api, &head, &value)? else {
        let detail = "the header Idempotency-Key is missing. It names this message: repeating the request under the same \
                      key sends nothing twice";
        return Err(Problem::bad_request("idempotency_key_required", detail));
    };
    let event = ingest::direct(value, &keyed.text);
    match accept(&api, event, Some(&keyed)).await? {
        AcceptResult::Accepted(accepted) => Ok(idempotency::answer(accepted_answer(&accepted))),
        AcceptResult::Replayed(remembered) => idempotency::replay(&api, remembered).await,
        AcceptResult::IdempotencyKeyReused => Err(idempotency::reused()),
        AcceptResult::BusinessKeyConflict { existing, notification_type } => {
            Err(conflict(&existing.to_string(), &notification_type))
        }
    }
}

//! `/v1/types`: which event calls for which e-mail, and what it looks like.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, StatusCode};
use postrider_core::domain::problem::FieldError;
use postrider_core::ports::ledger::RememberedAnswer;
use postrider_mail::types::PreviewError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Problem;
use crate::body::{self, Received};
use crate::extract::Path;
use crate::idempotency::{self, Outcome};
use crate::state::Api;

/// The notification types in force.
#[derive(Serialize, ToSchema)]
pub struct TypeList {
    /// The types, by name.
    data: Vec<TypeView>,
}

/// One notification type.
#[derive(Serialize, ToSchema)]
#[schema(as = NotificationType)]
pub struct TypeView {
    /// Its name.
    #[serde(rename = "type")]
    #[schema(rename = "type")]
    name: String,
    /// One sentence about it.
    description: String,
    /// The event types it answers.
    events: Vec<String>,
    /// Why people get it: `transactional`, …
    category: String,
    /// `high`, `normal` or `low`.
    priority: &'static str,
    /// The names of its samples.
    samples: Vec<String>,
    /// The locales it is written in, its own first.
    locales: Vec<String>,
}

/// What to preview. An empty object previews the type's first sample.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreviewRequest {
    /// An event's data.
    data: Option<Value>,
    /// Or the name of a sample.
    sample: Option<String>,
    /// The locale an event would ask for; the type's own if left out.
    locale: Option<String>,
}

/// A message's content.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
pub struct PreviewView {
    /// The subject line.
    subject: String,
    /// The HTML body.
    html: String,
    /// The text body.
    text: String,
    /// The language it is written in, a BCP 47 tag.
    locale: String,
}

/// Lists the notification types.
#[utoipa::path(get, path = "/v1/types", tag = "types",
    responses((status = 200, description = "The types, by name.", body = TypeList)))]
pub async fn list(State(api): State<Api>) -> Json<TypeList> {
    let data = api.types.current().types().into_iter().map(|summary| TypeView {
        name: summary.name,
        description: summary.description,
        events: summary.events,
        category: summary.category.as_str().to_owned(),
        priority: summary.priority.as_str(),
        samples: summary.samples,
        locales: summary.locales,
    });
    Json(TypeList { data: data.collect() })
}

/// Renders a type with the given data, or with a sample. Nothing is sent, and nothing stored but the answer under an
/// `Idempotency-Key`.
#[utoipa::path(post, path = "/v1/types/{type}/preview", tag = "types", request_body = PreviewRequest,
    params(("type" = String, Path, description = "The type's name."),
           ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters. The same request under the same key gets the first answer again, whatever became of the type.")),
    responses((status = 200, description = "What the customer would see.", body = PreviewView),
              (status = 404, description = "There is no such type or sample.", body = crate::ProblemBody),
              (status = 409, description = "`idempotency_key_in_use`.", body = crate::ProblemBody),
              (status = 422, description = "The data is not what the type's schema asks for.", body = crate::ProblemBody)))]
pub async fn preview(
    State(api): State<Api>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let Received { bytes, room: _room } = body::read(&api, body, api.request_limit_bytes).await?;
    let value = if bytes.is_empty() {
        Value::Object(Map::new())
    } else {
        body::media_type(&head.headers)?;
        body::json(&bytes)?
    };
    let keyed = idempotency::begin_with_body(&api, &head, &value)?;
    let wanted: PreviewRequest = serde_json::from_value(value)
        .map_err(|error| Problem::invalid("invalid_preview", vec![FieldError::new("", error.to_string())]))?;
    idempotency::once(&api, keyed, async {
        let preview = api
            .types
            .current()
            .preview_in(&name, wanted.data.as_ref(), wanted.sample.as_deref(), wanted.locale.as_deref())
            .map_err(refusal)?;
        let view = PreviewView {
            subject: preview.subject,
            html: preview.html,
            text: preview.text,
            locale: preview.locale,
        };
        let body = serde_json::to_string(&view).unwrap_or_default();
        Ok(Outcome::Final(RememberedAnswer { status: StatusCode::OK.as_u16(), body }))
    })
    .await
}

/// A preview's error as an answer.
pub(crate) fn refusal(error: PreviewError) -> Problem {
    let text = error.to_string();
    let hint =
        |nearest: Option<String>| nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    match error {
        PreviewError::UnknownType { nearest, .. } => {
            Problem::not_found("type_not_found", text + &hint(nearest))
        }
        PreviewError::UnknownSample { nearest, .. } => {
            Problem::not_found("sample_not_found", text + &hint(nearest))
        }
        PreviewError::UnknownLocale { .. } => Problem::not_found("locale_not_found", text),
        PreviewError::Invalid(errors) => {
            let below_data = |e: FieldError| FieldError::new(format!("/data{}", e.pointer), e.message);
            Problem::invalid("invalid_event", errors.into_iter().map(below_data).collect())
        }
        PreviewError::Render(_) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "render_failed", text),
    }
}

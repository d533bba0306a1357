//! The API's description, made from the code that serves it.

use axum::response::{IntoResponse, Response};
use http::header;
use utoipa::OpenApi;

use crate::api::v1;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Postrider",
        description = "Order events in, e-mails out: nothing lost, nothing twice.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        v1::events::post_event,
        v1::batch::post_batch,
        v1::emails::post,
        v1::notifications::list,
        v1::notifications::show,
        v1::message::message,
        v1::interventions::retry,
        v1::interventions::cancel,
        v1::interventions::hold,
        v1::dead_letters::list,
        v1::dead_letters::redrive,
        v1::feedback::sns,
        v1::feedback_messages::post,
        v1::suppressions::list,
        v1::suppressions::import,
        v1::suppressions::show,
        v1::suppressions::put,
        v1::suppressions::delete,
        v1::cost::show,
        v1::cost::release,
        v1::recipients::erase,
        v1::stats::show,
        v1::types::list,
        v1::types::preview,
        crate::reload::reload,
        v1::webhooks::list,
        v1::webhooks::create,
        v1::webhooks::show,
        v1::webhooks::update,
        v1::webhooks::delete,
        v1::webhooks::rotate_secret,
        v1::webhooks_replay::replay,
        crate::unsubscribe::ask,
        crate::unsubscribe::unsubscribe,
        crate::health::healthz,
        crate::health::readyz,
        crate::metrics::metrics,
        openapi,
    ),
    components(schemas(v1::dead_letters::DeadLetterGroups))
)]
struct Description;

/// The description as it was made last. What makes it is as large as a mail server, and a function need not carry it; a
/// test keeps both the same.
const COMMITTED: &str = include_str!("../../../docs/openapi.json");

/// The description as JSON text, made anew from the code, the same every time.
#[must_use]
pub fn description() -> String {
    Description::openapi().to_pretty_json().unwrap_or_default()
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "health",
    responses((status = 200, description = "OpenAPI 3.1.", content_type = "application/json")))]
pub async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], COMMITTED).into_response()
}

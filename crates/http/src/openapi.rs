//! The API's description, made from the code that serves it.

use axum::response::{IntoResponse, Response};
use http::{Method, header};
use postrider_core::domain::api_key::Scope;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi, openapi};

use crate::access::routes::{self, Needs, Route};
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
        v1::keys::list,
        v1::keys::create,
        v1::keys::revoke,
        crate::unsubscribe::ask,
        crate::unsubscribe::unsubscribe,
        crate::health::healthz,
        crate::health::readyz,
        crate::metrics::metrics,
        describe,
    ),
    components(schemas(v1::dead_letters::DeadLetterGroups)),
    modifiers(&Security)
)]
struct Description;

/// Says of each operation what it asks of its caller, from the table by which it is asked.
struct Security;

impl Modify for Security {
    fn modify(&self, description: &mut openapi::OpenApi) {
        let schemes = [("bearer", HttpAuthScheme::Bearer), ("basic", HttpAuthScheme::Basic)];
        let components = description.components.get_or_insert_default();
        for (name, scheme) in schemes {
            let http = HttpBuilder::new()
                .scheme(scheme)
                .description(Some("An API key, `pr_…`; with Basic as password or as user name. Not asked for as long as there was never one."))
                .build();
            components.add_security_scheme(name, SecurityScheme::Http(http));
        }
        for (path, item) in &mut description.paths.paths {
            let operations = [
                (Method::GET, &mut item.get),
                (Method::POST, &mut item.post),
                (Method::PUT, &mut item.put),
                (Method::PATCH, &mut item.patch),
                (Method::DELETE, &mut item.delete),
            ];
            for (method, operation) in operations {
                let scope = match routes::route(&method, Some(path)) {
                    Route::Known(Needs::Scope(scope)) => scope,
                    Route::Known(Needs::ReadOnceKeysExist) => Scope::Read,
                    _ => continue,
                };
                if let Some(operation) = operation {
                    let either =
                        ["bearer", "basic"].map(|name| SecurityRequirement::new(name, [scope.as_str()]));
                    operation.security = Some(either.into());
                }
            }
        }
    }
}

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
pub async fn describe() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], COMMITTED).into_response()
}

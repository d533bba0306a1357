//! Renders pages with every value escaped, under a policy that lets nothing run.

use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use minijinja::{AutoEscape, Environment, Value};

/// Nothing may be loaded or run but our own inline styles and, in a frame, our own pages.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// A captured message: no scripts, no forms, no links back into the dashboard; pictures as the customer sees them.
const MESSAGE_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none'; frame-ancestors 'self'";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, source) in [
        ("layout", include_str!("templates/layout.html")),
        ("overview", include_str!("templates/overview.html")),
        ("notification", include_str!("templates/notification.html")),
        ("types", include_str!("templates/types.html")),
        ("missing", include_str!("templates/missing.html")),
    ] {
        // The test `every_page_renders` fails if one of them does not compile.
        if let Err(error) = templates.add_template(name, source) {
            tracing::error!(name, %error, "a dashboard template does not compile");
        }
    }
    templates
});

/// A page of the dashboard.
pub fn render(name: &str, status: StatusCode, context: Value) -> Response {
    let rendered = TEMPLATES.get_template(name).and_then(|template| template.render(context));
    match rendered {
        Ok(html) => with_policy((status, Html(html)).into_response(), PAGE_POLICY),
        Err(error) => {
            tracing::error!(name, %error, "a dashboard page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The HTML part of a message, for a frame.
pub fn message(html: String) -> Response {
    with_policy(Html(html).into_response(), MESSAGE_POLICY)
}

fn with_policy(mut response: Response, policy: &'static str) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

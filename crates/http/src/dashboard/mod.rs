//! The dashboard: what came in, what went out, what is stuck. Read-only pages without scripts.

mod page;
mod pages;
mod types_page;

use axum::Router;
use axum::routing::get;

use crate::state::Api;

/// The dashboard's routes.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/", get(pages::overview))
        .route("/notifications/{id}", get(pages::notification))
        .route("/types", get(types_page::types))
        .route("/types/{type}/frame", get(types_page::frame))
        .route("/notifications/{id}/html", get(pages::message_html))
}

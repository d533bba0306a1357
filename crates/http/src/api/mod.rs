//! The API's routes.

pub mod v1;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use crate::access::{self, Door};
use crate::state::Api;
use crate::{dashboard, health, metrics, openapi, reload, unsubscribe};

/// Every route of the server over one shared state. What each of them asks of its caller, [`access::routes`] says.
pub fn router(api: Api) -> Router {
    let door = Arc::new(Door::of(&api));
    Router::new()
        .route("/v1/events", post(v1::events::post_event))
        .route("/v1/events/batch", post(v1::batch::post_batch))
        .route("/v1/emails", post(v1::emails::post))
        .route("/v1/notifications", get(v1::notifications::list))
        .route("/v1/notifications/{id}", get(v1::notifications::show))
        .route("/v1/notifications/{id}/message", get(v1::message::message))
        .route("/v1/notifications/{id}/retry", post(v1::interventions::retry))
        .route("/v1/notifications/{id}/cancel", post(v1::interventions::cancel))
        .route("/v1/notifications/{id}/hold", post(v1::interventions::hold))
        .route("/v1/dead-letters", get(v1::dead_letters::list))
        .route("/v1/dead-letters/redrive", post(v1::dead_letters::redrive))
        .route("/v1/feedback/messages", post(v1::feedback_messages::post))
        .route("/v1/suppressions", get(v1::suppressions::list).post(v1::suppressions::import))
        .route(
            "/v1/suppressions/{address}",
            get(v1::suppressions::show).put(v1::suppressions::put).delete(v1::suppressions::delete),
        )
        .route("/v1/cost", get(v1::cost::show))
        .route("/v1/cost/release", post(v1::cost::release))
        .route("/v1/recipients/{address}", delete(v1::recipients::erase))
        .route("/v1/stats", get(v1::stats::show))
        .route("/v1/types", get(v1::types::list))
        .route("/v1/types/reload", post(reload::reload))
        .route("/v1/types/{type}/preview", post(v1::types::preview))
        .route("/v1/webhooks", get(v1::webhooks::list).post(v1::webhooks::create))
        .route(
            "/v1/webhooks/{id}",
            get(v1::webhooks::show).patch(v1::webhooks::update).delete(v1::webhooks::delete),
        )
        .route("/v1/webhooks/{id}/rotate-secret", post(v1::webhooks::rotate_secret))
        .route("/v1/webhooks/{id}/replay", post(v1::webhooks_replay::replay))
        .route("/v1/keys", get(v1::keys::list).post(v1::keys::create))
        .route("/v1/keys/{id}", delete(v1::keys::revoke))
        .route("/v1/feedback/sns", post(v1::feedback::sns))
        .route("/v1/unsubscribe/{token}", get(unsubscribe::ask).post(unsubscribe::unsubscribe))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/openapi.json", get(openapi::describe))
        .merge(dashboard::routes())
        // Also around what no route takes: whoever may not ask does not hear what there is.
        .layer(from_fn_with_state(door, access::guard))
        .with_state(api)
}

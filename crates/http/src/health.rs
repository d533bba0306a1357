//! Whether the server is alive, and whether it can accept and send.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use postrider_core::domain::time::Timestamp;
use postrider_mail::types::Sandbox;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::Api;

/// How long the dispatcher may go without a sign of life.
const DISPATCHER_SILENCE_MS_MAX: u64 = 15_000;
/// How long a readiness check waits for the ledger.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// What the parts report about themselves.
#[derive(Debug)]
pub struct Health {
    stopping: AtomicBool,
    dispatcher_seen_at: AtomicI64,
    route_fault: Mutex<Option<String>>,
    detour: Mutex<Option<String>>,
}

impl Health {
    /// Everything well at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            stopping: AtomicBool::new(false),
            dispatcher_seen_at: AtomicI64::new(now.as_millis()),
            route_fault: Mutex::new(None),
            detour: Mutex::new(None),
        }
    }

    /// The server has begun to stop.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The dispatcher is at work.
    pub fn dispatcher_seen(&self, now: Timestamp) {
        self.dispatcher_seen_at.store(now.as_millis(), Ordering::Relaxed);
    }

    /// The mailer's route works (`None`) or is paused for a cause.
    pub fn set_route_fault(&self, cause: Option<String>) {
        *self.route_fault.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    /// Messages take their usual route (`None`), or another because of a cause.
    pub fn set_detour(&self, cause: Option<String>) {
        *self.detour.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    fn detour(&self) -> Option<String> {
        self.detour.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn route_fault(&self) -> Option<String> {
        self.route_fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn dispatcher_silent_ms(&self, now: Timestamp) -> u64 {
        now.ms_since(Timestamp::from_millis(self.dispatcher_seen_at.load(Ordering::Relaxed)))
    }
}

/// The answer of `/readyz`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether events can be accepted and sent.
    ready: bool,
    /// `ok`, or why the ledger cannot be written.
    ledger: String,
    /// `ok`, or why nothing is being sent.
    workers: String,
    /// `ok`, or the cause for which the route to the mail server is paused. Does not make the server unready:
    /// events are accepted and wait.
    route: String,
    /// The cause for which messages go by the fallback's route, while they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<String>,
    /// Who gets messages, while a sandbox keeps them from whom they are meant for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<String>,
}

/// Says that the process answers at all.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "The process is alive.")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Says whether the server can accept events and send messages, by writing to the ledger.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Able to accept and to send.", body = Readiness),
    (status = 503, description = "Not able to; the body says why.", body = Readiness)))]
pub async fn readyz(State(api): State<Api>) -> Response {
    let now = api.clock.now();
    let ledger = match tokio::time::timeout(PROBE_TIMEOUT, api.ledger.probe(now)).await {
        Ok(Ok(())) => "ok".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the ledger did not answer a write within 3 s".to_owned(),
    };
    let silent_ms = api.health.dispatcher_silent_ms(now);
    let workers = if api.health.stopping.load(Ordering::Relaxed) {
        "the server is stopping".to_owned()
    } else if silent_ms > DISPATCHER_SILENCE_MS_MAX {
        format!("the dispatcher has not moved for {silent_ms} ms")
    } else {
        "ok".to_owned()
    };
    let ready = ledger == "ok" && workers == "ok";
    let route = api.health.route_fault().unwrap_or_else(|| "ok".to_owned());
    let sandbox = api.types.current().sandbox().map(Sandbox::describe);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, ledger, workers, route, fallback: api.health.detour(), sandbox }))
        .into_response()
}

//! `api`: the API of `serve` behind API Gateway (HTTP API, payload 2.0) or a function URL.
//!
//! No dispatcher runs beside it. So what it accepts it claims in the same step, within bounds, and sends before it answers,
//! as long as the invocation's time allows; the rest waits for the sweep. The answer tells what was true when the event
//! became durable: `sending` for what is sent now, `queued` for what waits.
//!
//! Behind a gateway the API has no keys of its own (`Access::by_gateway`). Whoever reaches it must have been let in by the authorizer in front of it, IAM or JWT:
//! a request that none has seen is refused, but for the paths that tell nothing about anybody, the one that SNS signs, and the
//! links by which mailbox providers unsubscribe, whose tokens we have signed.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use http::{Request, StatusCode};
use lambda_http::Body as LambdaBody;
use lambda_http::request::RequestContext;
use postrider_aws::emf::{Measurements, Metric};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::Claim;
use postrider_http::Problem;
use postrider_http::gate::Gate;
use postrider_http::metrics::Metrics;
use postrider_http::state::{Api, Sender};
use tower::ServiceExt as _;

use crate::invocation::Invocation;
use crate::parts::Parts;
use crate::tally;

/// Paths that need no authorizer: they tell nothing about anybody, or check a signature.
const OPEN_PATHS: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/v1/feedback/sns"];
/// What a path begins with that ends in a signed token and nothing else.
const SIGNED_PATHS: &str = "/v1/unsubscribe/";

/// The function.
pub struct ApiFunction {
    parts: Parts,
    api: Api,
    desk: Arc<Desk>,
    /// The router for the host that was asked last.
    router: Mutex<Option<(String, Router)>>,
}

impl ApiFunction {
    /// The function over `api`, whose events are sent over `parts`.
    #[must_use]
    pub fn new(api: Api, parts: Parts) -> Self {
        let desk = Arc::new(Desk { parts: parts.clone(), state: Mutex::default() });
        let api = Api { sender: Some(Arc::clone(&desk) as Arc<dyn Sender>), ..api };
        Self { parts, api, desk, router: Mutex::new(None) }
    }

    /// Answers one request, and sends what it brought.
    pub async fn handle(
        &self,
        request: lambda_http::Request,
        invocation: &Invocation,
    ) -> (Response, Measurements) {
        let (head, body) = request.into_parts();
        let caller = Caller::of(head.extensions.get::<RequestContext>());
        let is_open = is_open(head.uri.path());
        if !caller.is_authorized && !is_open {
            return (unauthorized().into_response(), Measurements::default());
        }
        // Whoever answers is alive, and there is no other dispatcher.
        self.api.health.dispatcher_seen(self.parts.clock.now());
        let before = counts(&self.api.metrics);
        self.desk.open(invocation.until(), self.parts.concurrency);
        let router = self.router(caller.host);
        let response = router.oneshot(Request::from_parts(head, bytes(body))).await;
        let response = response.unwrap_or_else(|never| match never {});
        let mut measured = Measurements::default();
        for ((metric, before), (_, after)) in before.iter().zip(counts(&self.api.metrics)) {
            measured.count(*metric, after.saturating_sub(*before));
        }
        self.send(self.desk.close(), invocation.until(), &mut measured).await;
        (response, measured)
    }

    /// The router that takes requests for `host`, by which the gateway was reached. The gateway knows its own names, and
    /// lets nobody in by another.
    fn router(&self, host: Option<String>) -> Router {
        let Some(host) = host else { return postrider_http::router(self.api.clone()) };
        let mut known = self.router.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((name, router)) if *name == host => router.clone(),
            _ => {
                let gate = Gate::new(std::net::Ipv4Addr::LOCALHOST.into(), Some(&format!("https://{host}")));
                let router = postrider_http::router(Api { gate: Arc::new(gate), ..self.api.clone() });
                *known = Some((host, router.clone()));
                router
            }
        }
    }

    async fn send(&self, claims: Vec<Claim>, until: Timestamp, measured: &mut Measurements) {
        let dispatch = self.parts.dispatch(self.parts.hold.last_seen(self.parts.clock.now()));
        let attempts = claims.into_iter().map(|claim| dispatch.attempt(claim, until));
        let mut ended = stream::iter(attempts).buffer_unordered(self.parts.concurrency.max(1));
        while let Some(each) = ended.next().await {
            tally::attempt(&each, measured);
        }
    }
}

fn is_open(path: &str) -> bool {
    let token = path.strip_prefix(SIGNED_PATHS);
    OPEN_PATHS.contains(&path) || token.is_some_and(|token| !token.is_empty() && !token.contains('/'))
}

/// Who asks, by the gateway's word.
struct Caller {
    /// Whether an authorizer has let them in.
    is_authorized: bool,
    /// The name by which they reached the gateway.
    host: Option<String>,
}

impl Caller {
    fn of(context: Option<&RequestContext>) -> Self {
        match context {
            Some(RequestContext::ApiGatewayV2(context)) => {
                Self { is_authorized: context.authorizer.is_some(), host: context.domain_name.clone() }
            }
            Some(_) | None => Self { is_authorized: false, host: None },
        }
    }
}

fn unauthorized() -> Problem {
    let detail = "no authorizer has seen this request, and behind a gateway the API has no keys of its own; nothing was done. Give the route \
                  AWS_IAM or JWT authorization, or the function URL AWS_IAM";
    Problem::new(StatusCode::FORBIDDEN, "not_authorized", detail)
}

fn bytes(body: LambdaBody) -> Body {
    match body {
        LambdaBody::Text(text) => Body::from(text),
        LambdaBody::Binary(bytes) => Body::from(bytes),
        // Empty, and whatever comes one day.
        _ => Body::empty(),
    }
}

/// What the API counts by itself, which becomes metrics by its difference: one process answers one request at a time.
fn counts(metrics: &Metrics) -> [(Metric, u64); 6] {
    [
        (Metric::Duplicates, metrics.duplicates.get()),
        (Metric::Suppressed, metrics.suppressed.get()),
        (Metric::Deliveries, metrics.deliveries.get()),
        (Metric::Bounces, metrics.bounces.get()),
        (Metric::Complaints, metrics.complaints.get()),
        (Metric::SendFailures, metrics.send_failures.get()),
    ]
}

/// Where claims lie between the step that accepts their event and the end of the request that brought it.
struct Desk {
    parts: Parts,
    state: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// `None` while no request is under way.
    until: Option<Timestamp>,
    /// Events that may still be claimed for this request.
    room: usize,
    claims: Vec<Claim>,
}

impl Desk {
    fn open(&self, until: Timestamp, room: usize) {
        let mut open = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        open.until = Some(until);
        open.room = room;
    }

    fn close(&self) -> Vec<Claim> {
        std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner)).claims
    }
}

impl Sender for Desk {
    fn lease_until(&self) -> Option<Timestamp> {
        let mut open = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // What is accepted on hold is not claimed at all; this is about time alone.
        let dispatch = self.parts.dispatch(false);
        if open.room == 0 || !open.until.is_some_and(|until| dispatch.has_time(until)) {
            return None;
        }
        open.room -= 1;
        Some(dispatch.lease_until())
    }

    fn take(&self, claims: Vec<Claim>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).claims.extend(claims);
    }
}

//! An API of one test.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use postrider_core::domain::address::EmailAddress;
use postrider_core::ports::clock::Clock as _;
use postrider_core::ports::ledger::Ledger;
use postrider_http::BodyRoom;
use postrider_http::access::{Access, InProcess};
use postrider_http::gate::Gate;
use postrider_http::health::Health;
use postrider_http::idempotency::RunningKeys;
use postrider_http::metrics::Metrics;
use postrider_http::reload::ReloadTypes;
use postrider_http::sns::SnsEndpoint;
use postrider_http::state::{Api, Tariff};
use postrider_mail::types::{LiveTypes, Sender, TypeSet, TypeSource};
use postrider_testkit::clock::ManualClock;
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::faulty_ledger::{Fault, FaultyLedger};
use postrider_testkit::memory_ledger::MemoryLedger;
use postrider_testkit::random::SeededRandom;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub const KEY: (&str, &str) = ("idempotency-key", "k-1");

pub struct World {
    pub clock: Arc<ManualClock>,
    pub ledger: Arc<FaultyLedger>,
    /// What the router's handlers share.
    pub api: Api,
    router: Router,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// Asserts status and code of a problem.
    #[track_caller]
    pub fn expect(self, status: u16, code: &str) -> Self {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{text}");
        assert_eq!((self.status, self.json()["code"].as_str()), (status, Some(code)), "{text}");
        self
    }

    /// The pointers of every wrong field, sorted.
    pub fn pointers(&self) -> Vec<String> {
        pointers(&self.json())
    }
}

pub fn pointers(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().into_iter().flatten();
    let mut pointers: Vec<_> = errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect();
    pointers.sort();
    pointers
}

impl World {
    pub fn new() -> Self {
        Self::over(Arc::new(MemoryLedger::new(recipient_rules())), None)
    }

    /// Changes what the router's handlers share.
    pub fn change(&mut self, change: impl FnOnce(&mut Api)) {
        change(&mut self.api);
        self.router = postrider_http::router(self.api.clone());
    }

    /// One whose types can be exchanged.
    pub fn with_reload(reload: Arc<dyn ReloadTypes>) -> Self {
        let world = Self::new();
        let api = Api { reload: Some(reload), ..world.api.clone() };
        Self { router: postrider_http::router(api.clone()), api, ..world }
    }

    /// One that takes what SNS posts to `endpoint`.
    pub fn with_sns(endpoint: SnsEndpoint) -> Self {
        Self::over(Arc::new(MemoryLedger::new(recipient_rules())), Some(endpoint))
    }

    /// One over a ledger of the test's own.
    pub fn over(ledger: Arc<dyn Ledger>, sns: Option<SnsEndpoint>) -> Self {
        let ledger = Arc::new(FaultyLedger::new(ledger));
        let clock = Arc::new(ManualClock::default());
        let sender = Sender::new(None, EmailAddress::parse("orders@shop.example").unwrap());
        let api = Api {
            ledger: Arc::clone(&ledger) as Arc<dyn Ledger>,
            types: Arc::new(LiveTypes::new(TypeSet::load(&TypeSource::Shipped, sender).unwrap())),
            health: Arc::new(Health::new(clock.now())),
            clock: Arc::clone(&clock) as Arc<_>,
            random: Arc::new(SeededRandom::new(1)),
            secret: recipient_rules().secret,
            metrics: Arc::new(Metrics::default()),
            wake: Arc::new(|| ()),
            request_limit_bytes: postrider_core::limits::REQUEST_BYTES_MAX,
            running_keys: RunningKeys::default(),
            body_room: BodyRoom::default(),
            return_paths: None,
            sns: sns.map(Arc::new),
            webhook_targets: Arc::default(),
            wake_webhooks: Arc::new(|| ()),
            captured: None,
            list_elsewhere: None,
            access: Arc::new(Access::by_own_keys()),
            gate: Arc::new(Gate::new(IpAddr::V4(Ipv4Addr::LOCALHOST), Some("https://mail.shop.example"))),
            reload: None,
            sender: None,
            hold: Arc::default(),
            tariff: Tariff::default(),
        };
        Self { clock, ledger, router: postrider_http::router(api.clone()), api }
    }

    /// One fault for each of the next calls of the ledger.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.ledger.plan(faults);
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(body.into()).unwrap()).await
    }

    /// Asks as a command does that has the ledger open itself.
    pub async fn ask_in_process(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        self.answer(request.extension(InProcess).body(body.into()).unwrap()).await
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status.as_u16(), headers: head.headers, bytes }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], Body::empty()).await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.ask("POST", path, headers, body.to_string()).await
    }

    /// How many notifications there are.
    pub async fn count(&self) -> usize {
        self.get("/v1/notifications").await.json()["data"].as_array().unwrap().len()
    }
}

/// An order that is as it should be.
pub fn order(order_id: &str) -> Value {
    json!({
        "orderId": order_id, "customerEmail": "ada@example.com", "customerName": "Ada Lovelace",
        "items": [{ "name": "Analytical Engine", "quantity": 1, "unitPrice": "129.00" }], "total": "129.00"
    })
}

pub fn event(order_id: &str) -> Value {
    json!({ "type": "order.confirmed", "data": order(order_id) })
}

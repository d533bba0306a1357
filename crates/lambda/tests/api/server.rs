//! The functions `api` and `sweep` of one test, over a DynamoDB in memory, with the face of a server.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postrider_aws::emf::Measurements;
use postrider_aws::secret::Secrets;
use postrider_core::domain::suppression::Secret;
use postrider_core::ports::clock::Clock;
use postrider_core::ports::mailer::Mailer;
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::{DynamoConfig, DynamoLedger, OpenError};
use postrider_environment::config::{RawSettings, Settings};
use postrider_environment::mailer::{MailerParts, OpenMailer};
use postrider_environment::secret::parse_secret;
use postrider_environment::system::{SystemClock, SystemRandom};
use postrider_lambda::api::ApiFunction;
use postrider_lambda::calls::Calls;
use postrider_lambda::invocation::Invocation;
use postrider_lambda::parts::Parts;
use postrider_lambda::role::Role;
use postrider_lambda::sweep;
use postrider_lambda::wiring::{Foundation, Wiring};
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::memory_ledger::MemoryLedger;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;

pub use crate::gateway::Answer;
use crate::gateway::ask;

/// How long a test waits for a fact before it fails. Never how long it waits when the fact is there.
const PATIENCE: Duration = Duration::from_secs(30);
/// Processes of `api` at the same time, each of which answers one request at a time.
const INSTANCES_MAX: usize = 8;
/// The longest Lambda allows: a mail server may take minutes.
const INVOCATION_MS: u64 = 900_000;

pub struct TestServer {
    settings: Settings,
    table: Arc<FakeTable>,
    mailer: Arc<dyn Mailer>,
    /// Processes that wait for a request.
    idle: Mutex<Vec<ApiFunction>>,
    room: Semaphore,
    sweeper: (Parts, Calls),
    directory: TempDir,
}

impl TestServer {
    /// The status that the answer to an event tells: what is accepted is on its way.
    pub const ACCEPTED: &str = "sending";

    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One with settings beside the defaults.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let data_dir = directory.path().join("data");
        std::fs::create_dir(&data_dir).unwrap();
        std::fs::write(data_dir.join("secret.key"), "5a".repeat(32)).unwrap();
        let mut raw = RawSettings::default();
        raw.set("server.data_dir", data_dir.to_str().unwrap().into(), "data_dir").unwrap();
        // A function does not live as long as a mail server may take elsewhere.
        let brief =
            settings.contains(&("mailer.kind", "smtp")).then_some(&("mailer.smtp.timeout_secs", "20"));
        let variables = brief.into_iter().chain(settings).map(|(name, value)| {
            (format!("POSTRIDER__{}", name.to_uppercase().replace('.', "__")), (*value).to_owned())
        });
        raw.read_environment(variables).unwrap();
        let settings = Settings::check(&raw).unwrap();
        let table = Arc::new(FakeTable::default());
        let mailer = mailer(&settings).await;
        let sweeper = sweeper(&settings, &table, &mailer).await.unwrap();
        let (idle, room) = (Mutex::default(), Semaphore::new(INSTANCES_MAX));
        Self { settings, table, mailer, idle, room, sweeper, directory }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Ends every process.
    #[expect(clippy::unused_async, reason = "a server takes its time")]
    pub async fn stop(&mut self) {
        self.idle.get_mut().unwrap().clear();
    }

    /// Ends every process and lets others begin.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.try_start().await.unwrap();
    }

    /// Lets processes begin after a stop, if that is possible.
    pub async fn try_start(&mut self) -> Result<(), OpenError> {
        self.mailer = mailer(&self.settings).await;
        self.sweeper = sweeper(&self.settings, &self.table, &self.mailer).await?;
        Ok(())
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body.to_string().as_bytes()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.request("PUT", path, &[], body.to_string().as_bytes()).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.request("PATCH", path, &[], body.to_string().as_bytes()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path, &[], b"").await
    }

    /// Posts bytes as `application/json`, unless the headers say otherwise.
    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.request("POST", path, headers, body).await
    }

    async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let _room = self.room.acquire().await.unwrap();
        let idle = self.idle.lock().unwrap().pop();
        let function = match idle {
            Some(function) => function,
            None => {
                let wiring = Wiring::of(Role::Api, self.settings.clone());
                let foundation =
                    foundation(&wiring, &self.settings, &self.table, &self.mailer).await.unwrap();
                let (api, parts) = wiring.api_over(foundation).await.unwrap();
                ApiFunction::new(api, parts)
            }
        };
        let answer = ask(&function, &invocation(), (method, path), headers, body).await;
        self.idle.lock().unwrap().push(function);
        answer
    }

    /// What the schedule does once a minute.
    async fn sweep(&self) {
        let (parts, calls) = &self.sweeper;
        let mut measured = Measurements::default();
        sweep::handle(parts, Some(calls), &invocation(), &mut measured).await.unwrap();
    }

    /// The notifications of an order, as soon as `done` is true of them.
    pub async fn order_when(&self, order_id: &str, done: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let list = self.get(&format!("/v1/notifications?orderId={order_id}")).await.json();
            if let Some(first) = list["data"].as_array().and_then(|data| data.first()) {
                let id = first["id"].as_str().unwrap();
                let shown = self.get(&format!("/v1/notifications/{id}")).await.json();
                if done(&shown) {
                    return shown;
                }
                assert!(started.elapsed() < PATIENCE, "order {order_id} is still {shown:#}");
            } else {
                assert!(started.elapsed() < PATIENCE, "order {order_id} never appeared");
            }
            self.sweep().await;
        }
    }

    pub async fn order_in_status(&self, order_id: &str, status: &str) -> Value {
        self.order_when(order_id, |shown| shown["status"] == status).await
    }

    /// The webhook, as soon as `done` is true of it.
    pub async fn webhook_when(&self, webhook: &Value, done: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let shown = self.get(&format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap())).await.json();
            if done(&shown) {
                return shown;
            }
            assert!(started.elapsed() < PATIENCE, "the webhook is still {shown:#}");
            self.sweep().await;
        }
    }

    /// Every message the outbox has captured.
    pub fn outbox(&self) -> Vec<Vec<u8>> {
        let Ok(entries) = std::fs::read_dir(self.data_dir().join("outbox")) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        let captured = paths.filter(|path| path.extension().is_some_and(|extension| extension == "eml"));
        captured.map(|path| std::fs::read(path).unwrap()).collect()
    }
}

fn invocation() -> Invocation {
    Invocation { request_id: "req-1".to_owned(), deadline: SystemClock.now().plus_ms(INVOCATION_MS) }
}

async fn mailer(settings: &Settings) -> Arc<dyn Mailer> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let secrets = Arc::new(Secrets::new(Arc::clone(&clock)));
    let parts = MailerParts { clock: &clock, secrets: &secrets, turn_wait_max: None, tell: Box::new(|_| ()) };
    OpenMailer::open(settings, parts).await.unwrap().mailer
}

/// A ledger of one process over the table of all.
async fn foundation(
    wiring: &Wiring,
    settings: &Settings,
    table: &Arc<FakeTable>,
    mailer: &Arc<dyn Mailer>,
) -> Result<Foundation, OpenError> {
    let kept = std::fs::read_to_string(settings.data_dir.join("secret.key")).unwrap();
    let secret = Secret::new(parse_secret(&kept).unwrap());
    let (config, rules) = (DynamoConfig::new("fake"), wiring.recipient_rules(&secret));
    let table = Arc::clone(table) as Arc<_>;
    let ledger = DynamoLedger::over(table, &config, rules, Arc::new(SystemRandom)).await?;
    Ok(Foundation { ledger: Arc::new(ledger), mailer: Arc::clone(mailer), secret })
}

async fn sweeper(
    settings: &Settings,
    table: &Arc<FakeTable>,
    mailer: &Arc<dyn Mailer>,
) -> Result<(Parts, Calls), OpenError> {
    let wiring = Wiring::of(Role::Sweep, settings.clone());
    let foundation = foundation(&wiring, settings, table, mailer).await?;
    let parts = wiring.api_over(foundation).await.unwrap().1;
    let calls = wiring.calls(&parts);
    Ok((parts, calls))
}

#[tokio::test]
async fn a_mailer_that_may_take_longer_than_a_function_lives_is_refused_at_start() {
    let settings = |timeout_secs: &str| {
        let mut raw = RawSettings::default();
        let variables = [("MAILER__KIND", "smtp"), ("MAILER__SMTP__TIMEOUT_SECS", timeout_secs)];
        let variables = variables.map(|(name, value)| (format!("POSTRIDER__{name}"), value.to_owned()));
        raw.read_environment(variables.into_iter()).unwrap();
        Settings::check(&raw).unwrap()
    };
    for (timeout_secs, fits) in [("20", true), ("300", false)] {
        let settings = settings(timeout_secs);
        let wiring = Wiring::of(Role::Dispatch, settings.clone());
        let ledger = Arc::new(MemoryLedger::new(recipient_rules()));
        let foundation =
            Foundation { ledger, mailer: mailer(&settings).await, secret: recipient_rules().secret };
        let refused = wiring.api_over(foundation).await.err().map(|error| error.to_string());
        assert_eq!(refused.is_none(), fits, "{timeout_secs}: {refused:?}");
        assert!(refused.is_none_or(|words| words.contains("mailer.smtp.timeout_secs")));
    }
}

/// An order that is as it should be.
pub fn order(order_id: &str) -> Value {
    json!({
        "orderId": order_id, "customerEmail": "ada@example.com", "customerName": "Ada Lovelace",
        "items": [{ "sku": "AE-1", "name": "Analytical Engine", "quantity": 1, "unitPrice": "129.00" }],
        "total": "129.00", "currency": "USD", "timestamp": "2026-11-23T10:00:00Z", "metadata": { "channel": "web" }
    })
}

pub fn event(order_id: &str) -> Value {
    json!({ "type": "order.confirmed", "data": order(order_id) })
}

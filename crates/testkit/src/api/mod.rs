//! The API as tests ask it, wherever it lives: the same tests run over each home.

mod answer;
pub mod gateway;

use std::fmt::{Debug, Display};
use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub use answer::Answer;

/// How long a test waits for a fact before it fails. Never how long it waits when the fact is there.
const PATIENCE: Duration = Duration::from_secs(30);

/// What answers the API in one test, with everything behind it.
pub trait Home: Sized {
    /// The status that the answer to an event tells.
    const ACCEPTED: &str;
    /// Why it does not start.
    type StartError: Debug + Display;

    /// One with these settings beside the defaults, [`variables`] of its environment.
    fn start_with(settings: &[(&str, &str)]) -> impl Future<Output = Self>;

    /// Ends what runs. What is kept stays.
    fn stop(&mut self) -> impl Future<Output = ()>;

    /// Starts again after a stop, if that is possible.
    fn try_start(&mut self) -> impl Future<Output = Result<(), Self::StartError>>;

    /// Asks. A body is `application/json` unless the headers say otherwise.
    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> impl Future<Output = Answer>;

    /// Lets happen what happens while a test waits.
    fn turn(&self) -> impl Future<Output = ()>;

    /// Where it keeps its files.
    fn data_dir(&self) -> PathBuf;
}

/// The settings, `mailer.kind`, as variables of the environment.
pub fn variables<'a>(
    settings: impl IntoIterator<Item = &'a (&'a str, &'a str)>,
) -> impl Iterator<Item = (String, String)> {
    settings.into_iter().map(|(name, value)| {
        (format!("POSTRIDER__{}", name.to_uppercase().replace('.', "__")), (*value).to_owned())
    })
}

/// A server of one test, and a client for it.
pub struct Server<H>(H);

impl<H: Home> Server<H> {
    /// The status that the answer to an event tells.
    pub const ACCEPTED: &'static str = H::ACCEPTED;

    /// One with the defaults.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One with settings beside the defaults.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self(H::start_with(settings).await)
    }

    /// Where it keeps its files.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.0.data_dir()
    }

    /// Ends it. What is kept stays.
    pub async fn stop(&mut self) {
        self.0.stop().await;
    }

    /// Starts it again after a stop, if that is possible.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn try_start(&mut self) -> Result<(), H::StartError> {
        self.0.try_start().await
    }

    /// Ends it and starts it again on the same data.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn restart(&mut self) {
        self.stop().await;
        if let Err(error) = self.try_start().await {
            panic!("it does not start again: {error}");
        }
    }

    /// Asks with GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.0.request("GET", path, &[], b"").await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body.to_string().as_bytes()).await
    }

    /// Puts JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.0.request("PUT", path, &[], body.to_string().as_bytes()).await
    }

    /// Patches with JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.0.request("PATCH", path, &[], body.to_string().as_bytes()).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> Answer {
        self.0.request("DELETE", path, &[], b"").await
    }

    /// Posts bytes as `application/json`, unless the headers say otherwise.
    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.0.request("POST", path, headers, body).await
    }

    /// The newest notification of an order, as soon as `done` is true of it.
    ///
    /// # Panics
    /// If that never comes.
    pub async fn order_when(&self, order_id: &str, done: impl Fn(&Value) -> bool) -> Value {
        let what = format!("the notification of order {order_id}");
        self.when(&what, done, async || {
            let list = self.get(&format!("/v1/notifications?orderId={order_id}")).await.json();
            let id = list["data"][0]["id"].as_str()?.to_owned();
            Some(self.get(&format!("/v1/notifications/{id}")).await.json())
        })
        .await
    }

    /// The same in a status.
    ///
    /// # Panics
    /// If it never is in it.
    pub async fn order_in_status(&self, order_id: &str, status: &str) -> Value {
        self.order_when(order_id, |shown| shown["status"] == status).await
    }

    /// The webhook, as soon as `done` is true of it.
    ///
    /// # Panics
    /// If that never comes.
    pub async fn webhook_when(&self, webhook: &Value, done: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap_or_default());
        self.when("the webhook", done, async || Some(self.get(&path).await.json())).await
    }

    async fn when(
        &self,
        what: &str,
        done: impl Fn(&Value) -> bool,
        look: impl AsyncFn() -> Option<Value>,
    ) -> Value {
        let started = Instant::now();
        loop {
            let shown = look().await;
            match shown {
                Some(shown) if done(&shown) => return shown,
                shown if started.elapsed() > PATIENCE => panic!("{what} is still {shown:#?}"),
                _ => self.0.turn().await,
            }
        }
    }

    /// Every message that the outbox has captured.
    ///
    /// # Panics
    /// If one cannot be read.
    #[must_use]
    pub fn outbox(&self) -> Vec<Vec<u8>> {
        let Ok(entries) = std::fs::read_dir(self.data_dir().join("outbox")) else { return Vec::new() };
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        let captured = paths.filter(|path| path.extension().is_some_and(|extension| extension == "eml"));
        captured
            .map(|path| {
                std::fs::read(&path)
                    .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
            })
            .collect()
    }
}

/// An order that is as it should be.
#[must_use]
pub fn order(order_id: &str) -> Value {
    json!({
        "orderId": order_id, "customerEmail": "ada@example.com", "customerName": "Ada Lovelace",
        "items": [{ "sku": "AE-1", "name": "Analytical Engine", "quantity": 1, "unitPrice": "129.00" }],
        "total": "129.00", "currency": "USD", "timestamp": "2026-11-23T10:00:00Z", "metadata": { "channel": "web" }
    })
}

/// Its confirmation.
#[must_use]
pub fn event(order_id: &str) -> Value {
    json!({ "type": "order.confirmed", "data": order(order_id) })
}

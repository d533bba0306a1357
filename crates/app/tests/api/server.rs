//! A server of one test, and a client for it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use postrider_app::runtime;
use postrider_environment::config::{RawSettings, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a test waits for a fact before it fails. Never how long it waits when the fact is there.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct TestServer {
    server: Option<runtime::Server>,
    authority: String,
    settings: Settings,
    directory: TempDir,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The pointers of every wrong field, sorted.
    pub fn pointers(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().into_iter().flatten();
        let mut pointers: Vec<_> =
            errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect();
        pointers.sort();
        pointers
    }

    /// Asserts status and code of a problem.
    pub fn expect(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.json()["code"].as_str()), (status, Some(code)), "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        self
    }
}

impl TestServer {
    /// The status that the answer to an event tells.
    pub const ACCEPTED: &str = "queued";

    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server with settings beside the defaults.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let mut raw = RawSettings::default();
        raw.set("server.listen", "127.0.0.1:0".into(), "listen").unwrap();
        raw.set("server.data_dir", data_dir(&directory).to_str().unwrap().into(), "data_dir").unwrap();
        let variables = settings.iter().map(|(name, value)| {
            (format!("POSTRIDER__{}", name.to_uppercase().replace('.', "__")), (*value).to_owned())
        });
        raw.read_environment(variables).unwrap();
        let settings = Settings::check(&raw).unwrap();
        let server = runtime::Server::start(&settings).await.unwrap();
        Self { authority: server.address.to_string(), server: Some(server), settings, directory }
    }

    pub fn data_dir(&self) -> PathBuf {
        data_dir(&self.directory)
    }

    pub async fn stop(&mut self) {
        self.server.take().unwrap().stop().await;
    }

    /// Stops the server as SIGTERM would and starts it again on the same data.
    pub async fn restart(&mut self) {
        self.stop().await;
        let server = runtime::Server::start(&self.settings).await.unwrap();
        self.authority = server.address.to_string();
        self.server = Some(server);
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

    /// Starts it again after a stop, if that is possible.
    pub async fn try_start(&mut self) -> Result<(), runtime::StartError> {
        let server = runtime::Server::start(&self.settings).await?;
        self.authority = server.address.to_string();
        self.server = Some(server);
        Ok(())
    }

    /// Posts bytes as `application/json`, unless the headers say otherwise.
    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.request("POST", path, headers, body).await
    }

    async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.authority);
        if matches!(method, "POST" | "PUT" | "PATCH") {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request.push_str("content-type: application/json\r\n");
            }
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut stream = TcpStream::connect(&self.authority).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        // A server that refuses a body by its announced length may close before it has all been written.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let split = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..split].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut bytes = answer.split_off(split + 4);
        if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            bytes = unchunk(&bytes);
        }
        Answer { status, head, bytes }
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
            tokio::task::yield_now().await;
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
            tokio::task::yield_now().await;
        }
    }

    /// Every message the outbox has captured.
    pub fn outbox(&self) -> Vec<Vec<u8>> {
        let Ok(entries) = std::fs::read_dir(self.data_dir().join("outbox")) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|e| e == "eml"))
            .map(|p| std::fs::read(p).unwrap())
            .collect()
    }
}

fn data_dir(directory: &TempDir) -> PathBuf {
    directory.path().join("data")
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
    }
    body
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

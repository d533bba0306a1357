//! An HTTP server that answers as it is told to, and keeps what it was asked: what a client of Amazon's services talks to
//! in tests.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What to do with one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Answers.
    Http(u16, Value),
    /// Answers an error of SES.
    Error(u16, &'static str, &'static str),
    /// Answers what is no HTTP at all.
    Nonsense,
    /// Closes the connection before it reads anything.
    CutBefore,
    /// Reads the whole request, then closes the connection.
    CutAfter,
    /// Reads the whole request and never answers.
    Silence,
}

/// One request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The body; `null` where it was no JSON.
    pub body: Value,
}

/// The endpoint.
pub struct Endpoint {
    /// Where it listens: `http://127.0.0.1:…`.
    pub url: String,
    /// What it was asked, in order.
    pub requests: Arc<Mutex<Vec<Request>>>,
    /// Rung for every request.
    pub came: Arc<Notify>,
}

/// Chooses an answer by method and path.
pub type Script = dyn Fn(&str, &str) -> Answer + Send + Sync;

impl Endpoint {
    /// Starts one that follows `script`. It ends with the runtime it was started in.
    ///
    /// # Panics
    /// If it cannot listen.
    #[expect(clippy::expect_used, reason = "a test cannot go on without its endpoint")]
    pub async fn start(script: Box<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let (requests, came) = (Arc::default(), Arc::new(Notify::new()));
        let script: Arc<Script> = Arc::from(script);
        let endpoint = Self { url, requests: Arc::clone(&requests), came: Arc::clone(&came) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&requests), Arc::clone(&came)));
            }
        });
        endpoint
    }

    /// The bodies of what was asked at `path`.
    #[must_use]
    pub fn bodies(&self, path: &str) -> Vec<Value> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().filter(|request| request.path == path).map(|request| request.body.clone()).collect()
    }

    /// How often `path` was asked for.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.bodies(path).len()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Script>,
    requests: Arc<Mutex<Vec<Request>>>,
    came: Arc<Notify>,
) {
    let mut buffer = Vec::new();
    loop {
        let mut chunk = [0; 16 * 1024];
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        buffer.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&buffer).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let mut words = head.split([' ', '\r']);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = path.split('?').next().unwrap_or_default();
        let answer = script(method, path);
        if matches!(answer, Answer::CutBefore) {
            return;
        }
        let length = head.lines().filter_map(|line| line.split_once(':'));
        let mut length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length = length.next().and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0);
        while buffer.len() < head.len() + 4 + length {
            let count = stream.read(&mut chunk).await.unwrap_or(0);
            if count == 0 {
                return;
            }
            buffer.extend_from_slice(&chunk[..count]);
        }
        let body = serde_json::from_slice(&buffer[head.len() + 4..]).unwrap_or(Value::Null);
        requests.lock().unwrap_or_else(PoisonError::into_inner).push(Request {
            method: method.to_owned(),
            path: path.to_owned(),
            body,
        });
        came.notify_one();
        buffer.clear();
        let (status, fields, body) = match answer {
            Answer::Http(status, body) => (status, String::new(), body.to_string()),
            Answer::Error(status, code, message) => {
                (status, format!("x-amzn-errortype: {code}\r\n"), json!({"message": message}).to_string())
            }
            Answer::Nonsense => {
                let _ = stream.write_all(b"220 mail.example ESMTP\r\n\r\n").await;
                return;
            }
            Answer::CutBefore | Answer::CutAfter => return,
            Answer::Silence => return std::future::pending().await,
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{fields}content-length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

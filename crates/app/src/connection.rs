//! How a command reaches the API: over HTTP where a server runs, in this process on the ledger itself where none does.

use axum::Router;
use axum::body::Body;
use http::request::Builder;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use postrider_http::access::InProcess;
use postrider_sqlite::OpenError;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::client::{self, ANSWER_BYTES_MAX, Sink};
use crate::commands::Failure;
use crate::runtime::{Parts, StartError, Types};
use crate::server_file::{self, ServerFile, reachable};
use postrider_environment::config::{LedgerSettings, Settings};

/// Where commands find a key for a server that is not the one on their data directory. Not an option: other people of the
/// machine see the options of every command.
const KEY_VARIABLE: &str = "POSTRIDER_API_KEY";
const CONTENT_TYPE: &str = "content-type";
const JSON: (&str, &str) = (CONTENT_TYPE, "application/json");

/// A way to the API.
pub enum Connection {
    /// A server.
    Server(Target),
    /// The API in this process, on a ledger that no server has open.
    Ledger(Box<Parts>),
}

/// A server, and what lets us in.
pub struct Target {
    /// Where it is, such as `127.0.0.1:8025`.
    authority: String,
    /// A key, or the token of its run; `None` where there is neither.
    key: Option<String>,
}

impl Target {
    /// The server whose file this is, if it answers. Left behind by a server that was killed, the file names a port that may
    /// be anybody's by now.
    async fn of_file(file: &ServerFile) -> Option<Self> {
        let authority = authority(&file.url).ok()?;
        let is_ours = client::instance_at(&authority).await.as_ref() == Some(&file.instance);
        let token = Some(&file.token).filter(|token| !token.is_empty());
        is_ours.then(|| Self { authority, key: token.cloned() })
    }

    /// A server that somebody has named, and shown the key that is meant for it.
    fn named(authority: String) -> Result<Self, Failure> {
        let key = std::env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty());
        if key.is_some() && !is_this_machine(&authority) {
            return Err(Failure::new(format!(
                "{KEY_VARIABLE} would go to {authority} over the network for everybody to read; nothing was sent. Bring the \
                 server's port to this machine (ssh -L 8025:127.0.0.1:8025 …) and name it as http://127.0.0.1:8025"
            )));
        }
        Ok(Self { authority, key })
    }

    /// Whatever answers where a server should: it is shown no key.
    fn found(authority: String) -> Self {
        Self { authority, key: None }
    }

    fn sign(&self, request: Builder) -> Builder {
        let request = request.header(header::HOST, &self.authority);
        match &self.key {
            Some(key) => request.header(header::AUTHORIZATION, format!("Bearer {key}")),
            None => request,
        }
    }
}

/// What the API answered.
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body; a JSON string where it was not JSON.
    pub body: Value,
}

impl Answer {
    fn new(status: StatusCode, bytes: &[u8]) -> Self {
        let text = || Value::String(String::from_utf8_lossy(bytes).into_owned());
        Self { status, body: serde_json::from_slice(bytes).unwrap_or_else(|_| text()) }
    }

    /// The body of a success.
    ///
    /// # Errors
    /// The problem's own words otherwise.
    pub fn success(self) -> Result<Value, Failure> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        let mut text = problem_text(&self.body);
        if self.status == StatusCode::UNAUTHORIZED {
            text.push_str(&format!(". Commands take a key for another server from {KEY_VARIABLE}"));
        }
        Err(Failure::new(text))
    }
}

/// A problem in words, each wrong field on a line of its own.
pub fn problem_text(problem: &Value) -> String {
    let detail = problem["detail"].as_str().unwrap_or("the server answered with an error it did not explain");
    let mut text = detail.to_owned();
    for error in problem["errors"].as_array().into_iter().flatten() {
        let pointer = error["pointer"].as_str().unwrap_or_default();
        let message = error["message"].as_str().unwrap_or_default();
        text.push_str(&format!("\n  {pointer} {message}"));
    }
    text
}

impl Connection {
    /// Finds the server: the one named by `--server`, the one that runs on this data directory, or the one at the
    /// configured address. Where none runs but the ledger is there, works on the ledger itself, with the notification
    /// types if the command has a use for them.
    ///
    /// # Errors
    /// If there is neither.
    pub async fn open(settings: &Settings, server: Option<&str>, types: Types) -> Result<Self, Failure> {
        let file = server_file::read(&settings.data_dir);
        if let Some(url) = server {
            let authority = authority(url)?;
            client::connect(&authority).await?;
            let of_file = match &file {
                Some(file) => Target::of_file(file).await.filter(|target| target.authority == authority),
                None => None,
            };
            return Ok(Self::Server(match of_file {
                Some(target) => target,
                None => Target::named(authority)?,
            }));
        }
        if let Some(file) = &file
            && let Some(target) = Target::of_file(file).await
        {
            return Ok(Self::Server(target));
        }
        let is_there = match settings.ledger {
            LedgerSettings::Sqlite => settings.ledger_path.exists(),
            // Several may work on a table at the same time.
            LedgerSettings::DynamoDb(_) => true,
        };
        if is_there {
            return match Parts::open(settings, types).await {
                Ok(parts) => Ok(Self::Ledger(Box::new(parts))),
                Err(StartError::Ledger(OpenError::AlreadyOpen { holder, .. })) => {
                    let at = file.map(|file| format!(" at {}", file.url)).unwrap_or_default();
                    Err(Failure::new(format!(
                        "process {holder} has the ledger {} open and does not answer{at}: a server that starts, stops \
                         or hangs, or another command. Try again in a moment, or name a server with --server",
                        settings.ledger_path.display()
                    )))
                }
                Err(error) => Err(Failure::because(&error)),
            };
        }
        let listen = reachable(settings.listen).to_string();
        if settings.listen.port() != 0 && client::instance_at(&listen).await.is_some() {
            return Ok(Self::Server(Target::found(listen)));
        }
        Err(Failure::new(format!(
            "no server answers at http://{listen}, and there is no ledger at {}. Start one with `postrider serve`, or \
             name it with --server or --data-dir",
            settings.ledger_path.display()
        )))
    }

    /// Whether nothing is being sent, because no server runs.
    pub fn is_offline(&self) -> bool {
        matches!(self, Self::Ledger(_))
    }

    /// Asks for `path`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.call(Method::GET, path, &[], Bytes::new()).await
    }

    /// Posts JSON text to `path`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: String) -> Result<Answer, Failure> {
        let headers = [&[JSON], headers].concat();
        self.call(Method::POST, path, &headers, Bytes::from(body)).await
    }

    /// Posts bytes of another kind to `path`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post_bytes(&self, path: &str, content_type: &str, body: Vec<u8>) -> Result<Answer, Failure> {
        self.call(Method::POST, path, &[(CONTENT_TYPE, content_type)], Bytes::from(body)).await
    }

    /// Puts JSON text at `path`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn put(&self, path: &str, body: String) -> Result<Answer, Failure> {
        self.call(Method::PUT, path, &[JSON], Bytes::from(body)).await
    }

    /// Deletes what is at `path`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn delete(&self, path: &str) -> Result<Answer, Failure> {
        self.call(Method::DELETE, path, &[], Bytes::new()).await
    }

    /// Asks for `path` and hands what comes on to `sink`, however much it is.
    ///
    /// # Errors
    /// If there is no answer, it is no success, it breaks off, or `sink` refuses it.
    pub async fn download(&self, path: &str, sink: Sink<'_>) -> Result<(), Failure> {
        let request = Request::get(path);
        let received = match self {
            Self::Server(target) => {
                let request = target.sign(request).body(Full::default());
                client::download(&target.authority, well_formed(path, request)?, sink).await?
            }
            Self::Ledger(parts) => {
                let request = well_formed(path, request.body(Body::empty()))?;
                client::pour(in_process(parts.router(), request).await, sink).await?
            }
        };
        Answer::new(received.status, &received.bytes).success().map(drop)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (status, bytes) = match self {
            Self::Server(target) => {
                let request = target.sign(request).body(Full::new(body));
                let received = client::exchange(&target.authority, well_formed(path, request)?).await?;
                (received.status, received.bytes)
            }
            Self::Ledger(parts) => {
                let request = well_formed(path, request.body(Body::from(body)))?;
                let (head, body) = in_process(parts.router(), request).await.into_parts();
                let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
                let body =
                    body.map_err(|error| Failure::new(format!("the answer could not be read: {error}")))?;
                (head.status, body.to_bytes())
            }
        };
        Ok(Answer::new(status, &bytes))
    }

    /// Closes the ledger where this process has it open.
    pub async fn close(self) {
        if let Self::Ledger(parts) = self {
            parts.ledger.close().await;
        }
    }
}

fn well_formed<B>(path: &str, request: http::Result<Request<B>>) -> Result<Request<B>, Failure> {
    request.map_err(|error| Failure::new(format!("cannot ask for {path}: {error}")))
}

/// Whoever can open the ledger need not show a key.
async fn in_process(router: Router, mut request: Request<Body>) -> Response<Body> {
    request.extensions_mut().insert(InProcess);
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}

fn authority(url: &str) -> Result<String, Failure> {
    let rest = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    match rest.filter(|rest| !rest.is_empty() && !rest.contains('/')) {
        Some(rest) if rest.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok()) => {
            Ok(rest.to_owned())
        }
        Some(rest) => Ok(format!("{rest}:80")),
        None => {
            Err(Failure::new(format!("{url} is not a server's URL; it looks like http://127.0.0.1:8025")))
        }
    }
}

fn is_this_machine(authority: &str) -> bool {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Percent-encodes a value for a query string.
pub fn query_value(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

//! An HTTP client for URLs that other people chose.
//!
//! It looks a name up once, judges the addresses it got, and connects to one it approved of: there is no second look-up
//! that could answer otherwise. It follows no redirect, obeys no proxy of the environment, keeps no cookie and no
//! connection, and bounds the time of a call and the bytes of its answer.

pub mod address;
mod connect;
pub mod resolve;
mod target;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use postrider_core::domain::outcome::Cause;
use postrider_core::limits::{
    OUTBOUND_CONNECT_TIMEOUT_MS, OUTBOUND_HEAD_BYTES_MAX, OUTBOUND_HEADERS_MAX, OUTBOUND_TIMEOUT_MS,
    WEBHOOK_ANSWER_BYTES_MAX,
};
use rustls_pki_types::CertificateDer;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

pub use connect::OutboundSetupError;
pub use resolve::{Resolver, SystemResolver};
pub use target::InvalidTarget;

use connect::Connection;
use target::Target;

/// What we call ourselves.
const AGENT: &str = concat!("Postrider/", env!("CARGO_PKG_VERSION"));

/// What may be called.
#[derive(Clone, Debug)]
pub struct OutboundConfig {
    /// Lets calls reach this machine and private networks, and over http. For development. Link-local addresses, where
    /// clouds keep their secrets, stay out of reach.
    pub allow_private: bool,
    /// Lets calls go over http. For files that prove themselves, such as certificates.
    pub allow_http: bool,
    /// Milliseconds for a whole call, at most [`OUTBOUND_TIMEOUT_MS`].
    pub timeout_ms: u64,
    /// Certificates trusted besides the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for OutboundConfig {
    /// The public internet over https, and no more.
    fn default() -> Self {
        Self {
            allow_private: false,
            allow_http: false,
            timeout_ms: OUTBOUND_TIMEOUT_MS,
            extra_roots: Vec::new(),
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// Whether `body` is all of it.
    pub is_whole: bool,
}

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The URL may not be called.
    #[error("the URL was not called: {0}")]
    Target(#[from] InvalidTarget),
    /// The name leads to addresses that may not be called.
    #[error("the URL was not called: its name leads to an address that is not on the public internet")]
    Blocked,
    /// The name leads nowhere, or the resolver did not say in time.
    #[error("the host's name could not be resolved; check it, and the system's resolver")]
    NameNotFound,
    /// Nobody listens there.
    #[error("the host refused the connection")]
    Refused,
    /// There is no way to it.
    #[error("the host could not be reached")]
    Unreachable,
    /// The certificate does not hold.
    #[error("the host's certificate is not valid for its name, has run out, or comes from nobody trusted")]
    Certificate,
    /// TLS failed in another way.
    #[error("no private connection could be agreed on with the host")]
    Tls,
    /// It took too long.
    #[error("the host did not answer in time")]
    TimedOut,
    /// It hung up, or what it said was not HTTP, or the head of it too large.
    #[error("the host hung up, or did not answer in HTTP")]
    Broken,
    /// The body is longer than the caller wants.
    #[error("the answer is too large")]
    TooLarge,
}

impl OutboundError {
    /// The stable name.
    #[must_use]
    pub fn cause(self) -> Cause {
        Cause::known(match self {
            Self::Target(InvalidTarget::Blocked) | Self::Blocked => "address_blocked",
            Self::Target(_) => "url_refused",
            Self::NameNotFound => "name_not_found",
            Self::Refused => "connection_refused",
            Self::Unreachable => "unreachable",
            Self::Certificate => "certificate_invalid",
            Self::Tls => "tls_failed",
            Self::TimedOut => "timed_out",
            Self::Broken => "answer_broken",
            Self::TooLarge => "answer_too_large",
        })
    }
}

/// Calls URLs that other people chose.
#[derive(Clone)]
pub struct OutboundClient {
    config: Arc<OutboundConfig>,
    resolver: Arc<dyn Resolver>,
    tls: TlsConnector,
}

impl fmt::Debug for OutboundClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundClient").field("config", &self.config).finish_non_exhaustive()
    }
}

impl OutboundClient {
    /// A client that asks the system's resolver. Loads the roots of trust.
    ///
    /// # Errors
    /// If there are none, or one given is not a certificate.
    pub fn new(config: OutboundConfig) -> Result<Self, OutboundSetupError> {
        Self::with_resolver(config, Arc::new(SystemResolver::default()))
    }

    /// A client that asks `resolver`.
    ///
    /// # Errors
    /// As [`OutboundClient::new`].
    pub fn with_resolver(
        config: OutboundConfig,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, OutboundSetupError> {
        let tls = connect::tls(&config.extra_roots)?;
        Ok(Self { config: Arc::new(config), resolver, tls })
    }

    /// Whether `url` could be called; see [`OutboundConfig::check`].
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub fn check(&self, url: &str) -> Result<(), InvalidTarget> {
        self.config.check(url)
    }

    /// POSTs `body`. Of the answer's body the first [`WEBHOOK_ANSWER_BYTES_MAX`] bytes are read, for a person to look at;
    /// that it goes on, stalls or breaks off changes nothing about the answer.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, OutboundError> {
        let deadline = self.deadline();
        let target = self.config.target(url)?;
        let mut call = self.exchange(target, Method::POST, headers, body, deadline).await?;
        let mut body = Vec::new();
        let is_whole = call.read_body(&mut body, WEBHOOK_ANSWER_BYTES_MAX, deadline).await.is_ok();
        Ok(Answer { status: call.head.status, headers: call.head.headers, body, is_whole })
    }

    /// GETs `url`, whole.
    ///
    /// # Errors
    /// Why there is no answer, or not all of it within `bytes_max`.
    pub async fn get(&self, url: &str, bytes_max: usize) -> Result<Answer, OutboundError> {
        let deadline = self.deadline();
        let target = self.config.target(url)?;
        let mut call = self.exchange(target, Method::GET, HeaderMap::new(), Bytes::new(), deadline).await?;
        let mut body = Vec::new();
        call.read_body(&mut body, bytes_max, deadline).await?;
        Ok(Answer { status: call.head.status, headers: call.head.headers, body, is_whole: true })
    }

    fn deadline(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.config.timeout_ms.min(OUTBOUND_TIMEOUT_MS))
    }

    async fn exchange(
        &self,
        target: Target,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Call, OutboundError> {
        let connected_by = Instant::now() + Duration::from_millis(OUTBOUND_CONNECT_TIMEOUT_MS);
        let connected_by = connected_by.min(deadline);
        let resolver = self.resolver.as_ref();
        let connection = connect::connect(&target, &self.config, resolver, &self.tls, connected_by).await?;
        let request = request(target, method, headers, body);
        timeout_at(deadline, converse(connection, request)).await.unwrap_or(Err(OutboundError::TimedOut))
    }
}

/// The headers that say who calls whom are ours, whatever the caller gave.
fn request(target: Target, method: Method, headers: HeaderMap, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = target.path;
    *request.headers_mut() = headers;
    let headers = request.headers_mut();
    headers.insert(HOST, target.authority);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    request
}

/// A call whose answer has begun.
struct Call {
    head: http::response::Parts,
    incoming: Incoming,
    /// What moves the bytes. Dropping it ends the connection, whatever state it is in.
    _driver: JoinSet<()>,
}

async fn converse(connection: Connection, request: Request<Full<Bytes>>) -> Result<Call, OutboundError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(OUTBOUND_HEAD_BYTES_MAX)
        .max_headers(OUTBOUND_HEADERS_MAX)
        .handshake(TokioIo::new(connection))
        .await
        .map_err(|_| OutboundError::Broken)?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // Its errors are those of the answer.
        let _ = connection.await;
    });
    let answer = sender.send_request(request).await.map_err(|_| OutboundError::Broken)?;
    let (head, incoming) = answer.into_parts();
    Ok(Call { head, incoming, _driver: driver })
}

impl Call {
    /// Reads to the end, or to the first byte too many.
    async fn read_body(
        &mut self,
        body: &mut Vec<u8>,
        bytes_max: usize,
        deadline: Instant,
    ) -> Result<(), OutboundError> {
        let reading = timeout_at(deadline, async {
            while let Some(frame) = self.incoming.frame().await {
                let frame = frame.map_err(|_| OutboundError::Broken)?;
                let Some(data) = frame.data_ref() else { continue };
                let room = bytes_max - body.len();
                body.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    return Err(OutboundError::TooLarge);
                }
            }
            Ok(())
        });
        reading.await.unwrap_or(Err(OutboundError::TimedOut))
    }
}

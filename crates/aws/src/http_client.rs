//! What carries requests to Amazon: HTTP/1.1 over rustls with ring, as everywhere else here. The SDK's own connector would
//! bring HTTP/2, which none of these services needs, and reads the system's certificates whether they are wanted or not.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{
    CaptureConnection, HttpConnector as TcpConnector, capture_connection,
};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use postrider_core::limits::AWS_CONNECT_TIMEOUT_MS;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

/// Which certificates are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Those of the system, where `SSL_CERT_FILE` or `SSL_CERT_DIR` says or where systems keep them.
    System,
    /// Mozilla's, which come with the program: nothing has to be read at a start.
    BuiltIn,
}

impl Roots {
    fn load(self) -> RootCertStore {
        if self == Self::BuiltIn {
            return RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        }
        let mut roots = RootCertStore::empty();
        // Some systems ship roots that no longer parse; the others still count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            tracing::error!(
                "no trusted root certificate was found on this system, so that none of Amazon's services can be reached; \
                 install its ca-certificates package, or let SSL_CERT_FILE say where they are"
            );
        }
        roots
    }
}

/// A client that keeps its connections, for all requests of a process.
#[must_use]
pub fn http_client(roots: Roots) -> SharedHttpClient {
    let (tls, pools) = (tls(roots.load()), Mutex::default());
    SharedHttpClient::new(Pools { tls, pools })
}

/// What carries a request by itself.
pub(crate) fn connector(roots: Roots) -> SharedHttpConnector {
    let limit = Duration::from_millis(AWS_CONNECT_TIMEOUT_MS);
    SharedHttpConnector::new(Connector { pool: pool(tls(roots.load()), limit), read_timeout: None })
}

fn tls(roots: RootCertStore) -> ClientConfig {
    // The provider is named, not taken from the process: another library's choice must not change ours.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    #[expect(clippy::expect_used, reason = "ring's own provider has what the usual versions of TLS need")]
    let builder = versions.expect("ring speaks TLS 1.2 and 1.3");
    builder.with_root_certificates(roots).with_no_client_auth()
}

type Pool = Client<Bounded<HttpsConnector<TcpConnector>>, SdkBody>;

fn pool(tls: ClientConfig, connect_timeout: Duration) -> Pool {
    let mut tcp = TcpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).build(Bounded { connector, limit: connect_timeout })
}

/// A pool of connections for each time that connecting may take: clients that wait equally long share theirs.
struct Pools {
    tls: ClientConfig,
    pools: Mutex<HashMap<Duration, Pool>>,
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pools")
    }
}

impl HttpClient for Pools {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let limit = settings.connect_timeout().unwrap_or(Duration::from_millis(AWS_CONNECT_TIMEOUT_MS));
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = pools.entry(limit).or_insert_with(|| pool(self.tls.clone(), limit)).clone();
        SharedHttpConnector::new(Connector { pool, read_timeout: settings.read_timeout() })
    }
}

/// What one client sends its requests with.
struct Connector {
    pool: Pool,
    /// How long the answer may let wait for itself.
    read_timeout: Option<Duration>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        // The SDK closes a connection over which a server has failed.
        let used = capture_connection(&mut request);
        if let Some(wanted) = request.extensions().get::<CaptureSmithyConnection>() {
            wanted.set_connection_retriever(move || connection(&used));
        }
        let (answer, read_timeout) = (self.pool.request(request), self.read_timeout);
        HttpConnectorFuture::new(async move {
            let answer = match read_timeout {
                Some(limit) => tokio::time::timeout(limit, answer)
                    .await
                    .map_err(|late| ConnectorError::timeout(late.into()))?,
                None => answer.await,
            };
            let answer = answer.map_err(failed)?.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The connection a request took, once it has one.
fn connection(used: &CaptureConnection) -> Option<ConnectionMetadata> {
    used.connection_metadata().as_ref()?;
    let used = used.clone();
    let close = move || {
        if let Some(connected) = used.connection_metadata().as_ref() {
            connected.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(close).build())
}

/// Whoever asks what it means looks at what is below: whether a connection was made at all.
fn failed(error: ClientError) -> ConnectorError {
    ConnectorError::io(error.into())
}

/// A connector that gives up after a time, TLS included.
#[derive(Clone)]
struct Bounded<C> {
    connector: C,
    limit: Duration,
}

type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, io::Error>> + Send>>;

impl<C> Service<Uri> for Bounded<C>
where
    C: Service<Uri>,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = io::Error;
    type Future = Connecting<C::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.connector.poll_ready(context).map_err(io::Error::other)
    }

    fn call(&mut self, place: Uri) -> Self::Future {
        let (connecting, limit) = (self.connector.call(place), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(io::Error::other),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")),
            }
        })
    }
}

//! What carries requests to Amazon: HTTP/1.1 over rustls with ring, as everywhere else here. The SDK's own connector would
//! bring HTTP/2, which none of these services needs, and reads the system's certificates whether they are wanted or not.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

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
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use postrider_core::limits::AWS_CONNECT_TIMEOUT_MS;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

/// Which certificates are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Those of the system.
    System,
    /// Mozilla's, which come with the program: nothing has to be read at a start. Those of the system all the same, where
    /// `SSL_CERT_FILE` or `SSL_CERT_DIR` says where they are.
    BuiltIn,
}

impl Roots {
    fn load(self) -> RootCertStore {
        let is_told = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
        if self == Self::BuiltIn && !is_told {
            return RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        }
        let mut roots = RootCertStore::empty();
        // Some systems ship roots that no longer parse; the others still count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    }
}

/// A client that keeps its connections, for all requests of a process.
#[must_use]
pub fn http_client(roots: Roots) -> SharedHttpClient {
    SharedHttpClient::new(Connector::new(roots))
}

/// What carries a request by itself.
pub(crate) fn connector(roots: Roots) -> SharedHttpConnector {
    SharedHttpConnector::new(Connector::new(roots))
}

/// One pool of connections.
#[derive(Clone)]
struct Connector(Client<Bounded<HttpsConnector<TcpConnector>>, SdkBody>);

impl Connector {
    fn new(roots: Roots) -> Self {
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(roots.load()))
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let mut builder = Client::builder(TokioExecutor::new());
        Self(builder.pool_timer(TokioTimer::new()).build(Bounded(connector)))
    }
}

fn tls(roots: RootCertStore) -> ClientConfig {
    // The provider is named, not taken from the process: another library's choice must not change ours.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    #[expect(clippy::expect_used, reason = "ring's own provider has what the usual versions of TLS need")]
    let builder = versions.expect("ring speaks TLS 1.2 and 1.3");
    builder.with_root_certificates(roots).with_no_client_auth()
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        // Connecting is bounded here, and every call by the client that makes it.
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let answer = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await.map_err(failed)?;
            let answer = answer.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Whoever asks what it means looks at what is below: whether a connection was made at all.
fn failed(error: ClientError) -> ConnectorError {
    ConnectorError::io(error.into())
}

/// A connector that gives up after a time, TLS included.
#[derive(Clone)]
struct Bounded<C>(C);

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
        self.0.poll_ready(context).map_err(io::Error::other)
    }

    fn call(&mut self, place: Uri) -> Self::Future {
        let connecting = self.0.call(place);
        Box::pin(async move {
            let limit = Duration::from_millis(AWS_CONNECT_TIMEOUT_MS);
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(io::Error::other),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Roots;

    #[test]
    fn roots_that_come_with_the_program_are_enough_for_tls() {
        // Tests run with whatever environment they are given; either way there is somebody to believe.
        assert!(!Roots::BuiltIn.load().is_empty());
    }
}

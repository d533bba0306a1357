//! From a target to a connection that may be written to: every address is judged, then connected to, and no other.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use postrider_core::limits::OUTBOUND_ADDRESSES_MAX;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::resolve::Resolver;
use super::target::{Name, Target};
use super::{OutboundConfig, OutboundError};

/// A connection, private or not.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why a client cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundSetupError {
    /// Nothing to verify a certificate against.
    #[error("no trusted root certificate was found on this system; install its ca-certificates package")]
    NoRoots,
    /// The TLS library refuses what it was given.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// What makes connections private: the system's roots and `extra_roots` are trusted, HTTP/1.1 is spoken.
pub(super) fn tls(extra_roots: &[CertificateDer<'static>]) -> Result<TlsConnector, OutboundSetupError> {
    let tls_error = |error: rustls::Error| OutboundSetupError::Tls(error.to_string());
    let mut roots = RootCertStore::empty();
    // Some systems ship roots that no longer parse; the others still count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in extra_roots {
        roots.add(certificate.clone()).map_err(tls_error)?;
    }
    if roots.is_empty() {
        return Err(OutboundSetupError::NoRoots);
    }
    // The provider is named, not taken from the process: another library's choice must not change ours.
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(tls_error)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Connects to `target` before `deadline`.
pub(super) async fn connect(
    target: &Target,
    config: &OutboundConfig,
    resolver: &dyn Resolver,
    tls: &TlsConnector,
    deadline: Instant,
) -> Result<Connection, OutboundError> {
    let addresses = match &target.host {
        Name::Address(address) => vec![*address],
        Name::Domain(name) => match timeout_at(deadline, resolver.lookup(name)).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(_)) | Err(_) => return Err(OutboundError::NameNotFound),
        },
    };
    let stream = dial(&addresses, target.port, config, deadline).await?;
    // A call is one write and somebody waits for the answer. Where the option cannot be set the connection still works.
    let _ = stream.set_nodelay(true);
    let Some(name) = &target.tls_name else { return Ok(Connection::Plain(stream)) };
    match timeout_at(deadline, tls.connect(name.clone(), stream)).await {
        Ok(Ok(stream)) => Ok(Connection::Tls(Box::new(stream))),
        Ok(Err(error)) => Err(explain_tls(&error)),
        Err(_) => Err(OutboundError::TimedOut),
    }
}

/// Tries the addresses that may be called in turn; each gets its share of what is left of the time.
async fn dial(
    addresses: &[IpAddr],
    port: u16,
    config: &OutboundConfig,
    deadline: Instant,
) -> Result<TcpStream, OutboundError> {
    if addresses.is_empty() {
        return Err(OutboundError::NameNotFound);
    }
    let allowed: Vec<IpAddr> = addresses
        .iter()
        .take(OUTBOUND_ADDRESSES_MAX)
        .copied()
        .filter(|address| config.allows(*address))
        .collect();
    let mut failure = OutboundError::Blocked;
    for (address, left) in allowed.iter().zip((1..=allowed.len()).rev()) {
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / u32::try_from(left).unwrap_or(1);
        failure = match timeout_at(now + share, TcpStream::connect(SocketAddr::new(*address, port))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => match error.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => OutboundError::Refused,
                io::ErrorKind::TimedOut => OutboundError::TimedOut,
                _ => OutboundError::Unreachable,
            },
            Err(_) => OutboundError::TimedOut,
        };
    }
    Err(failure)
}

/// By the library's error values, not their texts.
fn explain_tls(error: &io::Error) -> OutboundError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => OutboundError::Certificate,
        _ => OutboundError::Tls,
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

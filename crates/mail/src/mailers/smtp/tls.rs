//! TLS for SMTP: the server's certificate is always verified, for its name, against the system's roots.

use std::io;
use std::sync::Arc;

use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::SmtpConfigError;
use super::outcome::TlsTrouble;

/// What makes connections to one server private.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Trusts the system's roots and `extra_roots`; expects a certificate for `host`.
    pub(super) fn new(host: &str, extra_roots: &[CertificateDer<'static>]) -> Result<Self, SmtpConfigError> {
        let tls_error = |error: rustls::Error| SmtpConfigError::Tls(error.to_string());
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| SmtpConfigError::Host(host.to_owned()))?;
        let mut roots = RootCertStore::empty();
        // Some systems ship roots that no longer parse; the others still count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for certificate in extra_roots {
            roots.add(certificate.clone()).map_err(tls_error)?;
        }
        if roots.is_empty() {
            return Err(SmtpConfigError::NoRoots);
        }
        // The provider is named, not taken from the process: another library's choice must not change ours.
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(tls_error)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Makes `stream` private, or says why it cannot be.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, TlsTrouble> {
        match timeout_at(deadline, self.connector.connect(self.name.clone(), stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err(TlsTrouble::TimedOut),
        }
    }
}

/// By the library's error values, not their texts.
fn explain(error: &io::Error) -> TlsTrouble {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(certificate)) = inner else {
        return TlsTrouble::HandshakeFailed;
    };
    match certificate {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsTrouble::NameMismatch
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsTrouble::Expired,
        _ => TlsTrouble::Untrusted,
    }
}

//! Certificates that live as long as a test.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate authority of one's own.
pub struct Authority {
    root: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate and key.
#[derive(Clone)]
pub struct Identity {
    pub(super) acceptor: TlsAcceptor,
    chain_pem: String,
    key_pem: String,
}

impl Identity {
    /// What a server needs to show this identity.
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(self.acceptor.config())
    }

    /// The certificate as the text of a PEM file (RFC 7468).
    #[must_use]
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// Its private key as the text of a PEM file.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }
}

impl Authority {
    /// A new authority that nobody trusts yet.
    ///
    /// # Panics
    /// If the cryptographic library does not work.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test cannot go on without its certificates")]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("generates a key");
        let mut params = CertificateParams::new(Vec::new()).expect("takes no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("signs itself").der().clone();
        Self { root, issuer: Issuer::new(params, key) }
    }

    /// What a client must trust to trust this authority's certificates.
    #[must_use]
    pub fn root(&self) -> CertificateDer<'static> {
        self.root.clone()
    }

    /// A certificate for `names`: host names and IP addresses.
    ///
    /// # Panics
    /// If a name is neither.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test cannot go on without its certificates")]
    pub fn issue(&self, names: &[&str]) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.sign(&CertificateParams::new(names).expect("takes the names"))
    }

    /// A certificate for `names` that ran out long ago.
    ///
    /// # Panics
    /// If a name is neither a host name nor an IP address.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test cannot go on without its certificates")]
    pub fn issue_expired(&self, names: &[&str]) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("takes the names");
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        self.sign(&params)
    }

    #[expect(clippy::expect_used, reason = "a test cannot go on without its certificates")]
    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("generates a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signs").der().clone();
        let chain_pem = pem("CERTIFICATE", &certificate);
        let key_pem = pem("PRIVATE KEY", &key.serialize_der());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("knows TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("accepts its certificate");
        Identity { acceptor: TlsAcceptor::from(Arc::new(config)), chain_pem, key_pem }
    }
}

fn pem(label: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    // Base 64 is ASCII: every cut is between characters.
    let lines: Vec<_> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

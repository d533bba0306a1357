//! What the listener shows after STARTTLS, read from the files that every certificate authority's tool writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Why a certificate cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificate {
    /// The chain cannot be read.
    #[error("{path} is not a PEM file with certificates, the listener's own first: {reason}")]
    Chain {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key cannot be read.
    #[error("{path} is not a PEM file with a private key: {reason}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The two do not belong together.
    #[error("the certificate in {chain} cannot be used with the key in {key}: {reason}")]
    Mismatch {
        /// The certificate's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        reason: String,
    },
}

/// The configuration that shows the certificate chain in the PEM file `chain`, whose private key is in the PEM file
/// `key`. TLS 1.2 and 1.3; no certificate is asked of the client. The files are read once.
///
/// # Errors
/// [`InvalidCertificate`], naming the file.
pub fn server_config(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>, InvalidCertificate> {
    let wrong_chain = |reason: String| InvalidCertificate::Chain { path: chain.to_owned(), reason };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong_chain(error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong_chain("there is none in it".to_owned()));
    }
    let private_key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| InvalidCertificate::Key { path: key.to_owned(), reason: error.to_string() })?;
    let mismatch = |error: rustls::Error| InvalidCertificate::Mismatch {
        chain: chain.to_owned(),
        key: key.to_owned(),
        reason: error.to_string(),
    };
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, private_key))
        .map_err(mismatch)?;
    Ok(Arc::new(config))
}

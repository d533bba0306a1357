//! The private key of a signing domain.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Bytes a key file may have; an RSA key of 8192 bits in PEM has about 6 400.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// RFC 8410 §7: what precedes the 32 bytes of an Ed25519 seed in PKCS #8.
const ED25519_PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A key that signs for one domain under one selector. Its public half stands in DNS at
/// `<selector>._domainkey.<domain>`.
#[derive(Clone)]
pub struct DkimKey {
    pub(super) domain: String,
    pub(super) selector: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: Arc<dyn SigningKey>,
}

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RFC 6376 §3.3.1.
    RsaSha256,
    /// RFC 8463 §3.
    Ed25519Sha256,
}

impl Algorithm {
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }

    pub(super) fn scheme(self) -> SignatureScheme {
        match self {
            Self::RsaSha256 => SignatureScheme::RSA_PKCS1_SHA256,
            Self::Ed25519Sha256 => SignatureScheme::ED25519,
        }
    }
}

/// Why a key cannot be used for signing.
#[derive(Debug, thiserror::Error)]
pub enum DkimKeyError {
    /// The file could not be read.
    #[error("cannot read the DKIM key file {path}; check that it exists and that this user may read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is far larger than any key.
    #[error("the DKIM key file {0} is larger than 64 KiB; it should hold one private key")]
    TooLarge(PathBuf),
    /// Neither PEM nor a base64 seed.
    #[error(
        "the DKIM key holds no private key; give an RSA key (PKCS #1 or PKCS #8 PEM) or an Ed25519 key (PKCS #8 PEM, \
         or the 32-byte seed in base64)"
    )]
    NoKey,
    /// A key, but too short or of a kind DKIM does not know.
    #[error("the DKIM key cannot sign; it must be RSA of 2048 bits or more, or Ed25519")]
    Unsupported,
    /// The domain or the selector cannot stand in DNS.
    #[error("{what} {name:?} is not a DNS name")]
    Name {
        /// Which of the two.
        what: &'static str,
        /// As given.
        name: String,
    },
}

impl DkimKey {
    /// Reads the key in `path` for `domain` and `selector`.
    ///
    /// # Errors
    /// [`DkimKeyError`], which names the file but never its contents.
    pub fn load(domain: &str, selector: &str, path: &Path) -> Result<Self, DkimKeyError> {
        let refuse = |source| DkimKeyError::Read { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(refuse)?.len() > KEY_FILE_BYTES_MAX {
            return Err(DkimKeyError::TooLarge(path.to_owned()));
        }
        let contents = std::fs::read(path).map_err(refuse)?;
        Self::from_bytes(domain, selector, &contents)
    }

    /// A key from the contents of a key file: RSA in PKCS #1 or PKCS #8 PEM, Ed25519 in PKCS #8 PEM, or the bare
    /// 32-byte Ed25519 seed in base64.
    ///
    /// # Errors
    /// [`DkimKeyError`].
    pub fn from_bytes(domain: &str, selector: &str, contents: &[u8]) -> Result<Self, DkimKeyError> {
        let domain = dns_name("the DKIM domain", domain)?;
        let selector = dns_name("the DKIM selector", selector)?;
        let der = match PrivateKeyDer::from_pem_slice(contents) {
            Ok(der) => der,
            Err(_) => seed_as_pkcs8(contents).ok_or(DkimKeyError::NoKey)?,
        };
        let key = any_supported_type(&der).map_err(|_| DkimKeyError::Unsupported)?;
        let algorithm = match key.algorithm() {
            SignatureAlgorithm::RSA => Algorithm::RsaSha256,
            SignatureAlgorithm::ED25519 => Algorithm::Ed25519Sha256,
            _ => return Err(DkimKeyError::Unsupported),
        };
        Ok(Self { domain, selector, algorithm, key })
    }
}

fn seed_as_pkcs8(contents: &[u8]) -> Option<PrivateKeyDer<'static>> {
    let seed = STANDARD.decode(contents.trim_ascii()).ok().filter(|seed| seed.len() == 32)?;
    let der = [&ED25519_PKCS8_HEAD[..], &seed].concat();
    Some(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)))
}

fn dns_name(what: &'static str, name: &str) -> Result<String, DkimKeyError> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if name.len() <= 253 && name.split('.').all(is_label) {
        Ok(name.to_ascii_lowercase())
    } else {
        Err(DkimKeyError::Name { what, name: name.to_owned() })
    }
}

impl fmt::Debug for DkimKey {
    /// Hides the key: debug output reaches logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DkimKey({} for {}._domainkey.{})", self.algorithm.tag(), self.selector, self.domain)
    }
}

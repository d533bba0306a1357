//! How a mail server is reached.

use std::fmt;
use std::net::IpAddr;

use postrider_core::limits::{SMTP_CONNECTIONS_MAX, SMTP_TIMEOUT_MS_MAX};
use rustls_pki_types::CertificateDer;

/// The longest time-out in whole seconds, as settings give it.
const SMTP_TIMEOUT_SECS_MAX: u64 = SMTP_TIMEOUT_MS_MAX / 1000;

/// When a connection becomes private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// After STARTTLS (RFC 3207), usually on port 587. A server without it gets nothing.
    StartTls,
    /// From the first byte (RFC 8314), usually on port 465.
    Implicit,
    /// Never. For a server on the same machine.
    None,
}

/// A user name and password for AUTH.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The authentication identity.
    pub username: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    /// Hides both: debug output reaches logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// One mail server and how to use it.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Host name or IP address; with TLS also the name the certificate must carry.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// When the connection becomes private.
    pub tls: TlsMode,
    /// Lets [`TlsMode::None`] reach a host other than this machine.
    pub allow_plaintext: bool,
    /// Sent only after TLS is up, where TLS is configured.
    pub credentials: Option<Credentials>,
    /// Connections at the same time, 1 to [`SMTP_CONNECTIONS_MAX`].
    pub connections: usize,
    /// Milliseconds for one command, 1 to [`SMTP_TIMEOUT_MS_MAX`]; the answer to the final dot gets twice as long.
    pub timeout_ms: u64,
    /// What we call ourselves in EHLO: a host name or an address literal such as `[192.0.2.1]`.
    pub ehlo_name: String,
    /// Certificates trusted besides the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

/// Why a mail server cannot be used as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpConfigError {
    /// No host, or one that is neither a host name nor an IP address.
    #[error("mailer.smtp.host {0:?} is neither a host name nor an IP address")]
    Host(String),
    /// Port 0.
    #[error("mailer.smtp.port must be between 1 and 65535")]
    Port,
    /// Plain text across a network.
    #[error(
        "mailer.smtp.tls is none, but {0:?} is not this machine: messages and passwords would cross the network in \
         the clear; use starttls or implicit, or set mailer.smtp.allow_plaintext"
    )]
    Plaintext(String),
    /// No connections, or too many.
    #[error("mailer.smtp.connections must be between 1 and {SMTP_CONNECTIONS_MAX}")]
    Connections,
    /// No time, or too much.
    #[error("mailer.smtp.timeout_secs must be from 1 to {SMTP_TIMEOUT_SECS_MAX}")]
    Timeout,
    /// EHLO would not be one line of one word.
    #[error("the name for EHLO {0:?} must be a host name or an address literal")]
    EhloName(String),
    /// An empty user name, or a NUL in the user name or password, which AUTH PLAIN cannot carry.
    #[error("mailer.smtp.username must not be empty, and neither it nor the password may contain NUL")]
    Credentials,
    /// Nothing to verify a certificate against.
    #[error("no trusted root certificate was found on this system; install its ca-certificates package")]
    NoRoots,
    /// The TLS library refuses what it was given.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl SmtpConfigError {
    /// The setting to blame, with which the words begin; `None` where it is not one setting's fault.
    #[must_use]
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Self::Host(_) => Some("mailer.smtp.host"),
            Self::Port => Some("mailer.smtp.port"),
            Self::Plaintext(_) => Some("mailer.smtp.tls"),
            Self::Connections => Some("mailer.smtp.connections"),
            Self::Timeout => Some("mailer.smtp.timeout_secs"),
            Self::Credentials => Some("mailer.smtp.username"),
            Self::EhloName(_) | Self::NoRoots | Self::Tls(_) => None,
        }
    }
}

impl SmtpConfig {
    /// Whether the server is on this machine whatever a resolver may say.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Checks everything that can be checked without a network.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn check(&self) -> Result<(), SmtpConfigError> {
        let is_host_byte =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if self.host.is_empty() || self.host.len() > 255 || !self.host.bytes().all(is_host_byte) {
            return Err(SmtpConfigError::Host(self.host.clone()));
        }
        if self.port == 0 {
            return Err(SmtpConfigError::Port);
        }
        if self.tls == TlsMode::None && !self.allow_plaintext && !self.is_on_this_machine() {
            return Err(SmtpConfigError::Plaintext(self.host.clone()));
        }
        if !(1..=SMTP_CONNECTIONS_MAX).contains(&self.connections) {
            return Err(SmtpConfigError::Connections);
        }
        if !(1..=SMTP_TIMEOUT_MS_MAX).contains(&self.timeout_ms) {
            return Err(SmtpConfigError::Timeout);
        }
        let is_name_byte = |byte: u8| is_host_byte(byte) || matches!(byte, b'[' | b']');
        if self.ehlo_name.is_empty()
            || self.ehlo_name.len() > 255
            || !self.ehlo_name.bytes().all(is_name_byte)
        {
            return Err(SmtpConfigError::EhloName(self.ehlo_name.clone()));
        }
        if let Some(Credentials { username, password }) = &self.credentials {
            // More than this does not fit one line of AUTH (RFC 4954 §4).
            let is_bad = |text: &str| text.contains('\0') || text.len() > 2_048;
            if username.is_empty() || is_bad(username) || is_bad(password) {
                return Err(SmtpConfigError::Credentials);
            }
        }
        Ok(())
    }

    /// `host:port`, for a reader.
    pub(super) fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

//! Settings that have been checked and fit together.

use std::net::SocketAddr;
use std::path::PathBuf;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::lifecycle::OnUnknown;
use postrider_core::domain::retry::RetryPolicy;
use postrider_core::limits::{ATTEMPTS_MAX, CONCURRENCY_MAX, REQUEST_BYTES_MAX, SMTP_CONNECTIONS_MAX};
use toml::Value;

use super::load::{ConfigError, RawSettings};

/// Everything a server needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where others reach it, without a slash at the end.
    pub public_url: Option<String>,
    /// Where the ledger and the outbox live.
    pub data_dir: PathBuf,
    /// The ledger's file.
    pub ledger_path: PathBuf,
    /// Bytes of one event's body.
    pub request_limit_bytes: usize,
    /// What hands messages on.
    pub mailer: MailerSettings,
    /// Notifications in hand at once.
    pub concurrency: usize,
    /// Messages a second; `None` means no limit.
    pub rate_per_second: Option<u32>,
    /// What to do with unknown outcomes.
    pub on_unknown: OnUnknown,
    /// When to try again.
    pub retry: RetryPolicy,
    /// From whom messages are.
    pub sender: SenderSettings,
    /// Folder with notification types; the shipped ones if `None`.
    pub types_directory: Option<PathBuf>,
}

/// What hands messages on.
#[derive(Clone, Debug)]
pub enum MailerSettings {
    /// Captures them in the data directory.
    Outbox,
    /// Hands them to a mail server.
    Smtp(SmtpSettings),
}

/// How to reach a mail server.
#[derive(Clone)]
pub struct SmtpSettings {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// Whether `tls = none` is allowed beyond this machine.
    pub allow_plaintext: bool,
    /// User name and password for AUTH.
    pub credentials: Option<(String, String)>,
    /// Connections kept open.
    pub connections: usize,
    /// Time for one command, in milliseconds.
    pub timeout_ms: u64,
}

impl std::fmt::Debug for SmtpSettings {
    /// Without the credentials: debug output reaches logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmtpSettings({}:{}, {:?})", self.host, self.port, self.tls)
    }
}

/// How an SMTP connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS begins after STARTTLS, and must.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None.
    None,
}

/// From whom messages are.
#[derive(Clone, Debug)]
pub struct SenderSettings {
    /// The name in `From`.
    pub from_name: Option<String>,
    /// The address in `From`.
    pub from: EmailAddress,
    /// `Reply-To`.
    pub reply_to: Option<EmailAddress>,
    /// Domain of the envelope sender.
    pub bounce_domain: Option<String>,
    /// How messages are signed.
    pub dkim: Option<DkimSettings>,
    /// Whether `from` was left at its default.
    pub is_default: bool,
}

/// How messages are signed.
#[derive(Clone, Debug)]
pub struct DkimSettings {
    /// `d=`.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// PEM file with the private key.
    pub key_file: PathBuf,
}

/// The sender nobody has configured. The domain is reserved for examples (RFC 2606).
const DEFAULT_FROM: (&str, &str) = ("Your shop", "orders@shop.example");

impl Settings {
    /// Checks `raw` and fills in defaults.
    ///
    /// # Errors
    /// The first setting that is wrong, by the name it was given.
    pub fn check(raw: &RawSettings) -> Result<Self, ConfigError> {
        let read = Reader { raw };
        let data_dir =
            PathBuf::from(read.text("server.data_dir")?.unwrap_or_else(|| "postrider-data".to_owned()));
        let ledger_path =
            read.text("ledger.path")?.map_or_else(|| data_dir.join("ledger.sqlite"), PathBuf::from);
        read.choice("ledger.kind", &[("sqlite", ())], Some("dynamodb"))?;
        let listen_text = read.text("server.listen")?.unwrap_or_else(|| "127.0.0.1:8025".to_owned());
        let listen: SocketAddr = listen_text.parse().map_err(|_| {
            read.invalid("server.listen", "must be an address and a port, such as 127.0.0.1:8025")
        })?;
        if !listen.ip().is_loopback() {
            let message = "must be a loopback address (127.0.0.1 or [::1]) because the API has no keys: anybody who \
                           reaches it could send and read. Put a proxy that authenticates in front of it";
            return Err(read.invalid("server.listen", message));
        }
        let unknown_wait_secs = read.number("mailer.unknown_wait_secs", 600, 0, 604_800)?;
        let defaults = RetryPolicy::default();
        let retry = RetryPolicy {
            max_attempts: read.number_u32("retry.max_attempts", defaults.max_attempts, 1, ATTEMPTS_MAX)?,
            base_delay_ms: read.number("retry.base_delay_ms", defaults.base_delay_ms, 1, 604_800_000)?,
            max_delay_ms: read.number("retry.max_delay_ms", defaults.max_delay_ms, 1, 604_800_000)?,
            unknown_wait_ms: unknown_wait_secs * 1000,
        };
        let on_unknown = read.choice(
            "mailer.on_unknown",
            &[("resend", OnUnknown::Resend), ("hold", OnUnknown::Hold)],
            None,
        )?;
        let rate = read.number_u32("mailer.rate_per_second", 0, 0, 1_000_000)?;
        let sender = read_sender(&read)?;
        let mailer = read_mailer(&read, &sender)?;
        Ok(Self {
            listen,
            public_url: read.text("server.public_url")?.map(|url| url.trim_end_matches('/').to_owned()),
            data_dir,
            ledger_path,
            request_limit_bytes: read.size(
                "server.request_limit_bytes",
                REQUEST_BYTES_MAX,
                1024,
                REQUEST_BYTES_MAX,
            )?,
            mailer,
            concurrency: read.size("mailer.concurrency", 64, 1, CONCURRENCY_MAX)?,
            rate_per_second: (rate > 0).then_some(rate),
            on_unknown: on_unknown.unwrap_or(OnUnknown::Resend),
            retry,
            sender,
            types_directory: read.text("types.directory")?.map(PathBuf::from),
        })
    }
}

fn read_mailer(read: &Reader<'_>, sender: &SenderSettings) -> Result<MailerSettings, ConfigError> {
    let is_smtp = read.choice("mailer.kind", &[("outbox", false), ("smtp", true)], Some("ses"))?;
    if is_smtp != Some(true) {
        return Ok(MailerSettings::Outbox);
    }
    let tls = read.choice(
        "mailer.smtp.tls",
        &[("starttls", SmtpTls::StartTls), ("implicit", SmtpTls::Implicit), ("none", SmtpTls::None)],
        None,
    )?;
    let tls = tls.unwrap_or(SmtpTls::StartTls);
    let default_port = if tls == SmtpTls::Implicit { 465 } else { 587 };
    let port = read.number("mailer.smtp.port", default_port, 1, u64::from(u16::MAX))?;
    let username = read.text("mailer.smtp.username")?;
    let password = read.text("mailer.smtp.password")?;
    let credentials = match (username, password) {
        (Some(username), Some(password)) => Some((username, password)),
        (None, None) => None,
        (Some(_), None) => {
            return Err(read.invalid("mailer.smtp.username", "needs mailer.smtp.password as well"));
        }
        (None, Some(_)) => {
            return Err(read.invalid("mailer.smtp.password", "needs mailer.smtp.username as well"));
        }
    };
    let host = read.text("mailer.smtp.host")?.unwrap_or_else(|| "127.0.0.1".to_owned());
    let on_this_machine =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if sender.is_default && !on_this_machine {
        return Err(
            read.invalid("sender.from", "must be set when messages really leave: the default is an example")
        );
    }
    let allow_plaintext = read.flag("mailer.smtp.allow_plaintext")?.unwrap_or(false);
    if tls == SmtpTls::None && !on_this_machine && !allow_plaintext {
        let message = "is none, and the mail server is not on this machine: addresses and credentials would cross the \
                       network in the clear. Use starttls or implicit, or set mailer.smtp.allow_plaintext";
        return Err(read.invalid("mailer.smtp.tls", message));
    }
    Ok(MailerSettings::Smtp(SmtpSettings {
        host,
        port: u16::try_from(port).unwrap_or(u16::MAX),
        tls,
        allow_plaintext,
        credentials,
        connections: read.size("mailer.smtp.connections", 10, 1, SMTP_CONNECTIONS_MAX)?,
        timeout_ms: read.number("mailer.smtp.timeout_secs", 300, 1, 3600)? * 1000,
    }))
}

fn read_sender(read: &Reader<'_>) -> Result<SenderSettings, ConfigError> {
    let given = read.text("sender.from")?;
    let is_default = given.is_none();
    let (from_name, address) = match &given {
        None => (Some(DEFAULT_FROM.0.to_owned()), DEFAULT_FROM.1.to_owned()),
        Some(text) => split_mailbox(text),
    };
    let address_error = |path: &'static str| move |error| read.invalid(path, format!("{error}"));
    let from = EmailAddress::parse(&address).map_err(address_error("sender.from"))?;
    if from_name.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
        return Err(read.invalid("sender.from", "must not contain control characters"));
    }
    let reply_to = read.text("sender.reply_to")?;
    let reply_to = reply_to.map(|text| EmailAddress::parse(&text)).transpose();
    let bounce_domain = read.text("sender.bounce_domain")?;
    if let Some(domain) = &bounce_domain {
        EmailAddress::parse(&format!("bounces@{domain}")).map_err(address_error("sender.bounce_domain"))?;
    }
    let dkim = (
        read.text("sender.dkim.domain")?,
        read.text("sender.dkim.selector")?,
        read.text("sender.dkim.key_file")?,
    );
    let dkim = match dkim {
        (Some(domain), Some(selector), Some(key_file)) => {
            Some(DkimSettings { domain, selector, key_file: PathBuf::from(key_file) })
        }
        (None, None, None) => None,
        _ => return Err(read.invalid("sender.dkim", "needs all of domain, selector and key_file")),
    };
    Ok(SenderSettings {
        from_name,
        from,
        reply_to: reply_to.map_err(address_error("sender.reply_to"))?,
        bounce_domain,
        dkim,
        is_default,
    })
}

/// Splits `Name <address>`; a text without angle brackets is an address alone.
fn split_mailbox(text: &str) -> (Option<String>, String) {
    match text.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => {
            let name = name.trim().trim_matches('"').trim();
            ((!name.is_empty()).then(|| name.to_owned()), address.trim().to_owned())
        }
        None => (None, text.trim().to_owned()),
    }
}

struct Reader<'a> {
    raw: &'a RawSettings,
}

impl Reader<'_> {
    fn invalid(&self, path: &str, message: impl Into<String>) -> ConfigError {
        let given = self.raw.get(path).map_or(path, |(_, given)| given);
        ConfigError::Invalid { given: given.to_owned(), message: message.into() }
    }

    /// A text; an empty one is one that was not set.
    fn text(&self, path: &str) -> Result<Option<String>, ConfigError> {
        let text = self.raw.get(path).and_then(|(value, _)| value.as_str()).filter(|text| !text.is_empty());
        Ok(text.map(str::to_owned))
    }

    fn flag(&self, path: &str) -> Result<Option<bool>, ConfigError> {
        Ok(self.raw.get(path).and_then(|(value, _)| value.as_bool()))
    }

    fn number(&self, path: &str, default: u64, min: u64, max: u64) -> Result<u64, ConfigError> {
        let Some((value, _)) = self.raw.get(path) else { return Ok(default) };
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| self.invalid(path, format!("must be from {min} to {max}")))
    }

    fn number_u32(&self, path: &str, default: u32, min: u32, max: u32) -> Result<u32, ConfigError> {
        let number = self.number(path, u64::from(default), u64::from(min), u64::from(max))?;
        Ok(u32::try_from(number).unwrap_or(max))
    }

    fn size(&self, path: &str, default: usize, min: usize, max: usize) -> Result<usize, ConfigError> {
        let number = self.number(path, default as u64, min as u64, max as u64)?;
        Ok(usize::try_from(number).unwrap_or(max))
    }

    fn choice<T: Copy>(
        &self,
        path: &str,
        choices: &[(&str, T)],
        later: Option<&str>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(Value::String(text)) = self.raw.get(path).map(|(value, _)| value) else { return Ok(None) };
        if Some(text.as_str()) == later {
            return Err(self.invalid(path, format!("is {text}, which this version does not have yet")));
        }
        let found = choices.iter().find(|(name, _)| name == text).map(|(_, choice)| *choice);
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        found.map(Some).ok_or_else(|| self.invalid(path, format!("must be {}", names.join(" or "))))
    }
}

//! Settings that have been checked and fit together.

use std::net::SocketAddr;
use std::path::PathBuf;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::lifecycle::OnUnknown;
use postrider_core::domain::retry::RetryPolicy;
use postrider_core::domain::suppression::SoftBounceRule;
use postrider_core::limits::{
    ATTEMPTS_MAX, CONCURRENCY_MAX, RATE_LIMIT_PER_SECOND_MAX, REQUEST_BYTES_MAX, SMTP_CONNECTIONS_MAX,
    SMTP_TIMEOUT_MS_MAX, SOFT_BOUNCES_MAX,
};
use postrider_http::gate::public_host;
use postrider_mail::mailers::smtp::{Credentials, SmtpConfig, SmtpConfigError, TlsMode};
use postrider_mail::types::Sandbox;

use super::aws::{
    IngestSettings, LedgerSettings, MirrorSettings, SesSettings, read_ingest, read_ledger, read_mirror,
    read_ses,
};
use super::budget::{BudgetSettings, read_budget};
use super::feedback::{FeedbackSettings, read_feedback};
use super::load::{ConfigError, RawSettings};
use super::reader::{Reader, SecretSetting};
use super::sandbox::read_sandbox;
use crate::secret::parse_secret;

use super::webhooks::{WebhookSettings, read_webhooks};

/// Everything a server needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where others reach it, without a slash at the end.
    pub public_url: Option<String>,
    /// Where the ledger and the outbox live.
    pub data_dir: PathBuf,
    /// Where notifications are stored.
    pub ledger: LedgerSettings,
    /// The embedded ledger's file, where that is the one.
    pub ledger_path: PathBuf,
    /// How events come in besides over HTTP.
    pub ingest: IngestSettings,
    /// Who gets messages while the shop is being tried out; everybody their own if `None`.
    pub sandbox: Option<Sandbox>,
    /// How the suppression list is kept in step with the SES account's; not at all if `None`.
    pub ses_mirror: Option<MirrorSettings>,
    /// The file of the installation's secret.
    pub secret_file: PathBuf,
    /// The secret itself, or where it is kept, where there is no file.
    pub secret: Option<SecretSetting>,
    /// When soft bounces add up to a suppression.
    pub soft_bounces: SoftBounceRule,
    /// Bytes of one event's body.
    pub request_limit_bytes: usize,
    /// Requests a second for each key; `None` means no limit.
    pub rate_limit_per_second: Option<u32>,
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
    /// The ways by which reports come in.
    pub feedback: FeedbackSettings,
    /// How much a month's mail may cost.
    pub budget: BudgetSettings,
    /// How webhooks are called.
    pub webhooks: WebhookSettings,
    /// Folder with notification types; the shipped ones if `None`.
    pub types_directory: Option<PathBuf>,
    /// Folder out of which files may be attached.
    pub attachments_directory: Option<PathBuf>,
}

/// What hands messages on.
#[derive(Clone, Debug)]
pub enum MailerSettings {
    /// Captures them in the data directory.
    Outbox,
    /// Hands them to a mail server.
    Smtp(SmtpConfig),
    /// Hands them to Amazon SES.
    Ses(SesSettings),
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
    /// Domains that messages without a type may be from, besides that of `from`.
    pub allowed_domains: Vec<String>,
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

/// The name of the installation's secret in the data directory.
pub const SECRET_FILE_NAME: &str = "secret.key";

/// The sender nobody has configured. The domain is reserved for examples (RFC 2606).
const DEFAULT_FROM: (&str, &str) = ("Your shop", "orders@shop.example");

impl Settings {
    /// Checks `raw` and fills in defaults.
    ///
    /// # Errors
    /// The first setting that is wrong, by the name it was given.
    pub fn check(raw: &RawSettings) -> Result<Self, ConfigError> {
        let read = Reader { raw };
        let data_dir = read.path("server.data_dir").unwrap_or_else(|| PathBuf::from("postrider-data"));
        let ledger_path = read.path("ledger.path").unwrap_or_else(|| data_dir.join("ledger.sqlite"));
        let listen_text = read.text("server.listen").unwrap_or_else(|| "127.0.0.1:8025".to_owned());
        let listen: SocketAddr = listen_text.parse().map_err(|_| {
            read.invalid("server.listen", "must be an address and a port, such as 127.0.0.1:8025")
        })?;
        let public_url = read.text("server.public_url");
        if public_url.as_deref().is_some_and(|url| public_host(url).is_none()) {
            return Err(read.invalid("server.public_url", "must be a URL such as https://mail.shop.example"));
        }
        let unknown_wait_secs = read.number("mailer.unknown_wait_secs", 600, 0, 604_800)?;
        let defaults = RetryPolicy::default();
        let retry = RetryPolicy {
            max_attempts: read.number_u32("retry.max_attempts", defaults.max_attempts, 1, ATTEMPTS_MAX)?,
            base_delay_ms: read.number("retry.base_delay_ms", defaults.base_delay_ms, 1, 604_800_000)?,
            max_delay_ms: read.number("retry.max_delay_ms", defaults.max_delay_ms, 1, 604_800_000)?,
            unknown_wait_ms: unknown_wait_secs * 1000,
        };
        let on_unknown =
            read.choice("mailer.on_unknown", &[("resend", OnUnknown::Resend), ("hold", OnUnknown::Hold)])?;
        let rate_limit = read.number_u32("server.rate_limit_per_second", 0, 1, RATE_LIMIT_PER_SECOND_MAX)?;
        let rate = read.number_u32("mailer.rate_per_second", 0, 0, 1_000_000)?;
        let sender = read_sender(&read)?;
        let mailer = read_mailer(&read, &sender)?;
        let secret = read.secret("server.secret")?;
        if secret.is_some() && read.text("server.secret_file").is_some() {
            return Err(read.invalid("server.secret", "is set, and so is server.secret_file; remove one"));
        }
        if let Some(SecretSetting::Given(text)) = &secret
            && parse_secret(text.expose()).is_none()
        {
            return Err(
                read.invalid("server.secret", "must be 64 hexadecimal digits, or a reference to them")
            );
        }
        let secret_file = read.path("server.secret_file").unwrap_or_else(|| data_dir.join(SECRET_FILE_NAME));
        Ok(Self {
            secret_file,
            secret,
            soft_bounces: read_soft_bounces(&read)?,
            listen,
            public_url: public_url.map(|url| url.trim_end_matches('/').to_owned()),
            data_dir,
            ledger: read_ledger(&read)?,
            ledger_path,
            ingest: read_ingest(&read)?,
            sandbox: read_sandbox(&read)?,
            ses_mirror: read_mirror(&read)?,
            rate_limit_per_second: (rate_limit > 0).then_some(rate_limit),
            request_limit_bytes: read.size(
                "server.request_limit_bytes",
                REQUEST_BYTES_MAX,
                1024,
                REQUEST_BYTES_MAX,
            )?,
            feedback: read_feedback(&read, &sender)?,
            budget: read_budget(&read, &mailer)?,
            mailer,
            concurrency: read.size("mailer.concurrency", 64, 1, CONCURRENCY_MAX)?,
            rate_per_second: (rate > 0).then_some(rate),
            on_unknown: on_unknown.unwrap_or(OnUnknown::Resend),
            retry,
            sender,
            webhooks: read_webhooks(&read)?,
            types_directory: read.path("types.directory"),
            attachments_directory: read.path("types.attachments_directory"),
        })
    }
}

fn read_soft_bounces(read: &Reader<'_>) -> Result<SoftBounceRule, ConfigError> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let defaults = SoftBounceRule::default();
    let days =
        |path, default_ms: u64| read.number(path, default_ms / DAY_MS, 1, 3650).map(|days| days * DAY_MS);
    Ok(SoftBounceRule {
        count: read.number_u32("suppression.soft_bounces", defaults.count, 0, SOFT_BOUNCES_MAX)?,
        window_ms: days("suppression.soft_bounce_window_days", defaults.window_ms)?,
        expiry_ms: days("suppression.soft_bounce_expiry_days", defaults.expiry_ms)?,
    })
}

#[derive(Clone, Copy)]
enum MailerKind {
    Outbox,
    Smtp,
    Ses,
}

fn read_mailer(read: &Reader<'_>, sender: &SenderSettings) -> Result<MailerSettings, ConfigError> {
    let kinds = [("outbox", MailerKind::Outbox), ("smtp", MailerKind::Smtp), ("ses", MailerKind::Ses)];
    let kind = read.choice("mailer.kind", &kinds)?.unwrap_or(MailerKind::Outbox);
    let fallback = read.choice("mailer.fallback", &[("smtp", ())])?;
    match kind {
        MailerKind::Ses => {
            let fallback = fallback.map(|()| read_smtp(read, sender)).transpose()?;
            read_ses(read, sender, fallback).map(MailerSettings::Ses)
        }
        MailerKind::Outbox | MailerKind::Smtp if fallback.is_some() => {
            Err(read.invalid("mailer.fallback", "only helps where mailer.kind is ses"))
        }
        MailerKind::Outbox => Ok(MailerSettings::Outbox),
        MailerKind::Smtp => read_smtp(read, sender).map(MailerSettings::Smtp),
    }
}

fn read_smtp(read: &Reader<'_>, sender: &SenderSettings) -> Result<SmtpConfig, ConfigError> {
    let tls = read.choice(
        "mailer.smtp.tls",
        &[("starttls", TlsMode::StartTls), ("implicit", TlsMode::Implicit), ("none", TlsMode::None)],
    )?;
    let tls = tls.unwrap_or(TlsMode::StartTls);
    let default_port = if tls == TlsMode::Implicit { 465 } else { 587 };
    let port = read.number("mailer.smtp.port", default_port, 1, u64::from(u16::MAX))?;
    let credentials = match (read.text("mailer.smtp.username"), read.text("mailer.smtp.password")) {
        (Some(username), Some(password)) => {
            // Whoever opens the mailer follows the reference; here it must only be a good one.
            read.secret("mailer.smtp.password")?;
            Some(Credentials { username, password })
        }
        (None, None) => None,
        (Some(_), None) => {
            return Err(read.invalid("mailer.smtp.username", "needs mailer.smtp.password as well"));
        }
        (None, Some(_)) => {
            return Err(read.invalid("mailer.smtp.password", "needs mailer.smtp.username as well"));
        }
    };
    let timeout_secs = read.number("mailer.smtp.timeout_secs", 300, 1, SMTP_TIMEOUT_MS_MAX / 1000)?;
    let smtp = SmtpConfig {
        host: read.text("mailer.smtp.host").unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: u16::try_from(port).unwrap_or(u16::MAX),
        tls,
        allow_plaintext: read.flag("mailer.smtp.allow_plaintext").unwrap_or(false),
        credentials,
        connections: read.size("mailer.smtp.connections", 10, 1, SMTP_CONNECTIONS_MAX)?,
        timeout_ms: timeout_secs * 1000,
        ehlo_name: ehlo_name(sender),
        extra_roots: Vec::new(),
    };
    if sender.is_default && !smtp.is_on_this_machine() {
        return Err(
            read.invalid("sender.from", "must be set when messages really leave: the default is an example")
        );
    }
    smtp.check().map_err(|error| blame(read, &error))?;
    Ok(smtp)
}

/// The mailer's own words about a setting, under the name the user gave it.
fn blame(read: &Reader<'_>, error: &SmtpConfigError) -> ConfigError {
    let words = error.to_string();
    let path = error.setting().unwrap_or("mailer.smtp");
    read.invalid(path, words.strip_prefix(path).map_or(words.as_str(), str::trim_start))
}

/// What we call ourselves in EHLO: this machine's name if it is a full one, the sender's domain otherwise.
fn ehlo_name(sender: &SenderSettings) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    if host.contains('.') { host.to_owned() } else { sender.from.domain().to_owned() }
}

fn read_sender(read: &Reader<'_>) -> Result<SenderSettings, ConfigError> {
    let given = read.text("sender.from");
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
    let reply_to = read.text("sender.reply_to");
    let reply_to = reply_to.map(|text| EmailAddress::parse(&text)).transpose();
    let bounce_domain = read.text("sender.bounce_domain");
    if let Some(domain) = &bounce_domain {
        EmailAddress::parse(&format!("bounces@{domain}")).map_err(address_error("sender.bounce_domain"))?;
    }
    let dkim = (
        read.text("sender.dkim.domain"),
        read.text("sender.dkim.selector"),
        read.path("sender.dkim.key_file"),
    );
    let dkim = match dkim {
        (Some(domain), Some(selector), Some(key_file)) => Some(DkimSettings { domain, selector, key_file }),
        (None, None, None) => None,
        _ => return Err(read.invalid("sender.dkim", "needs all of domain, selector and key_file")),
    };
    Ok(SenderSettings {
        from_name,
        from,
        reply_to: reply_to.map_err(address_error("sender.reply_to"))?,
        bounce_domain,
        allowed_domains: allowed_domains(read)?,
        dkim,
        is_default,
    })
}

fn allowed_domains(read: &Reader<'_>) -> Result<Vec<String>, ConfigError> {
    let list = read.text("sender.allowed_domains").unwrap_or_default();
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    let domain = |name: &str| {
        let sample = EmailAddress::parse(&format!("postmaster@{name}"));
        let sample =
            sample.map_err(|error| read.invalid("sender.allowed_domains", format!("{name:?} {error}")))?;
        Ok(sample.domain().to_owned())
    };
    names.map(domain).collect()
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

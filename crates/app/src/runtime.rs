//! Puts the parts together: ledger, notification types, mailer, engine and API.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::ledger::{Leases, Ledger, LedgerError};
use postrider_core::ports::mailer::Mailer;
use postrider_http::health::Health;
use postrider_http::idempotency::RunningKeys;
use postrider_http::metrics::Metrics;
use postrider_http::state::Api;
use postrider_mail::dkim::{DkimKey, DkimKeyError};
use postrider_mail::mailers::outbox::OutboxMailer;
use postrider_mail::mailers::smtp::{Credentials, SmtpConfig, SmtpConfigError, SmtpMailer, TlsMode};
use postrider_mail::mime::message::Mailbox;
use postrider_mail::types::{Sender, TypeError, TypeSet, TypeSource};
use postrider_sqlite::{OpenError, SqliteLedger};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::config::{MailerSettings, SenderSettings, Settings, SmtpSettings, SmtpTls};
use crate::engine::Engine;
use crate::server_file;
use crate::system::{SystemClock, SystemRandom};

/// How long running requests and messages on their way may take once the server is told to stop.
const DRAIN_TIME: Duration = Duration::from_secs(8);

/// Why the parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be made.
    #[error("the data directory {path} cannot be used: {reason}")]
    DataDirectory {
        /// Which.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The ledger cannot be opened.
    #[error("{0}")]
    Ledger(#[from] OpenError),
    /// The ledger could not be read or written at start.
    #[error("{0}")]
    LedgerStep(#[from] LedgerError),
    /// A notification type is broken.
    #[error("the notification types cannot be used:\n{}", list(.0))]
    Types(Vec<TypeError>),
    /// The mail server's settings do not fit together.
    #[error("{0}")]
    Smtp(#[from] SmtpConfigError),
    /// The signing key cannot be used.
    #[error("{0}")]
    Dkim(#[from] DkimKeyError),
    /// The address cannot be listened on.
    #[error(
        "{listen} cannot be listened on: {reason}. Is another server running there? `--listen 127.0.0.1:0` takes a free port"
    )]
    Listen {
        /// Which.
        listen: SocketAddr,
        /// The system's words.
        reason: String,
    },
}

fn list(errors: &[TypeError]) -> String {
    errors.iter().map(|error| format!("  {error}\n")).collect()
}

/// The notification types as the settings say, for the configured sender.
///
/// # Errors
/// [`StartError::Types`] with everything that is wrong with them; [`StartError::Dkim`].
pub fn load_types(settings: &Settings) -> Result<TypeSet, StartError> {
    let source = match &settings.types_directory {
        Some(directory) => TypeSource::Directory(directory.clone()),
        None => TypeSource::Shipped,
    };
    TypeSet::load(&source, sender(&settings.sender)?).map_err(StartError::Types)
}

fn sender(settings: &SenderSettings) -> Result<Sender, StartError> {
    let dkim = match &settings.dkim {
        Some(dkim) => Some(DkimKey::load(&dkim.domain, &dkim.selector, &dkim.key_file)?),
        None => None,
    };
    Ok(Sender {
        from: Mailbox { name: settings.from_name.clone(), address: settings.from.clone() },
        reply_to: settings.reply_to.clone().map(|address| Mailbox { name: None, address }),
        bounce_domain: settings.bounce_domain.clone(),
        dkim,
    })
}

/// An opened ledger with everything that works on it, not yet serving anybody.
pub struct Parts {
    /// The ledger.
    pub ledger: Arc<SqliteLedger>,
    /// What the API is made of.
    pub api: Api,
    wake: Arc<Notify>,
    mailer: Arc<dyn Mailer>,
    connections: usize,
}

impl Parts {
    /// Opens the ledger and loads the notification types.
    ///
    /// # Errors
    /// Whatever is in the way, in words that say what to do.
    pub async fn open(settings: &Settings) -> Result<Self, StartError> {
        let unusable = |error: std::io::Error| StartError::DataDirectory {
            path: settings.data_dir.clone(),
            reason: error.to_string(),
        };
        std::fs::create_dir_all(&settings.data_dir).map_err(unusable)?;
        let types = Arc::new(load_types(settings)?);
        let (mailer, connections) = open_mailer(settings)?;
        let ledger = Arc::new(SqliteLedger::open(&settings.ledger_path)?);
        for (id, bundle) in types.renditions() {
            ledger.store_rendition(id, bundle).await?;
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let wake = Arc::new(Notify::new());
        let bell = Arc::clone(&wake);
        let api = Api {
            ledger: Arc::clone(&ledger) as Arc<dyn Ledger>,
            types,
            health: Arc::new(Health::new(clock.now())),
            clock,
            random,
            metrics: Arc::new(Metrics::default()),
            wake: Arc::new(move || bell.notify_one()),
            request_limit_bytes: settings.request_limit_bytes,
            running_keys: RunningKeys::default(),
        };
        Ok(Self { ledger, api, wake, mailer, connections })
    }

    /// The API over these parts.
    pub fn router(&self) -> Router {
        postrider_http::router(self.api.clone())
    }
}

fn open_mailer(settings: &Settings) -> Result<(Arc<dyn Mailer>, usize), StartError> {
    match &settings.mailer {
        MailerSettings::Outbox => {
            let mailer = OutboxMailer::open(&settings.data_dir).map_err(|error| {
                StartError::DataDirectory { path: settings.data_dir.clone(), reason: error.to_string() }
            })?;
            Ok((Arc::new(mailer), settings.concurrency))
        }
        MailerSettings::Smtp(smtp) => {
            Ok((Arc::new(SmtpMailer::new(smtp_config(smtp, &settings.sender))?), smtp.connections))
        }
    }
}

fn smtp_config(smtp: &SmtpSettings, sender: &SenderSettings) -> SmtpConfig {
    let tls = match smtp.tls {
        SmtpTls::StartTls => TlsMode::StartTls,
        SmtpTls::Implicit => TlsMode::Implicit,
        SmtpTls::None => TlsMode::None,
    };
    let credentials = smtp.credentials.clone().map(|(username, password)| Credentials { username, password });
    SmtpConfig {
        tls,
        allow_plaintext: smtp.allow_plaintext,
        credentials,
        connections: smtp.connections,
        timeout_ms: smtp.timeout_ms,
        host: smtp.host.clone(),
        port: smtp.port,
        ehlo_name: ehlo_name(sender),
        extra_roots: Vec::new(),
    }
}

/// What we call ourselves in EHLO: this machine's name if it is a full one, the sender's domain otherwise.
fn ehlo_name(sender: &SenderSettings) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    if host.contains('.') { host.to_owned() } else { sender.from.domain().to_owned() }
}

/// A server that runs.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    parts: Parts,
    data_dir: PathBuf,
    stop: watch::Sender<bool>,
    fatal: watch::Receiver<Option<String>>,
    http: tokio::task::JoinHandle<()>,
    engine: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts serving and sending.
    ///
    /// # Errors
    /// Whatever is in the way, in words that say what to do.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let unavailable =
            |error: std::io::Error| StartError::Listen { listen: settings.listen, reason: error.to_string() };
        let parts = Parts::open(settings).await?;
        let listener = TcpListener::bind(settings.listen).await.map_err(unavailable)?;
        let address = listener.local_addr().map_err(unavailable)?;
        let (stop, stopped) = watch::channel(false);
        let (fatal_to, fatal) = watch::channel(None);
        let engine = Arc::new(Engine {
            ledger: Arc::clone(&parts.api.ledger),
            catalog: Arc::clone(&parts.api.types) as Arc<_>,
            mailer: Arc::clone(&parts.mailer),
            clock: Arc::clone(&parts.api.clock),
            random: Arc::clone(&parts.api.random),
            policy: settings.retry,
            on_unknown: settings.on_unknown,
            concurrency: settings.concurrency,
            connections: parts.connections.min(settings.concurrency),
            rate_per_second: settings.rate_per_second,
            metrics: Arc::clone(&parts.api.metrics),
            health: Arc::clone(&parts.api.health),
            wake: Arc::clone(&parts.wake),
            fatal: fatal_to,
        });
        // The ledger's lock says that no other sender is alive: what was on its way when the last process died has an
        // unknown outcome, and nobody needs to wait for a lease to say so.
        engine.sweep(Leases::All).await?;
        let http = tokio::spawn(postrider_http::server::serve(listener, parts.router(), stopped.clone()));
        let engine = tokio::spawn(engine.run(stopped));
        let url = format!("http://{address}");
        server_file::write(&settings.data_dir, &url).map_err(|error| StartError::DataDirectory {
            path: settings.data_dir.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self { address, parts, data_dir: settings.data_dir.clone(), stop, fatal, http, engine })
    }

    /// Returns when the ledger can no longer be trusted, with the reason. The server must stop then.
    pub async fn failed(&mut self) -> String {
        match self.fatal.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // The engine has gone without saying why.
            Err(_) => "the engine stopped unexpectedly".to_owned(),
        }
    }

    /// Stops: takes no new connections, claims nothing more, lets running requests and messages on their way finish,
    /// gives back what was claimed but not begun, and closes the ledger. Takes at most about nine seconds.
    pub async fn stop(self) {
        self.parts.api.health.stop();
        self.stop.send_replace(true);
        let drained = async {
            let _ = self.engine.await;
            let _ = self.http.await;
        };
        if tokio::time::timeout(DRAIN_TIME, drained).await.is_err() {
            tracing::warn!(
                "some messages or requests did not end in time; the ledger treats them as interrupted"
            );
        }
        server_file::remove(&self.data_dir);
        self.parts.ledger.close().await;
    }
}

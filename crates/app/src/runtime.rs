//! Puts the parts together: ledger, notification types, mailer, engine and API.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use http::HeaderValue;
use postrider_aws::secret::Secrets;
use postrider_core::limits::{STOP_DRAIN_MS_MAX, STOP_GOODBYE_MS_MAX};
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::mailer::Mailer;
use postrider_core::use_cases::budget as budget_hold;
use postrider_http::BodyRoom;
use postrider_http::access::RateLimits;
use postrider_http::gate::Gate;
use postrider_http::health::Health;
use postrider_http::idempotency::RunningKeys;
use postrider_http::metrics::Metrics;
use postrider_http::reload::{ReloadRefused, ReloadTypes};
use postrider_http::state::Api;
use postrider_mail::attachment_folder::AttachmentFolder;
use postrider_mail::dkim::{DkimKey, DkimKeyError};
use postrider_mail::mailers::outbox::CapturedFolder;
use postrider_mail::mime::message::Mailbox;
use postrider_mail::types::{LiveTypes, Resources, Sender, TypeError, TypeSet, TypeSource};
use postrider_mail::unsubscribe::Unsubscribe;
use postrider_mail::verp::{InvalidReturnPath, Verp};
use postrider_sqlite::{OpenError, has_secret};
use postrider_webhook::OutboundConfig;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};

use crate::budget;
use crate::engine::{AccountRate, Engine};
use crate::feedback::{self, FeedbackError, Intake, SnsError};
use crate::ingest;
use crate::ledger::OpenLedger;
use crate::mirror::{self, OpenMirror};
use crate::reload::Reloader;
use crate::secret_file::{self, SecretError};
use crate::server_file::{self, INSTANCE_HEADER, ServerFile, reachable};
use crate::webhooks::Webhooks;
use postrider_environment::config::Settings;
use postrider_environment::mailer::{MailerError, MailerParts, OpenMailer};
use postrider_environment::secret;
use postrider_environment::system::{SystemClock, SystemRandom};

/// How long running requests and messages on their way may take once the server is told to stop.
const DRAIN_TIME: Duration = Duration::from_millis(STOP_DRAIN_MS_MAX);
/// How long saying goodbye to the mail server may take then.
const GOODBYE_TIME: Duration = Duration::from_millis(STOP_GOODBYE_MS_MAX);

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
    /// There is no secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The bounce domain makes no return paths.
    #[error(transparent)]
    ReturnPaths(#[from] InvalidReturnPath),
    /// SNS cannot be listened to.
    #[error(transparent)]
    Sns(#[from] SnsError),
    /// Reports cannot come in.
    #[error(transparent)]
    Feedback(#[from] FeedbackError),
    /// The ledger cannot be opened.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The ledger's table cannot be opened.
    #[error(transparent)]
    Table(#[from] postrider_dynamodb::OpenError),
    /// Opening the ledger ended without saying how.
    #[error("the ledger could not be opened: {0}; please report this")]
    LedgerDefect(#[from] JoinError),
    /// The ledger could not be read or written at start.
    #[error(transparent)]
    LedgerStep(#[from] LedgerError),
    /// A notification type is broken.
    #[error("the notification types cannot be used:\n{}", list(.0))]
    Types(Vec<TypeError>),
    /// There is no mailer.
    #[error(transparent)]
    Mailer(#[from] MailerError),
    /// The installation's secret, kept elsewhere, cannot be had.
    #[error("server.secret: {0}")]
    KeptSecret(#[from] secret::KeptSecretError),
    /// The signing key cannot be used.
    #[error(transparent)]
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
    /// Others could reach it, and there was never a key.
    #[error(
        "{0} is not listened on, because there was never an API key: whoever reaches it could send and read. Make one with `postrider keys create`, with the same configuration, then start again; or listen on 127.0.0.1"
    )]
    NoKeys(SocketAddr),
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
    TypeSet::load(&source, sender(settings)?).map_err(StartError::Types)
}

fn sender(settings: &Settings) -> Result<Sender, StartError> {
    let dkim = match &settings.sender.dkim {
        Some(dkim) => Some(DkimKey::load(&dkim.domain, &dkim.selector, &dkim.key_file)?),
        None => None,
    };
    Ok(Sender { dkim, ..unsigned(settings) })
}

fn unsigned(settings: &Settings) -> Sender {
    let (public_url, sandbox) = (settings.public_url.clone(), settings.sandbox.clone());
    let settings = &settings.sender;
    Sender {
        from: Mailbox { name: settings.from_name.clone(), address: settings.from.clone() },
        reply_to: settings.reply_to.clone().map(|address| Mailbox { name: None, address }),
        bounce_domain: settings.bounce_domain.clone(),
        allowed_domains: settings.allowed_domains.clone(),
        dkim: None,
        sandbox,
        public_url,
    }
}

/// Makes the data directory if it is missing, for its owner alone: customers' addresses and orders are in it.
///
/// # Errors
/// [`StartError::DataDirectory`].
pub fn make_data_dir(settings: &Settings) -> Result<(), StartError> {
    let path = &settings.data_dir;
    let make = || {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists || !path.is_dir() => Err(error),
            _ => Ok(()),
        }
    };
    make().map_err(|error| StartError::DataDirectory { path: path.clone(), reason: error.to_string() })
}

/// Whether notification types are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Types {
    /// To take events in or to make messages. They must be good.
    Needed,
    /// To look at what is there and to queue it again. What happened can be told while a type is broken.
    Unused,
}

/// An opened ledger with everything that works on it, not yet serving anybody.
pub struct Parts {
    /// The ledger.
    pub ledger: OpenLedger,
    /// What the API is made of.
    pub api: Api,
    secrets: Arc<Secrets>,
    wake: Arc<Notify>,
    wake_webhooks: Arc<Notify>,
}

impl Parts {
    /// Loads the notification types, if they are needed, and opens the ledger.
    ///
    /// Nothing in the data directory is touched before the ledger is open: its lock says that no other process works
    /// there. The types are only read, so that a broken one leaves no trace.
    ///
    /// # Errors
    /// Whatever is in the way, in words that say what to do.
    pub async fn open(settings: &Settings, types: Types) -> Result<Self, StartError> {
        let types = match types {
            Types::Needed => load_types(settings)?,
            Types::Unused => TypeSet::empty(unsigned(settings)),
        };
        let sns = settings.feedback.sns.as_ref().map(feedback::endpoint).transpose()?.map(Arc::new);
        make_data_dir(settings)?;
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let secrets = Arc::new(Secrets::new(Arc::clone(&clock)));
        let secret = match &settings.secret {
            Some(setting) => secret::resolve(setting, &secrets).await?,
            None => secret_file::load_or_create(
                &settings.secret_file,
                has_secret(&settings.ledger_path),
                &*random,
            )?,
        };
        let bounce_domain = settings.sender.bounce_domain.as_deref();
        let return_paths = bounce_domain.map(|domain| Verp::new(vec![secret.clone()], domain)).transpose()?;
        let resources = Resources {
            attachments: AttachmentFolder::new(settings.attachments_directory.clone()),
            unsubscribe: Some(Unsubscribe::new(secret.clone())),
        };
        let types = types.with_return_paths(return_paths.clone()).with_resources(resources.clone());
        let rules = RecipientRules { secret: secret.clone(), soft_bounces: settings.soft_bounces };
        let opened = OpenLedger::open(settings, rules, &random).await?;
        let ledger = opened.ledger();
        for (id, bundle) in types.renditions() {
            ledger.store_rendition(id, bundle).await?;
        }
        let types = Arc::new(LiveTypes::new(types));
        let reload: Arc<dyn ReloadTypes> = Arc::new(Reloader::new(
            settings,
            Arc::clone(&ledger),
            Arc::clone(&types),
            return_paths.clone(),
            resources,
        ));
        let wake = Arc::new(Notify::new());
        let bell = Arc::clone(&wake);
        let wake_webhooks = Arc::new(Notify::new());
        let webhook_bell = Arc::clone(&wake_webhooks);
        let allow_private = settings.webhooks.allow_private;
        let webhook_targets = OutboundConfig { allow_private, ..OutboundConfig::default() };
        let api = Api {
            ledger,
            types,
            return_paths: return_paths.map(Arc::new),
            health: Arc::new(Health::new(clock.now())),
            clock,
            random,
            secret,
            metrics: Arc::new(Metrics::default()),
            wake: Arc::new(move || bell.notify_one()),
            request_limit_bytes: settings.request_limit_bytes,
            running_keys: RunningKeys::default(),
            body_room: BodyRoom::default(),
            sns,
            webhook_targets: Arc::new(webhook_targets),
            wake_webhooks: Arc::new(move || webhook_bell.notify_one()),
            captured: Some(Arc::new(CapturedFolder::new(&settings.data_dir))),
            list_elsewhere: mirror::list_elsewhere(settings.ses_mirror.as_ref()).await,
            access: Arc::new(opened.access()),
            gate: Arc::new(Gate::new(settings.listen.ip(), settings.public_url.as_deref())),
            reload: Some(reload),
            sender: None,
            hold: Arc::default(),
            tariff: budget::tariff(settings),
        };
        Ok(Self { ledger: opened, api, secrets, wake, wake_webhooks })
    }

    /// The API over these parts.
    pub fn router(&self) -> Router {
        postrider_http::router(self.api.clone())
    }
}

async fn open_mailer(settings: &Settings, parts: &Parts) -> Result<OpenMailer, MailerError> {
    let health = Arc::clone(&parts.api.health);
    let parts = MailerParts {
        clock: &parts.api.clock,
        secrets: &parts.secrets,
        // The engine keeps the pace.
        turn_wait_max: None,
        tell: Box::new(move |cause| health.set_detour(cause.map(ToString::to_string))),
    };
    OpenMailer::open(settings, parts).await
}

/// A server that runs.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it takes bounces, if it does.
    pub bounce_address: Option<SocketAddr>,
    /// Whether there was an API key when it started, so that it asks for one.
    pub asks_for_keys: bool,
    intake: Intake,
    parts: Parts,
    mailer: Arc<dyn Mailer>,
    data_dir: PathBuf,
    instance: String,
    stop: watch::Sender<bool>,
    fatal: watch::Receiver<Option<String>>,
    http: tokio::task::JoinHandle<()>,
    engine: tokio::task::JoinHandle<()>,
    webhooks: tokio::task::JoinHandle<()>,
    /// Whatever else runs until the server stops.
    chores: JoinSet<()>,
}

impl Server {
    /// Starts serving and sending.
    ///
    /// # Errors
    /// Whatever is in the way, in words that say what to do.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let unavailable =
            |error: std::io::Error| StartError::Listen { listen: settings.listen, reason: error.to_string() };
        let mut parts = Box::pin(Parts::open(settings, Types::Needed)).await?;
        let asks_for_keys = parts.api.access.asks_for_keys(&*parts.api.ledger).await?;
        if !asks_for_keys && !settings.listen.ip().is_loopback() {
            return Err(StartError::NoKeys(settings.listen));
        }
        let OpenMailer { mailer, connections, account } = Box::pin(open_mailer(settings, &parts)).await?;
        let account_rate = account.clone();
        let account_rate: AccountRate = Arc::new(move || account_rate.as_ref()?.rate_per_1000_secs());
        let listener = TcpListener::bind(settings.listen).await.map_err(unavailable)?;
        let address = listener.local_addr().map_err(unavailable)?;
        let (stop, stopped) = watch::channel(false);
        let (fatal_to, fatal) = watch::channel(None);
        let engine = Arc::new(Engine {
            ledger: Arc::clone(&parts.api.ledger),
            catalog: Arc::clone(&parts.api.types) as Arc<_>,
            mailer: Arc::clone(&mailer),
            clock: Arc::clone(&parts.api.clock),
            random: Arc::clone(&parts.api.random),
            policy: settings.retry,
            on_unknown: settings.on_unknown,
            concurrency: settings.concurrency,
            connections: connections.min(settings.concurrency),
            rate_per_second: settings.rate_per_second,
            account_rate,
            metrics: Arc::clone(&parts.api.metrics),
            health: Arc::clone(&parts.api.health),
            hold: Arc::clone(&parts.api.hold),
            wake: Arc::clone(&parts.wake),
            fatal: fatal_to.clone(),
        });
        let webhooks = Arc::new(Webhooks {
            ledger: Arc::clone(&parts.api.ledger),
            clock: Arc::clone(&parts.api.clock),
            random: Arc::clone(&parts.api.random),
            metrics: Arc::clone(&parts.api.metrics),
            targets: Arc::clone(&parts.api.webhook_targets),
            concurrency: settings.webhooks.concurrency,
            wake: Arc::clone(&parts.wake_webhooks),
            fatal: fatal_to,
        });
        // What was on its way when the last process died has an unknown outcome.
        engine.sweep(parts.ledger.leases_lost_at_start()).await?;
        if account.is_none() {
            // Nobody counts where nothing is paid by the message, and nobody else would end a hold from before.
            budget_hold::without_budget(&*parts.api.ledger, parts.api.clock.now()).await?;
        }
        // Before anything is claimed: whether the budget holds sending.
        engine.resume().await?;
        let intake =
            Intake::start(&settings.feedback, &parts.api, parts.api.return_paths.as_ref(), &stopped).await?;
        let file = ServerFile::new(format!("http://{}", reachable(address)), &*parts.api.random);
        let limits = settings.rate_limit_per_second.map(RateLimits::new);
        let access = parts.ledger.access().with_run_token(&file.token).limited(limits);
        let access = if address.ip().is_loopback() { access } else { access.always_asking() };
        parts.api.access = Arc::new(access);
        let router = with_instance(parts.router(), &file.instance);
        let http = tokio::spawn(postrider_http::server::serve(listener, router, stopped.clone()));
        let webhooks = tokio::spawn(webhooks.run(stopped.clone()));
        let mut chores = JoinSet::new();
        if let Some(account) = account {
            let fresh_until = stopped.clone();
            let counted = Arc::clone(&account);
            let sent_last_day = move || Some(counted.view()?.sent_last_day);
            let keeper = budget::Keeper::new(&parts.api, Box::new(sent_last_day));
            chores.spawn(async move { account.keep_fresh(fresh_until).await });
            chores.spawn(keeper.run(stopped.clone()));
        }
        if let Some(mirror) = OpenMirror::open(settings, &parts.api).await {
            chores.spawn(mirror.run(stopped.clone()));
        }
        ingest::start(&settings.ingest, &parts.api, &stopped, &mut chores);
        let engine = tokio::spawn(engine.run(stopped));
        file.write(&settings.data_dir).map_err(|error| StartError::DataDirectory {
            path: settings.data_dir.clone(),
            reason: error.to_string(),
        })?;
        let data_dir = settings.data_dir.clone();
        let bounce_address = intake.listening;
        Ok(Self {
            address,
            bounce_address,
            intake,
            parts,
            mailer,
            data_dir,
            asks_for_keys,
            instance: file.instance,
            stop,
            fatal,
            http,
            engine,
            webhooks,
            chores,
        })
    }

    /// Reads the notification types again and says what came of it.
    pub async fn reload_types(&self) {
        let Some(reload) = &self.parts.api.reload else { return };
        match reload.reload().await {
            Ok(_) => {}
            Err(ReloadRefused::Types(errors)) => {
                for error in &errors {
                    tracing::error!(%error, "a notification type is broken; the types in force stay");
                }
            }
            Err(ReloadRefused::Ledger(error)) => {
                tracing::error!(%error, "the notification types could not be stored; the types in force stay");
            }
            Err(ReloadRefused::Other(reason)) => {
                tracing::error!(
                    reason,
                    "the notification types were not loaded again; the types in force stay"
                );
            }
        }
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
    /// gives back what was claimed but not begun, says goodbye to the mail server, and closes the ledger. Each of these
    /// has its time; what does not end in it is left to the next start.
    pub async fn stop(mut self) {
        self.parts.api.health.stop();
        self.stop.send_replace(true);
        let drained = async {
            let _ = self.engine.await;
            let _ = self.http.await;
            let _ = self.webhooks.await;
            self.intake.finish().await;
            while self.chores.join_next().await.is_some() {}
        };
        if tokio::time::timeout(DRAIN_TIME, drained).await.is_err() {
            tracing::warn!(
                "some messages or requests did not end in time; the ledger treats them as interrupted"
            );
        }
        if tokio::time::timeout(GOODBYE_TIME, self.mailer.close()).await.is_err() {
            tracing::info!("the mail server was left without a goodbye");
        }
        server_file::remove(&self.data_dir, &self.instance);
        self.parts.ledger.close().await;
    }
}

/// The routes, with every answer saying which server it is from.
fn with_instance(router: Router, instance: &str) -> Router {
    // A name made of hexadecimal digits is a header's value.
    let Ok(instance) = HeaderValue::from_str(instance) else { return router };
    router.layer(map_response(move |mut response: Response| {
        response.headers_mut().insert(INSTANCE_HEADER, instance.clone());
        std::future::ready(response)
    }))
}

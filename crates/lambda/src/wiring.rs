//! Puts a function together from what its environment says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use postrider_aws::cost::{InvalidData, Prices, Usage, Volume, rates};
use postrider_aws::emf::{InvalidNamespace, Namespace};
use postrider_aws::sdk::{self, SdkPlace};
use postrider_aws::secret::Secrets;
use postrider_aws::ses::suppressed::AccountList;
use postrider_aws::ses::{Account, SesMailer};
use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::SES_REQUEST_GAP_MS;
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::feedback::{ListElsewhere, RecipientRules};
use postrider_core::ports::ledger::{Ledger, LedgerError};
use postrider_core::ports::mailer::Mailer;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_environment::config::{
    ConfigError, DynamoSettings, LedgerSettings, MailerSettings, RawSettings, SesSettings, Settings,
};
use postrider_environment::mailer::{MailerError, open_smtp};
use postrider_environment::system::{SystemClock, SystemRandom};
use postrider_http::BodyRoom;
use postrider_http::gate::Gate;
use postrider_http::health::Health;
use postrider_http::idempotency::RunningKeys;
use postrider_http::metrics::Metrics;
use postrider_http::state::{Api, Tariff};
use postrider_mail::attachment_folder::AttachmentFolder;
use postrider_mail::dkim::{DkimKey, DkimKeyError};
use postrider_mail::mailers::failover::FailoverMailer;
use postrider_mail::mime::message::Mailbox;
use postrider_mail::types::{LiveTypes, Resources, Sender, TypeError, TypeSet, TypeSource};
use postrider_mail::unsubscribe::Unsubscribe;
use postrider_mail::verp::{InvalidReturnPath, Verp};
use postrider_webhook::OutboundConfig;

use crate::calls::Calls;
use crate::cost::Money;
use crate::parts::{Parts, TimerPause};
use crate::role::Role;
use crate::secret::{self, SecretError};

/// The file of settings in the artifact, if it has one.
const SETTINGS_FILE: &str = "postrider.toml";
/// The folder of notification types in the artifact, if it has one.
const TYPES_FOLDER: &str = "notifications";
/// The variable that names the metrics' namespace.
const NAMESPACE_VARIABLE: &str = "POSTRIDER__METRICS__NAMESPACE";
/// The variable that names the installation's secret.
const SECRET_VARIABLE: &str = "POSTRIDER__SERVER__SECRET";
/// The namespace where none is named.
const NAMESPACE_DEFAULT: &str = "Postrider";
/// How long SES may take for one message that somebody who asked the API waits for.
const API_SES_TIMEOUT_MS_MAX: u64 = 6_000;
/// How long such a message may wait for its turn at the account's rate.
const API_TURN_WAIT: Duration = Duration::from_secs(1);
/// The same for messages nobody waits for: what would wait longer is left to the sweep.
const TURN_WAIT: Duration = Duration::from_secs(20);

/// Why a function cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The metrics have no place.
    #[error("{NAMESPACE_VARIABLE} {0}")]
    Namespace(#[from] InvalidNamespace),
    /// There is no secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The ledger is of a kind that functions cannot share.
    #[error("ledger.kind must be dynamodb: a function has no disk that outlives it")]
    Ledger,
    /// The ledger cannot be opened.
    #[error(transparent)]
    Table(#[from] postrider_dynamodb::OpenError),
    /// The ledger could not be written at start.
    #[error(transparent)]
    LedgerStep(#[from] LedgerError),
    /// The mailer would keep messages where nobody finds them.
    #[error("mailer.kind must be ses or smtp: a function has no disk that outlives it")]
    Mailer,
    /// The mail server's settings do not fit together, or its password cannot be had.
    #[error(transparent)]
    Smtp(#[from] MailerError),
    /// Costs are known only where SES sends.
    #[error("mailer.kind must be ses: SES says how much was sent, and nothing else does")]
    Cost,
    /// The prices or what is used cannot be read.
    #[error(transparent)]
    Prices(#[from] InvalidData),
    /// A notification type is broken.
    #[error("the notification types cannot be used: {}", list(.0))]
    Types(Vec<TypeError>),
    /// The signing key cannot be used.
    #[error(transparent)]
    Dkim(#[from] DkimKeyError),
    /// The bounce domain makes no return paths.
    #[error(transparent)]
    ReturnPaths(#[from] InvalidReturnPath),
}

fn list(errors: &[TypeError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What the environment says, and what is put together from it.
pub struct Wiring {
    role: Role,
    settings: Settings,
    namespace: Namespace,
    secret_reference: Option<String>,
    /// Where the artifact lies.
    root: PathBuf,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Wiring {
    /// Reads the settings of `role`: the file in the artifact, if there is one, then the environment.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn read(role: Role) -> Result<Self, WiringError> {
        let root = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from).unwrap_or_default();
        let mut raw = RawSettings::default();
        let file = root.join(SETTINGS_FILE);
        if file.is_file() {
            raw.read_file(&file)?;
        }
        // What is set for functions alone is read here.
        let own = |name: &str| name == NAMESPACE_VARIABLE || name == SECRET_VARIABLE;
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let variables = std::env::vars_os().filter_map(text).filter(|(name, _)| !own(name));
        raw.read_environment(variables)?;
        let namespace = std::env::var(NAMESPACE_VARIABLE);
        Ok(Self {
            role,
            settings: Settings::check(&raw)?,
            namespace: namespace.as_deref().unwrap_or(NAMESPACE_DEFAULT).parse()?,
            secret_reference: std::env::var(SECRET_VARIABLE).ok(),
            root,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        })
    }

    /// Where metrics go.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        self.namespace.clone()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Where it is known how much was sent. Nothing is asked yet.
    ///
    /// # Errors
    /// [`WiringError::Cost`].
    pub fn volume(&self) -> Result<SesVolume, WiringError> {
        let MailerSettings::Ses(ses) = &self.settings.mailer else { return Err(WiringError::Cost) };
        Ok(SesVolume(self.account(&sdk::load_for_function(&ses.place), ses)))
    }

    /// Where money is remembered, and how much there is.
    ///
    /// # Errors
    /// Whatever is in the way of the ledger.
    pub async fn money(&self) -> Result<Money, WiringError> {
        let settings = &self.settings;
        let LedgerSettings::DynamoDb(table) = &settings.ledger else { return Err(WiringError::Ledger) };
        let sdk = sdk::load_for_function(&table.place);
        let ledger = self.ledger(table, &sdk, self.secret(&sdk).await?).await?;
        Ok(Money { ledger, usage: self.usage()?, budget: settings.budget.monthly_usd })
    }

    /// What the installation uses.
    fn usage(&self) -> Result<Usage, InvalidData> {
        let usage = Usage::shipped()?;
        if self.settings.budget.vpc { usage.with_vpc() } else { Ok(usage) }
    }

    async fn ledger(
        &self,
        table: &DynamoSettings,
        sdk: &SdkConfig,
        secret: Secret,
    ) -> Result<Arc<dyn Ledger>, WiringError> {
        let rules = RecipientRules { secret, soft_bounces: self.settings.soft_bounces };
        let config = DynamoConfig {
            endpoint_url: table.place.endpoint_url.clone(),
            ..DynamoConfig::new(table.table.clone())
        };
        Ok(Arc::new(Box::pin(DynamoLedger::open(sdk, config, rules, Arc::clone(&self.random))).await?))
    }

    /// Everything that takes in reports and sends.
    ///
    /// # Errors
    /// Whatever is in the way.
    pub async fn parts(&self) -> Result<Parts, WiringError> {
        Ok(Box::pin(self.open()).await?.0)
    }

    /// The calls of webhooks over `parts`.
    #[must_use]
    pub fn calls(&self, parts: &Parts) -> Calls {
        Calls::new(
            Arc::clone(&parts.ledger),
            Arc::clone(&parts.clock),
            Arc::clone(&parts.random),
            self.webhook_targets(),
            self.settings.webhooks.concurrency,
        )
    }

    fn webhook_targets(&self) -> OutboundConfig {
        OutboundConfig { allow_private: self.settings.webhooks.allow_private, ..OutboundConfig::default() }
    }

    /// Everything that takes in reports and sends, and the API over it.
    ///
    /// # Errors
    /// Whatever is in the way.
    pub async fn api(&self) -> Result<(Api, Parts), WiringError> {
        let (parts, types, return_paths) = Box::pin(self.open()).await?;
        let settings = &self.settings;
        let api = Api {
            ledger: Arc::clone(&parts.ledger),
            types,
            return_paths: return_paths.map(Arc::new),
            health: Arc::new(Health::new(self.clock.now())),
            clock: Arc::clone(&parts.clock),
            random: Arc::clone(&parts.random),
            secret: parts.secret.clone(),
            metrics: Arc::new(Metrics::default()),
            // What is accepted is sent by the function itself; what becomes due otherwise, by the sweep.
            wake: Arc::new(|| ()),
            request_limit_bytes: settings.request_limit_bytes,
            running_keys: RunningKeys::default(),
            body_room: BodyRoom::default(),
            sns: None,
            webhook_targets: Arc::new(self.webhook_targets()),
            wake_webhooks: Arc::new(|| ()),
            gate: Arc::new(Gate::new(settings.listen.ip(), settings.public_url.as_deref())),
            list_elsewhere: self.list_elsewhere().await,
            reload: None,
            sender: None,
            hold: Arc::clone(&parts.hold),
            tariff: Tariff {
                rates: rates(&Prices::shipped()?, &self.usage()?)?,
                budget: settings.budget.monthly_usd,
            },
        };
        Ok((api, parts))
    }

    async fn open(&self) -> Result<(Parts, Arc<LiveTypes>, Option<Verp>), WiringError> {
        let settings = &self.settings;
        let LedgerSettings::DynamoDb(table) = &settings.ledger else { return Err(WiringError::Ledger) };
        let sdk = sdk::load_for_function(&table.place);
        let secret = self.secret(&sdk).await?;
        let bounce_domain = settings.sender.bounce_domain.as_deref();
        let return_paths = bounce_domain.map(|domain| Verp::new(vec![secret.clone()], domain)).transpose()?;
        let resources = Resources {
            attachments: AttachmentFolder::new(settings.attachments_directory.clone()),
            unsubscribe: Some(Unsubscribe::new(secret.clone())),
        };
        let types = self.types()?.with_return_paths(return_paths.clone()).with_resources(resources);
        let ledger = self.ledger(table, &sdk, secret.clone()).await?;
        for (id, bundle) in types.renditions() {
            ledger.store_rendition(id, bundle).await?;
        }
        let types = Arc::new(LiveTypes::new(types));
        let parts = Parts {
            ledger,
            catalog: Arc::clone(&types) as Arc<_>,
            mailer: self.mailer().await?,
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            pause: Arc::new(TimerPause),
            secret,
            policy: settings.retry,
            on_unknown: settings.on_unknown,
            concurrency: settings.concurrency,
            hold: Arc::default(),
        };
        Ok((parts, types, return_paths))
    }

    async fn secret(&self, sdk: &SdkConfig) -> Result<Secret, WiringError> {
        let client = async || aws_sdk_secretsmanager::Client::new(sdk);
        Ok(secret::read(self.secret_reference.as_deref(), client).await?)
    }

    /// The notification types, where this function makes messages or takes events in.
    fn types(&self) -> Result<TypeSet, WiringError> {
        let settings = &self.settings.sender;
        let dkim = match &settings.dkim {
            Some(dkim) => Some(DkimKey::load(&dkim.domain, &dkim.selector, &dkim.key_file)?),
            None => None,
        };
        let sender = Sender {
            from: Mailbox { name: settings.from_name.clone(), address: settings.from.clone() },
            reply_to: settings.reply_to.clone().map(|address| Mailbox { name: None, address }),
            bounce_domain: settings.bounce_domain.clone(),
            dkim,
            sandbox: self.settings.sandbox.clone(),
            allowed_domains: settings.allowed_domains.clone(),
            public_url: self.settings.public_url.clone(),
        };
        if self.role == Role::Feedback {
            return Ok(TypeSet::empty(sender));
        }
        let shipped = || {
            let folder = self.root.join(TYPES_FOLDER);
            if folder.is_dir() { TypeSource::Directory(folder) } else { TypeSource::Shipped }
        };
        let source = self.settings.types_directory.clone().map_or_else(shipped, TypeSource::Directory);
        TypeSet::load(&source, sender).map_err(WiringError::Types)
    }

    async fn mailer(&self) -> Result<Arc<dyn Mailer>, WiringError> {
        match &self.settings.mailer {
            MailerSettings::Outbox => Err(WiringError::Mailer),
            MailerSettings::Smtp(smtp) => Ok(open_smtp(smtp, &self.secrets()).await?),
            MailerSettings::Ses(ses) => self.ses(ses).await,
        }
    }

    async fn ses(&self, settings: &SesSettings) -> Result<Arc<dyn Mailer>, WiringError> {
        let sdk = sdk::load_for_function(&settings.place);
        let account = self.account(&sdk, settings);
        let mut config = settings.config.clone();
        let mut turn_wait = TURN_WAIT;
        if self.role == Role::Api {
            config.timeout_ms = config.timeout_ms.min(API_SES_TIMEOUT_MS_MAX);
            turn_wait = API_TURN_WAIT;
        }
        let ses = SesMailer::new(&sdk, config, account, Arc::clone(&self.clock)).pacing(turn_wait);
        let Some(smtp) = &settings.fallback else { return Ok(Arc::new(ses)) };
        let second = open_smtp(smtp, &self.secrets()).await?;
        let tell = Box::new(|cause: Option<&_>| {
            let cause = cause.map(ToString::to_string);
            tracing::warn!(cause, "which way messages take has changed; with a cause they take the second");
        });
        Ok(Arc::new(FailoverMailer::new(Arc::new(ses), second, Arc::clone(&self.clock), tell)))
    }

    /// What is named by reference, such as the mail server's password.
    fn secrets(&self) -> Arc<Secrets> {
        Arc::new(Secrets::with_sdk(sdk::load_for_function(&SdkPlace::default()), Arc::clone(&self.clock)))
    }

    /// The account's list, from which addresses must go that are taken off ours, if ours is given to it.
    async fn list_elsewhere(&self) -> Option<Arc<dyn ListElsewhere>> {
        let mirror = self.settings.ses_mirror.as_ref().filter(|mirror| mirror.direction.gives())?;
        let sdk = sdk::load_for_function(&mirror.place);
        Some(Arc::new(AccountList::new(&sdk, Duration::from_millis(SES_REQUEST_GAP_MS))))
    }

    fn account(&self, sdk: &SdkConfig, settings: &SesSettings) -> Arc<Account> {
        Arc::new(Account::new(sdk, settings.rate_share_percent, Arc::clone(&self.clock)))
    }
}

/// How much SES sent for the account, others of its senders included.
pub struct SesVolume(Arc<Account>);

#[async_trait]
impl Volume for SesVolume {
    async fn last_day(&self, _now: Timestamp) -> Result<u64, String> {
        self.0.refresh().await;
        let view = self.0.view();
        view.map(|view| view.sent_last_day).ok_or_else(|| "SES did not say (ses:GetAccount)".to_owned())
    }
}

//! Puts a function together from what its environment says.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use postrider_aws::cost::{InvalidData, Prices, Usage, Volume, rates};
use postrider_aws::emf::{InvalidNamespace, Namespace};
use postrider_aws::http_client::{Roots, http_client};
use postrider_aws::sdk::{self, SdkPlace};
use postrider_aws::secret::Secrets;
use postrider_aws::ses::suppressed::AccountList;
use postrider_aws::ses::{Account, SesMailer};
use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{DISPATCH_ANSWER_MS, SES_REQUEST_GAP_MS};
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::feedback::{ListElsewhere, RecipientRules};
use postrider_core::ports::ledger::{Ledger, LedgerError};
use postrider_core::ports::mailer::Mailer;
use postrider_core::use_cases::budget::HoldWatch;
use postrider_dynamodb::{Ahead, DynamoConfig, DynamoLedger};
use postrider_environment::config::{
    ConfigError, DynamoSettings, LedgerSettings, MailerSettings, RawSettings, SecretSetting, SesSettings,
    Settings,
};
use postrider_environment::mailer::{MailerError, open_smtp};
use postrider_environment::secret::{self, KeptSecretError};
use postrider_environment::system::{SystemClock, SystemRandom};
use postrider_http::BodyRoom;
use postrider_http::access::Access;
use postrider_http::gate::Gate;
use postrider_http::health::Health;
use postrider_http::idempotency::RunningKeys;
use postrider_http::metrics::Metrics;
use postrider_http::state::{Api, Tariff};
use postrider_mail::attachment_folder::AttachmentFolder;
use postrider_mail::dkim::DkimKeyError;
use postrider_mail::mailers::failover::FailoverMailer;
use postrider_mail::types::{LiveTypes, Resources, TypeError, TypeSet};
use postrider_mail::unsubscribe::Unsubscribe;
use postrider_mail::verp::{InvalidReturnPath, Verp};
use postrider_webhook::OutboundConfig;

use crate::announcing::Announcing;
use crate::calls::Calls;
use crate::cost::Money;
use crate::parts::{Parts, TimerPause};
use crate::renditions::Renditions;
use crate::role::Role;
use crate::types;

/// The file of settings in the artifact, if it has one.
const SETTINGS_FILE: &str = "postrider.toml";
/// The variable that names the metrics' namespace.
const NAMESPACE_VARIABLE: &str = "POSTRIDER__METRICS__NAMESPACE";
/// How long Lambda lets a function live, in seconds.
const LIFETIME_SECS_MAX: u64 = 900;
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
    /// Nothing says where the installation's secret is, or it is written where everybody who sees the function reads it.
    #[error(
        "server.secret must say where the installation's secret is kept: aws-secretsmanager:<arn or name>[#json-key] or \
         aws-ssm:<parameter>. The ledger opens with no other than the one it was made with"
    )]
    SecretPlace,
    /// The installation's secret cannot be had.
    #[error("server.secret: {0}")]
    Secret(#[from] KeptSecretError),
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
    /// The mailer may take longer over one message than Lambda lets a function live, so that none would ever be begun.
    #[error(
        "the mailer may take {needed_secs} s over one message, and Lambda ends a function after {LIFETIME_SECS_MAX} s; lower \
         mailer.smtp.timeout_secs or mailer.ses.timeout_secs, and give the function more time than one message can take"
    )]
    SlowMailer {
        /// How long one message may take, in seconds.
        needed_secs: u64,
    },
    /// Costs are known only where SES sends.
    #[error("mailer.kind must be ses: SES says how much was sent, and nothing else does")]
    Cost,
    /// The prices or what is used cannot be read.
    #[error(transparent)]
    Prices(#[from] InvalidData),
    /// A notification type is broken.
    #[error("the notification types cannot be used: {}", list(.0))]
    Types(Vec<TypeError>),
    /// Reading them ended in a fault of the program.
    #[error("the notification types could not be read: the program has a fault, which stands in the log")]
    TypesPanicked(#[source] tokio::task::JoinError),
    /// The signing key cannot be used.
    #[error(transparent)]
    Dkim(#[from] DkimKeyError),
    /// The bounce domain makes no return paths.
    #[error(transparent)]
    ReturnPaths(#[from] InvalidReturnPath),
}

/// Whom requests to Amazon believe: nothing is read at a start, unless somebody has said from where.
fn roots() -> Roots {
    let is_told = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    if is_told { Roots::System } else { Roots::BuiltIn }
}

fn list(errors: &[TypeError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What everything else stands on.
pub struct Foundation {
    /// Where notifications live.
    pub ledger: Arc<dyn Ledger>,
    /// What hands messages on.
    pub mailer: Arc<dyn Mailer>,
    /// The installation's secret.
    pub secret: Secret,
    /// Whether the month's budget holds sending, as far as is known.
    pub hold: Arc<HoldWatch>,
}

struct Built {
    parts: Parts,
    types: Arc<LiveTypes>,
    return_paths: Option<Verp>,
}

/// What the environment says, and what is put together from it.
pub struct Wiring {
    role: Role,
    settings: Settings,
    namespace: Namespace,
    /// Where the artifact lies, if there is one.
    root: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    http_client: OnceLock<SharedHttpClient>,
}

impl Wiring {
    /// Reads the settings of `role`: the file in the artifact, if there is one, then the environment.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn read(role: Role) -> Result<Self, WiringError> {
        let root = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from);
        let mut raw = RawSettings::default();
        let file = root.as_ref().map(|root| root.join(SETTINGS_FILE));
        if let Some(file) = file.filter(|file| file.is_file()) {
            raw.read_file(&file)?;
        }
        // What is set for functions alone is read here.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let variables = std::env::vars_os().filter_map(text).filter(|(name, _)| name != NAMESPACE_VARIABLE);
        raw.read_environment(variables)?;
        let namespace = match std::env::var(NAMESPACE_VARIABLE) {
            Ok(name) => name.parse()?,
            Err(_) => Namespace::default(),
        };
        Ok(Self { namespace, root, ..Self::of(role, Settings::check(&raw)?) })
    }

    /// What `settings` say, where there is no artifact and nothing in the environment.
    #[must_use]
    pub fn of(role: Role, settings: Settings) -> Self {
        Self {
            role,
            settings,
            namespace: Namespace::default(),
            root: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            http_client: OnceLock::new(),
        }
    }

    /// Where requests to Amazon go, over connections that all of them share.
    fn sdk(&self, place: &SdkPlace) -> SdkConfig {
        sdk::load_for_function(place, self.http_client.get_or_init(|| http_client(roots())).clone())
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
        Ok(SesVolume(self.account(&self.sdk(&ses.place), ses)))
    }

    /// Where money is remembered, and how much there is.
    ///
    /// # Errors
    /// Whatever is in the way of the ledger.
    pub async fn money(&self) -> Result<Money, WiringError> {
        let settings = &self.settings;
        let LedgerSettings::DynamoDb(table) = &settings.ledger else { return Err(WiringError::Ledger) };
        let ledger = self.ledger(table, &self.secret().await?, None).await?;
        Ok(Money { ledger: Arc::new(ledger), usage: self.usage()?, budget: settings.budget.monthly_usd })
    }

    /// What the installation uses.
    fn usage(&self) -> Result<Usage, InvalidData> {
        let usage = Usage::shipped()?;
        if self.settings.budget.vpc { usage.with_vpc() } else { Ok(usage) }
    }

    async fn ledger(
        &self,
        table: &DynamoSettings,
        secret: &Secret,
        ahead: Option<Ahead>,
    ) -> Result<DynamoLedger, WiringError> {
        let config = DynamoConfig {
            endpoint_url: table.place.endpoint_url.clone(),
            ahead,
            ..DynamoConfig::new(table.table.clone())
        };
        let (sdk, rules) = (self.sdk(&table.place), self.recipient_rules(secret));
        Ok(Box::pin(DynamoLedger::open(&sdk, config, rules, Arc::clone(&self.random))).await?)
    }

    /// Everything that takes in reports and sends.
    ///
    /// # Errors
    /// Whatever is in the way.
    pub async fn parts(&self) -> Result<Parts, WiringError> {
        let (foundation, types) = Box::pin(self.foundation()).await?;
        Ok(self.over(foundation, types)?.parts)
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
        let (foundation, types) = Box::pin(self.foundation()).await?;
        self.api_with(foundation, types).await
    }

    /// The same over a ledger and a mailer that somebody else has opened.
    ///
    /// # Errors
    /// Whatever is in the way.
    pub async fn api_over(&self, foundation: Foundation) -> Result<(Api, Parts), WiringError> {
        let types = types::load(self.role, &self.settings, self.root.as_deref())?;
        self.api_with(foundation, types).await
    }

    async fn api_with(&self, foundation: Foundation, types: TypeSet) -> Result<(Api, Parts), WiringError> {
        let Built { parts, types, return_paths } = self.over(foundation, types)?;
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
            access: Arc::new(Access::by_gateway()),
            gate: Arc::new(Gate::new(settings.listen.ip(), settings.public_url.as_deref())),
            captured: None,
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

    /// What the environment names, opened, and the notification types. Whatever can be done at the same time is.
    async fn foundation(&self) -> Result<(Foundation, TypeSet), WiringError> {
        let LedgerSettings::DynamoDb(table) = &self.settings.ledger else { return Err(WiringError::Ledger) };
        let (role, settings, root) = (self.role, self.settings.clone(), self.root.clone());
        let types = tokio::task::spawn_blocking(move || types::load(role, &settings, root.as_deref()));
        let (secret, mailer) = futures_util::future::try_join(self.secret(), self.mailer()).await?;
        let types = types.await.map_err(WiringError::TypesPanicked)??;
        let names: Vec<String> = types.names().map(str::to_owned).collect();
        // Whoever makes no messages asks for little.
        let ahead = (!names.is_empty()).then(|| Ahead { types: names, now: self.clock.now() });
        let (hold, seen_at) = (HoldWatch::default(), ahead.as_ref().map(|ahead| ahead.now));
        let ledger = self.ledger(table, &secret, ahead).await?;
        if let Some((now, budget)) = seen_at.zip(ledger.budget_at_opening()) {
            hold.saw(budget.map(|stored| stored.record.clone()), now);
        }
        Ok((Foundation { ledger: Arc::new(ledger), mailer, secret, hold: Arc::new(hold) }, types))
    }

    /// How recipients are treated, by the settings.
    #[must_use]
    pub fn recipient_rules(&self, secret: &Secret) -> RecipientRules {
        RecipientRules { secret: secret.clone(), soft_bounces: self.settings.soft_bounces }
    }

    fn over(&self, foundation: Foundation, types: TypeSet) -> Result<Built, WiringError> {
        let Foundation { ledger, mailer, secret, hold } = foundation;
        let settings = &self.settings;
        let bounce_domain = settings.sender.bounce_domain.as_deref();
        let return_paths = bounce_domain.map(|domain| Verp::new(vec![secret.clone()], domain)).transpose()?;
        let resources = Resources {
            attachments: AttachmentFolder::new(settings.attachments_directory.clone()),
            unsubscribe: Some(Unsubscribe::new(secret.clone())),
        };
        let types = types.with_return_paths(return_paths.clone()).with_resources(resources);
        let types = Arc::new(LiveTypes::new(types));
        let renditions = Renditions::new(Arc::clone(&ledger), Arc::clone(&types));
        let parts = Parts {
            ledger,
            renditions: Some(Arc::new(renditions)),
            catalog: Arc::clone(&types) as Arc<_>,
            mailer: Arc::new(Announcing(mailer)),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            pause: Arc::new(TimerPause),
            secret,
            policy: settings.retry,
            on_unknown: settings.on_unknown,
            concurrency: settings.concurrency,
            hold,
        };
        let needed_secs = (parts.dispatch(false).needed_ms() + DISPATCH_ANSWER_MS).div_ceil(1_000);
        if needed_secs > LIFETIME_SECS_MAX {
            return Err(WiringError::SlowMailer { needed_secs });
        }
        Ok(Built { parts, types, return_paths })
    }

    /// The installation's secret, read once a process: it is not rotated, because the ledger was made with it.
    async fn secret(&self) -> Result<Secret, WiringError> {
        match &self.settings.secret {
            Some(setting @ SecretSetting::Kept(_)) => Ok(secret::resolve(setting, &self.secrets()).await?),
            Some(SecretSetting::Given(_)) | None => Err(WiringError::SecretPlace),
        }
    }

    async fn mailer(&self) -> Result<Arc<dyn Mailer>, WiringError> {
        match &self.settings.mailer {
            MailerSettings::Outbox => Err(WiringError::Mailer),
            MailerSettings::Smtp(smtp) => Ok(open_smtp(smtp, &self.secrets()).await?),
            MailerSettings::Ses(ses) => self.ses(ses).await,
        }
    }

    async fn ses(&self, settings: &SesSettings) -> Result<Arc<dyn Mailer>, WiringError> {
        let sdk = self.sdk(&settings.place);
        let account = self.account(&sdk, settings);
        if matches!(self.role, Role::Dispatch | Role::Sweep) {
            // The first message would have to wait for it.
            account.refresh().await;
        }
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
        Arc::new(Secrets::with_sdk(self.sdk(&SdkPlace::default()), roots(), Arc::clone(&self.clock)))
    }

    /// The account's list, from which addresses must go that are taken off ours, if ours is given to it.
    async fn list_elsewhere(&self) -> Option<Arc<dyn ListElsewhere>> {
        let mirror = self.settings.ses_mirror.as_ref().filter(|mirror| mirror.direction.gives())?;
        let sdk = self.sdk(&mirror.place);
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

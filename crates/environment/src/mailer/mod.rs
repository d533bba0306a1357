//! Opens the mailer the settings name, for either home.

mod rotating;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postrider_aws::sdk;
use postrider_aws::secret::{SecretError, Secrets};
use postrider_aws::ses::{Account, AccountView, SesMailer};
use postrider_core::domain::outcome::Failure;
use postrider_core::ports::clock::Clock;
use postrider_core::ports::mailer::Mailer;
use postrider_mail::mailers::failover::{FailoverMailer, Tell};
use postrider_mail::mailers::outbox::OutboxMailer;
use postrider_mail::mailers::smtp::{SmtpConfig, SmtpConfigError, SmtpMailer};

use crate::config::{MailerSettings, SesSettings, Settings};
use rotating::RotatingSmtp;

/// Why there is no mailer.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    /// Messages cannot be captured.
    #[error("the data directory {path} cannot be used: {source}")]
    Outbox {
        /// The data directory.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The mail server's settings do not fit together.
    #[error(transparent)]
    Smtp(#[from] SmtpConfigError),
    /// The mail server's password cannot be had.
    #[error("mailer.smtp.password: {0}")]
    Secret(#[from] SecretError),
}

/// A mailer and what whoever drives it must know.
pub struct OpenMailer {
    /// What hands messages on.
    pub mailer: Arc<dyn Mailer>,
    /// How many messages it hands on at once.
    pub connections: usize,
    /// The SES account it sends for, if it does.
    pub account: Option<Arc<Account>>,
}

impl fmt::Debug for OpenMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenMailer").field("mailer", &self.mailer.name()).finish_non_exhaustive()
    }
}

/// What it takes to open a mailer, besides the settings.
pub struct MailerParts<'a> {
    /// The clock.
    pub clock: &'a Arc<dyn Clock>,
    /// Where secrets come from that are named by reference.
    pub secrets: &'a Arc<Secrets>,
    /// How long a message waits inside the mailer for its turn at the SES account's rate; `None` where whoever sends
    /// keeps the pace.
    pub turn_wait_max: Option<Duration>,
    /// Told when the fallback takes over, and when it is no longer needed.
    pub tell: Tell,
}

impl OpenMailer {
    /// Opens the mailer. Only for a process that has the ledger.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn open(settings: &Settings, parts: MailerParts<'_>) -> Result<Self, MailerError> {
        match &settings.mailer {
            MailerSettings::Outbox => {
                let path = &settings.data_dir;
                let mailer = OutboxMailer::open(path)
                    .map_err(|source| MailerError::Outbox { path: path.clone(), source })?;
                Ok(Self { mailer: Arc::new(mailer), connections: settings.concurrency, account: None })
            }
            MailerSettings::Smtp(smtp) => Ok(Self {
                mailer: open_smtp(smtp, parts.secrets).await?,
                connections: smtp.connections,
                account: None,
            }),
            MailerSettings::Ses(ses) => open_ses(ses, settings.concurrency, parts).await,
        }
    }
}

/// The SMTP mailer. A password that is named by reference is read now, and again when the server no longer takes it.
///
/// # Errors
/// What is in the way.
pub async fn open_smtp(config: &SmtpConfig, secrets: &Arc<Secrets>) -> Result<Arc<dyn Mailer>, MailerError> {
    match RotatingSmtp::open(config, secrets).await? {
        Some(rotating) => Ok(Arc::new(rotating)),
        None => Ok(Arc::new(SmtpMailer::new(config.clone())?)),
    }
}

/// Why a mail server could not be looked at, or did not let us in.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// It cannot even be tried.
    #[error(transparent)]
    Mailer(#[from] MailerError),
    /// It was tried.
    #[error("{}: {}", .0.cause, .0.words.as_str())]
    Refused(Failure),
}

/// Signs in at the mail server as a message would, and leaves without sending one.
///
/// # Errors
/// How far it came.
pub async fn look_at_smtp(config: &SmtpConfig, secrets: &Arc<Secrets>) -> Result<(), LookError> {
    let mailer = match RotatingSmtp::open(config, secrets).await? {
        Some(rotating) => rotating.mailer(),
        None => Arc::new(SmtpMailer::new(config.clone()).map_err(MailerError::from)?),
    };
    mailer.look().await.map_err(LookError::Refused)
}

/// Asks SES what the account may do. `None` if it does not say.
pub async fn look_at_ses(settings: &SesSettings, clock: &Arc<dyn Clock>) -> Option<AccountView> {
    let sdk = sdk::load(&settings.place).await;
    let account = Account::new(&sdk, settings.rate_share_percent, Arc::clone(clock));
    account.refresh().await;
    account.view()
}

async fn open_ses(
    settings: &SesSettings,
    concurrency: usize,
    parts: MailerParts<'_>,
) -> Result<OpenMailer, MailerError> {
    let MailerParts { clock, secrets, turn_wait_max, tell } = parts;
    let sdk = sdk::load(&settings.place).await;
    let account = Arc::new(Account::new(&sdk, settings.rate_share_percent, Arc::clone(clock)));
    // Known before the first message leaves, so that not even the first second is too fast.
    account.refresh().await;
    let ses = SesMailer::new(&sdk, settings.config.clone(), Arc::clone(&account), Arc::clone(clock));
    let ses = match turn_wait_max {
        Some(wait_max) => ses.pacing(wait_max),
        None => ses,
    };
    let (mailer, connections): (Arc<dyn Mailer>, usize) = match &settings.fallback {
        None => (Arc::new(ses), concurrency),
        Some(smtp) => {
            let second = open_smtp(smtp, secrets).await?;
            let both = FailoverMailer::new(Arc::new(ses), second, Arc::clone(clock), tell);
            (Arc::new(both), smtp.connections)
        }
    };
    Ok(OpenMailer { mailer, connections, account: Some(account) })
}

/// What the mailer is, for people.
#[must_use]
pub fn describe(settings: &Settings) -> String {
    match &settings.mailer {
        MailerSettings::Outbox => {
            let outbox = settings.data_dir.join("outbox");
            format!("outbox: messages are captured in {}, nothing is sent", outbox.display())
        }
        MailerSettings::Smtp(smtp) => format!("smtp: {}:{}", smtp.host, smtp.port),
        MailerSettings::Ses(ses) => {
            let region = ses.place.region.as_deref().unwrap_or("the environment's region");
            match &ses.fallback {
                None => format!("ses: {region}"),
                Some(smtp) => format!("ses: {region}, fallback smtp: {}:{}", smtp.host, smtp.port),
            }
        }
    }
}

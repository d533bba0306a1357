//! Opens the mailer the settings name.

use std::sync::Arc;

use postrider_aws::sdk;
use postrider_aws::ses::{Account, SesMailer};
use postrider_core::ports::clock::Clock;
use postrider_core::ports::mailer::Mailer;
use postrider_environment::config::{MailerSettings, SesSettings, Settings};
use postrider_http::health::Health;
use postrider_mail::mailers::failover::FailoverMailer;
use postrider_mail::mailers::outbox::OutboxMailer;
use postrider_mail::mailers::smtp::SmtpMailer;

use crate::engine::AccountRate;
use crate::runtime::StartError;

/// A mailer and what whoever drives it must know.
pub struct OpenMailer {
    /// What hands messages on.
    pub mailer: Arc<dyn Mailer>,
    /// How many messages it hands on at once.
    pub connections: usize,
    /// The account it sends for, which must be kept fresh.
    pub account: Option<Arc<Account>>,
}

impl OpenMailer {
    /// Opens the mailer. Only for the process that has the ledger.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn open(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        health: &Arc<Health>,
    ) -> Result<Self, StartError> {
        match &settings.mailer {
            MailerSettings::Outbox => {
                let mailer = OutboxMailer::open(&settings.data_dir).map_err(|error| {
                    StartError::DataDirectory { path: settings.data_dir.clone(), reason: error.to_string() }
                })?;
                Ok(Self { mailer: Arc::new(mailer), connections: settings.concurrency, account: None })
            }
            MailerSettings::Smtp(smtp) => Ok(Self {
                mailer: Arc::new(SmtpMailer::new(smtp.clone())?),
                connections: smtp.connections,
                account: None,
            }),
            MailerSettings::Ses(ses) => open_ses(ses, settings.concurrency, clock, health).await,
        }
    }

    /// The account's rate, for whoever paces messages.
    pub fn account_rate(&self) -> AccountRate {
        let account = self.account.clone();
        Arc::new(move || account.as_ref().and_then(|account| account.rate_per_1000_secs()))
    }
}

async fn open_ses(
    settings: &SesSettings,
    concurrency: usize,
    clock: &Arc<dyn Clock>,
    health: &Arc<Health>,
) -> Result<OpenMailer, StartError> {
    let sdk = sdk::load(&settings.place).await;
    let account = Arc::new(Account::new(&sdk, settings.rate_share_percent, Arc::clone(clock)));
    // Known before the first message leaves, so that not even the first second is too fast.
    account.refresh().await;
    let ses = SesMailer::new(&sdk, settings.config.clone(), Arc::clone(&account), Arc::clone(clock));
    let (mailer, connections): (Arc<dyn Mailer>, usize) = match &settings.fallback {
        None => (Arc::new(ses), concurrency),
        Some(smtp) => {
            let second = Arc::new(SmtpMailer::new(smtp.clone())?);
            let health = Arc::clone(health);
            let tell = Box::new(move |cause: Option<&_>| health.set_detour(cause.map(ToString::to_string)));
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

//! A mail server whose password is kept elsewhere and may be changed there at any time.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use postrider_aws::secret::{SecretReference, SecretText, Secrets};
use postrider_core::domain::outcome::AttemptOutcome;
use postrider_core::ports::mailer::{Mailer, OutgoingMessage, Stop};
use postrider_mail::mailers::smtp::{Credentials, SmtpConfig, SmtpMailer};

use super::MailerError;

/// How the cause begins of a message for which the server did not take our password (RFC 4954 §6).
const CAUSE_WRONG_PASSWORD: &str = "smtp_535";

/// Sends through a mail server, and reads the password again when the server no longer takes it.
pub(super) struct RotatingSmtp {
    config: SmtpConfig,
    reference: SecretReference,
    secrets: Arc<Secrets>,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    mailer: Arc<SmtpMailer>,
    password: SecretText,
}

impl RotatingSmtp {
    /// Reads the password that `config` names by reference; `None` if it holds the password itself or none.
    pub(super) async fn open(
        config: &SmtpConfig,
        secrets: &Arc<Secrets>,
    ) -> Result<Option<Self>, MailerError> {
        let password = config.credentials.as_ref().map(|credentials| credentials.password.as_str());
        // The settings have been checked: what only looks like a reference does not come here.
        let Some(reference) = password.and_then(|text| SecretReference::parse(text).ok().flatten()) else {
            return Ok(None);
        };
        let password = secrets.get(&reference).await?;
        let current = Mutex::new(mailer_with(config, password)?);
        Ok(Some(Self { config: config.clone(), reference, secrets: Arc::clone(secrets), current }))
    }

    /// The mailer with the password as it was read last.
    pub(super) fn mailer(&self) -> Arc<SmtpMailer> {
        self.current().mailer
    }

    fn current(&self) -> Current {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A mailer with the password as it is now, if that is another one than `refused`.
    async fn renewed(&self, refused: &SecretText) -> Option<Arc<SmtpMailer>> {
        let current = self.current();
        if current.password != *refused {
            return Some(current.mailer);
        }
        let password = match self.secrets.reread(&self.reference).await {
            Ok(password) if password != *refused => password,
            Ok(_) => return None,
            Err(error) => {
                tracing::error!(%error, "the mail server refused the password, and it cannot be read again");
                return None;
            }
        };
        let renewed = match mailer_with(&self.config, password) {
            Ok(renewed) => renewed,
            Err(error) => {
                tracing::error!(%error, "the new password of the mail server cannot be used");
                return None;
            }
        };
        tracing::info!(reference = %self.reference, "the mail server's password has been changed; the new one is used");
        let mailer = Arc::clone(&renewed.mailer);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
        current.mailer.close().await;
        Some(mailer)
    }
}

fn mailer_with(config: &SmtpConfig, password: SecretText) -> Result<Current, MailerError> {
    let credentials = config.credentials.as_ref().map(|credentials| Credentials {
        username: credentials.username.clone(),
        password: password.expose().to_owned(),
    });
    let mailer = Arc::new(SmtpMailer::new(SmtpConfig { credentials, ..config.clone() })?);
    Ok(Current { mailer, password })
}

#[async_trait]
impl Mailer for RotatingSmtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn deadline_ms(&self) -> u64 {
        // The one that was refused, and the one with the new password.
        self.current().mailer.deadline_ms().saturating_mul(2)
    }

    async fn send(&self, message: &OutgoingMessage, stop: Stop<'_>) -> AttemptOutcome {
        let Current { mailer, password } = self.current();
        let outcome = mailer.send(message, stop).await;
        let is_refused = matches!(&outcome, AttemptOutcome::NotAccepted(failure)
            if failure.cause.as_str().starts_with(CAUSE_WRONG_PASSWORD));
        if !is_refused {
            return outcome;
        }
        match self.renewed(&password).await {
            Some(renewed) => renewed.send(message, stop).await,
            None => outcome,
        }
    }

    async fn close(&self) {
        self.current().mailer.close().await;
    }
}

#[cfg(test)]
#[path = "rotating_tests.rs"]
mod tests;

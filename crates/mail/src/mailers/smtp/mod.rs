//! Sends through a mail server: an SMTP client (RFC 5321) made for one purpose, to know what became of a message.
//!
//! `reply`, `content` and `capabilities` are pure; `wire` moves bytes before deadlines; `connection` and
//! `transaction` hold the two halves of the protocol; `pool` keeps connections; `outcome` alone decides what a
//! failure means.

mod budget;
pub mod capabilities;
pub mod config;
mod connection;
pub mod content;
pub mod outcome;
mod pool;
pub mod reply;
mod tls;
mod transaction;
mod wire;

use async_trait::async_trait;
use postrider_core::domain::outcome::{AttemptOutcome, Failure, FailureClass};
use postrider_core::ports::mailer::{Mailer, OutgoingMessage};

pub use config::{Credentials, SmtpConfig, SmtpConfigError, TlsMode};

use budget::Budget;
use connection::Connection;
use pool::Pool;
use tls::Tls;
use transaction::Handover;

/// Sends through one mail server over a pool of connections.
pub struct SmtpMailer {
    config: SmtpConfig,
    tls: Option<Tls>,
    pool: Pool,
}

impl SmtpMailer {
    /// Checks `config` and loads the roots of trust. Connects to nobody yet.
    ///
    /// # Errors
    /// What is wrong with the configuration, or that the system has no roots of trust.
    pub fn new(config: SmtpConfig) -> Result<Self, SmtpConfigError> {
        config.check()?;
        let tls = match config.tls {
            TlsMode::StartTls | TlsMode::Implicit => Some(Tls::new(&config.host, &config.extra_roots)?),
            TlsMode::None => None,
        };
        let pool = Pool::new(config.connections);
        Ok(Self { config, tls, pool })
    }

    /// Opens a connection up to the point where a message could follow, credentials included, and keeps it for the
    /// next message. For `doctor` and for a route that wants to know whether it can resume.
    ///
    /// # Errors
    /// What a send would have failed with.
    pub async fn probe(&self) -> Result<(), Failure> {
        let budget = Budget::start(self.config.timeout_ms);
        let Some(Some(_slot)) = budget.bound(self.pool.slot()).await else { return Ok(()) };
        let connection = Connection::open(&self.config, self.tls.as_ref(), &budget).await?;
        self.pool.put_back(connection).await;
        Ok(())
    }

    /// Says QUIT on the idle connections. Sends that are under way end as usual; later ones are released.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn deliver(&self, message: &OutgoingMessage) -> AttemptOutcome {
        let budget = Budget::start(self.config.timeout_ms);
        // Whoever gets no connection has tried nothing yet.
        let Some(Some(_slot)) = budget.bound(self.pool.slot()).await else { return AttemptOutcome::Released };
        if let Some(mut idle) = self.pool.take_idle().await {
            match idle.hand_over(message, &budget).await {
                Handover::Stale => {}
                handover => return self.conclude(idle, handover).await,
            }
        }
        match Connection::open(&self.config, self.tls.as_ref(), &budget).await {
            Ok(mut fresh) => {
                let handover = fresh.hand_over(message, &budget).await;
                self.conclude(fresh, handover).await
            }
            Err(failure) => AttemptOutcome::NotAccepted(failure),
        }
    }

    async fn conclude(&self, connection: Connection, handover: Handover) -> AttemptOutcome {
        self.pool.put_back(connection).await;
        match handover {
            Handover::Accepted(words) => AttemptOutcome::Accepted { words },
            Handover::Failed(failure) => AttemptOutcome::NotAccepted(failure),
            // Only a connection that lay idle can be stale, and this one did not.
            Handover::Stale => AttemptOutcome::Released,
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn deadline_ms(&self) -> u64 {
        Budget::total_ms(self.config.timeout_ms)
    }

    async fn send(&self, message: &OutgoingMessage) -> AttemptOutcome {
        let outcome = self.deliver(message).await;
        if let AttemptOutcome::NotAccepted(failure) = &outcome {
            let (id, cause, host) = (message.notification_id, &failure.cause, self.config.host.as_str());
            match failure.class {
                FailureClass::Unknown => {
                    tracing::warn!(notification_id = %id, %cause, host, "mail server may have taken the message");
                }
                FailureClass::Retryable | FailureClass::Permanent => {
                    tracing::info!(notification_id = %id, %cause, host, "mail server did not take the message");
                }
            }
        }
        outcome
    }
}

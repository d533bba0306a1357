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
use postrider_core::ports::mailer::{Mailer, OutgoingMessage, Stop};

pub use config::{Credentials, SmtpConfig, SmtpConfigError, TlsMode};

use budget::Budget;
use connection::Connection;
use pool::{Pool, Slot};
use tls::Tls;
use transaction::{Handover, NotReady};

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

    /// Goes as far as a message would be announced, and says goodbye: connects, greets, begins TLS and signs in, as
    /// configured. Nothing is sent.
    ///
    /// # Errors
    /// How far it came, and why no further.
    pub async fn look(&self) -> Result<(), Failure> {
        let budget = Budget::start(self.config.timeout_ms);
        let connection = Connection::open(&self.config, self.tls.as_ref(), &budget).await?;
        pool::quit(connection).await;
        Ok(())
    }

    async fn deliver(&self, message: &OutgoingMessage, stop: Stop<'_>) -> AttemptOutcome {
        let budget = Budget::start(self.config.timeout_ms);
        // Until content is written nothing has been handed over: dropping the conversation gives the message back.
        let ready = tokio::select! {
            biased;
            ready = self.prepare(message, &budget) => ready,
            () = &mut *stop => return AttemptOutcome::Released,
        };
        let (mut connection, _slot) = match ready {
            Ok(ready) => ready,
            Err(outcome) => return outcome,
        };
        // The final dot is the last of what is written. A server that has not got it has not taken the message.
        let written = tokio::select! {
            biased;
            () = &mut *stop => return AttemptOutcome::Released,
            written = connection.write_content(&budget) => written,
        };
        let handover = match written {
            Ok(()) => connection.await_verdict(&budget).await,
            Err(failure) => Handover::Failed(failure),
        };
        self.conclude(connection, handover).await
    }

    /// A connection on which the server waits for the content of `message`, or what came of the message instead.
    async fn prepare(
        &self,
        message: &OutgoingMessage,
        budget: &Budget,
    ) -> Result<(Connection, Slot<'_>), AttemptOutcome> {
        // Whoever gets no connection has tried nothing yet.
        let Some(Some(slot)) = budget.bound(self.pool.slot()).await else {
            return Err(AttemptOutcome::Released);
        };
        if let Some(mut idle) = self.pool.take_idle().await {
            match idle.announce(message, budget).await {
                Ok(()) => return Ok((idle, slot)),
                Err(NotReady::Stale) => {}
                Err(NotReady::Failed(failure)) => {
                    return Err(self.conclude(idle, Handover::Failed(failure)).await);
                }
            }
        }
        let mut fresh = Connection::open(&self.config, self.tls.as_ref(), budget)
            .await
            .map_err(AttemptOutcome::NotAccepted)?;
        match fresh.announce(message, budget).await {
            Ok(()) => Ok((fresh, slot)),
            Err(NotReady::Failed(failure)) => Err(self.conclude(fresh, Handover::Failed(failure)).await),
            // Only a connection that lay idle can be stale, and this one did not.
            Err(NotReady::Stale) => Err(AttemptOutcome::Released),
        }
    }

    async fn conclude(&self, connection: Connection, handover: Handover) -> AttemptOutcome {
        self.pool.put_back(connection).await;
        match handover {
            Handover::Accepted(words) => AttemptOutcome::Accepted { words },
            Handover::Failed(failure) => AttemptOutcome::NotAccepted(failure),
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

    async fn close(&self) {
        self.pool.close().await;
    }

    async fn send(&self, message: &OutgoingMessage, stop: Stop<'_>) -> AttemptOutcome {
        let outcome = self.deliver(message, stop).await;
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

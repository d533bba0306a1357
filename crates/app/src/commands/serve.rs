//! `postrider serve`.

use std::io::Write as _;

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::config::{MailerSettings, Settings};
use crate::logging;
use crate::runtime::Server;

/// Runs the server until SIGTERM or SIGINT.
///
/// # Errors
/// If it cannot start, or the ledger can no longer be trusted.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    logging::start();
    let no_signals = |error: std::io::Error| Failure::new(format!("signals cannot be received: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut server = Server::start(settings).await.map_err(|error| Failure::new(error.to_string()))?;
    greet(settings, &server);
    let failed = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        reason = server.failed() => Some(reason),
    };
    tracing::info!("stopping");
    server.stop().await;
    match failed {
        None => Ok(()),
        Some(reason) => {
            Err(Failure::new(format!("stopped because the ledger can no longer be trusted: {reason}")))
        }
    }
}

fn greet(settings: &Settings, server: &Server) {
    let url = format!("http://{}", server.address);
    let mailer = match &settings.mailer {
        MailerSettings::Outbox => {
            format!(
                "outbox: messages are captured in {}, nothing is sent",
                settings.data_dir.join("outbox").display()
            )
        }
        MailerSettings::Smtp(smtp) => format!("smtp: {}:{}", smtp.host, smtp.port),
    };
    let greeting = format!(
        "postrider {version} listens on {url}\n\
         \x20 ledger     {ledger}\n\
         \x20 mailer     {mailer}\n\
         \x20 dashboard  {url}/\n\
         \x20 no API key exists: everybody on this machine may send and read\n",
        version = env!("CARGO_PKG_VERSION"),
        ledger = settings.ledger_path.display(),
    );
    // Whoever closed standard output does not want to read it.
    let _ = std::io::stdout().write_all(greeting.as_bytes());
    let _ = std::io::stdout().flush();
    if settings.sender.is_default && matches!(settings.mailer, MailerSettings::Smtp(_)) {
        tracing::warn!("sender.from is not set: messages name an example address as their sender");
    }
    tracing::info!(url, "listening");
}

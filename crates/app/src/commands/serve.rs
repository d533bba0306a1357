//! `postrider serve`.

use std::io::Write as _;
use std::time::Duration;

use postrider_core::limits::STOP_MS_MAX;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failure;
use crate::runtime::Server;
use crate::{ledger, logging};
use postrider_environment::config::{MailerSettings, Settings};
use postrider_environment::mailer;

/// Runs the server until SIGTERM or SIGINT. SIGHUP reads the notification types again.
///
/// # Errors
/// If it cannot start, or the ledger can no longer be trusted.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    logging::start();
    let no_signals = |error: std::io::Error| Failure::new(format!("signals cannot be received: {error}"));
    watch_over_the_end().map_err(no_signals)?;
    let told_to_stop = Signals::listen().map_err(no_signals)?.received();
    tokio::pin!(told_to_stop);
    let mut told_to_reload = signal(SignalKind::hangup()).map_err(no_signals)?;
    let mut server = tokio::select! {
        started = Server::start(settings) => started.map_err(|error| Failure::because(&error))?,
        () = &mut told_to_stop => return Ok(()),
    };
    greet(settings, &server);
    let failed = loop {
        tokio::select! {
            () = &mut told_to_stop => break None,
            reason = server.failed() => break Some(reason),
            _ = told_to_reload.recv() => {}
        }
        server.reload_types().await;
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

/// The signals that mean "stop".
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn received(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ends the process [`STOP_MS_MAX`] after it was told to stop, if it is still there: from a thread of its own, because
/// whatever hangs (a log that nobody reads, for one) may have taken all others with it. The ledger's log makes that as
/// safe as any other end.
fn watch_over_the_end() -> std::io::Result<()> {
    let watch = || {
        // Where this fails, so does the same in `run`, which says so.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            if let Ok(signals) = Signals::listen() {
                signals.received().await;
                tokio::time::sleep(Duration::from_millis(STOP_MS_MAX)).await;
                std::process::exit(1);
            }
        });
    };
    std::thread::Builder::new().name("end".to_owned()).spawn(watch).map(drop)
}

fn greet(settings: &Settings, server: &Server) {
    let url = format!("http://{}", server.address);
    let sandbox =
        settings.sandbox.as_ref().map(|sandbox| format!("\x20 sandbox    {}\n", sandbox.describe()));
    if let Some(sandbox) = &settings.sandbox {
        tracing::warn!(sandbox = sandbox.describe(), "the sandbox is on: not everybody gets their messages");
    }
    let greeting = format!(
        "postrider {version} listens on {url}\n\
         \x20 ledger     {ledger}\n\
         \x20 mailer     {mailer}\n\
         {sandbox}\
         \x20 dashboard  {url}/\n\
         \x20 {keys}\n",
        version = env!("CARGO_PKG_VERSION"),
        ledger = ledger::describe(settings),
        mailer = mailer::describe(settings),
        sandbox = sandbox.unwrap_or_default(),
        keys = if server.asks_for_keys {
            "every request needs an API key (`postrider keys list`)"
        } else {
            "no API key exists: everybody on this machine may send and read"
        },
    );
    // Whoever closed standard output does not want to read it.
    let _ = std::io::stdout().write_all(greeting.as_bytes());
    let _ = std::io::stdout().flush();
    if settings.sender.is_default && matches!(settings.mailer, MailerSettings::Smtp(_)) {
        tracing::warn!("sender.from is not set: messages name an example address as their sender");
    }
    tracing::info!(url, "listening");
}

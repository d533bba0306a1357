//! Commands that write files end in order when they are interrupted, and take away what is not finished.

use tokio::signal::unix::{SignalKind, signal};

use crate::commands::Failure;

/// What `work` comes to, unless SIGINT or SIGTERM comes first.
///
/// # Errors
/// If it was interrupted.
pub async fn unless<F: Future>(work: F) -> Result<F::Output, Failure> {
    let no_signals = |error: std::io::Error| Failure::new(format!("signals cannot be received: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    tokio::select! {
        done = work => Ok(done),
        _ = interrupt.recv() => Err(Failure::new("interrupted; nothing is left of what was not finished")),
        _ = terminate.recv() => Err(Failure::new("interrupted; nothing is left of what was not finished")),
    }
}

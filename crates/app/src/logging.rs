//! JSON lines on standard error. `RUST_LOG` chooses the level; `info` otherwise.

use tracing_subscriber::EnvFilter;

/// Starts logging. Called once, by `serve`.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start, as in tests, keeps the first.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        // A log that cannot be written must not stop the mail: the fallback would print the error to the same
        // standard error, and a print that fails there panics.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .try_init();
}

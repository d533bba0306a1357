//! What a function writes: its log, and its metrics as lines of it. Both are JSON, one object a line, on standard output,
//! which Lambda keeps.

use std::io::Write as _;

use postrider_aws::emf::{Measurements, Namespace};
use postrider_core::domain::time::Timestamp;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::invocation::Invocation;
use crate::role::Role;

/// Starts the log. `RUST_LOG` chooses how much it says, as a level or as `target=level,…`, then what the function's logging
/// configuration says; `info` otherwise.
pub fn start_log() {
    let chosen = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"].into_iter().find_map(|name| std::env::var(name).ok());
    let filter = chosen.and_then(|level| level.to_ascii_lowercase().parse::<Targets>().ok());
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        // A log that cannot be written must not stop the mail.
        .log_internal_errors(false)
        .with_writer(std::io::stdout);
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    // A second start, as in tests, keeps the first.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// Writes what was measured. Where nothing was measured nothing is written.
pub fn publish(
    measured: &Measurements,
    namespace: &Namespace,
    now: Timestamp,
    role: Role,
    invocation: &Invocation,
) {
    let properties = [("function", role.as_str()), ("requestId", invocation.request_id.as_str())];
    let mut output = std::io::stdout().lock();
    for line in measured.lines(namespace, now, &properties) {
        // Whoever cannot write metrics has nowhere to say so either.
        let _ = writeln!(output, "{line}");
    }
    let _ = output.flush();
}

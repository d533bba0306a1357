//! What Prometheus reads at `/metrics`. The names are a public contract; no label ever holds a recipient.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::QueueStats;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::Problem;
use crate::state::Api;

/// Counters and histograms of one process, from its start.
pub struct Metrics {
    registry: Registry,
    /// Messages the mailer took.
    pub emails_sent: Counter,
    /// Attempts that failed, for whatever reason.
    pub send_failures: Counter,
    /// Attempts that will be repeated.
    pub retries: Counter,
    /// Attempts whose outcome is unknown.
    pub unknown: Counter,
    /// Notifications that became dead letters.
    pub dead_letters: Counter,
    /// Notifications asked for again with the same business key.
    pub duplicates: Counter,
    /// Events accepted.
    pub events_accepted: Counter,
    /// Seconds from an event's acceptance to its message being handed to the mailer.
    pub send_latency: Histogram,
    /// Seconds from a request's arrival to its event being durable.
    pub accept_latency: Histogram,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("postrider");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let emails_sent = counter("emails_sent", "Messages the mailer took");
        let send_failures = counter("send_failures", "Attempts that failed");
        let retries = counter("retries", "Attempts that will be repeated");
        let unknown = counter("unknown", "Attempts whose outcome is unknown");
        let dead_letters = counter("dead_letters", "Notifications that became dead letters");
        let duplicates = counter("duplicates", "Notifications asked for again with the same business key");
        let events_accepted = counter("events_accepted", "Events accepted");
        let send_latency = Histogram::new([0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0, 3600.0, 86_400.0]);
        let accept_latency = Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5]);
        registry.register(
            "send_latency_seconds",
            "Event accepted to message handed to the mailer",
            send_latency.clone(),
        );
        registry.register(
            "accept_latency_seconds",
            "Request arrived to event durable",
            accept_latency.clone(),
        );
        Self {
            registry,
            emails_sent,
            send_failures,
            retries,
            unknown,
            dead_letters,
            duplicates,
            events_accepted,
            send_latency,
            accept_latency,
        }
    }
}

impl Metrics {
    fn encode(&self, queue: &QueueStats, age_ms: u64) -> String {
        let mut text = String::with_capacity(4096);
        let mut gauges = String::with_capacity(1024);
        // Writing to a String cannot fail.
        let _ = writeln!(
            gauges,
            "# HELP postrider_queue_age_seconds How long the longest due notification has waited."
        );
        let _ = writeln!(gauges, "# TYPE postrider_queue_age_seconds gauge");
        let whole = age_ms / 1000;
        let _ = writeln!(gauges, "postrider_queue_age_seconds {whole}.{:03}", age_ms % 1000);
        let _ = writeln!(
            gauges,
            "# HELP postrider_notifications Notifications that still ask for something, by status."
        );
        let _ = writeln!(gauges, "# TYPE postrider_notifications gauge");
        const OPEN: [Status; 7] = [
            Status::Queued,
            Status::Sending,
            Status::Deferred,
            Status::Unknown,
            Status::Held,
            Status::Failed,
            Status::Dead,
        ];
        for status in OPEN {
            let count =
                queue.counts.iter().find(|(known, _)| *known == status).map_or(0, |(_, count)| *count);
            let _ = writeln!(gauges, "postrider_notifications{{status=\"{status}\"}} {count}");
        }
        let _ = encode(&mut text, &self.registry);
        // The encoder ends with the end-of-metrics mark; what is read from the ledger goes before it.
        let end = text.rfind("# EOF").unwrap_or(text.len());
        text.insert_str(end, &gauges);
        text
    }
}

/// Everything Prometheus reads.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Metrics in the OpenMetrics text format.", content_type = "application/openmetrics-text")))]
pub async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let now = api.clock.now();
    let queue = api.ledger.queue_stats(now).await?;
    // What a stopping server gave back is due since the epoch, so that it goes first; it has not waited since then.
    let oldest = queue.oldest_due_at.filter(|due| *due > Timestamp::EPOCH);
    let age_ms = oldest.map_or(0, |due| now.ms_since(due));
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], api.metrics.encode(&queue, age_ms)).into_response())
}

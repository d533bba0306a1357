//! What Prometheus reads at `/metrics`. The names are a public contract; no label ever holds a recipient.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::feedback::FeedbackRecorded;
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
    /// Notifications not sent because their recipients are on the suppression list.
    pub suppressed: Counter,
    /// Reports of a delivery.
    pub deliveries: Counter,
    /// Reports of a permanent bounce.
    pub bounces: Counter,
    /// Reports of a bounce that may pass.
    pub soft_bounces: Counter,
    /// Complaints.
    pub complaints: Counter,
    /// Reports about nothing that was sent from here.
    pub feedback_orphans: Counter,
    /// Messages to the SNS endpoint that were refused.
    pub sns_refused: Counter,
    /// Reports that wait for their message to be known under the mail service's id.
    pub feedback_kept: Counter,
    /// Reports that were known already.
    pub feedback_repeated: Counter,
    /// Unknown outcomes that a report settled.
    pub unknown_settled: Counter,
    /// Reports that put their recipient on the suppression list, or said once more why it is there.
    pub suppressions_added: Counter,
    /// Calls of webhooks, each try for itself.
    pub webhook_calls: Counter,
    /// Calls of webhooks that failed, each try for itself.
    pub webhook_failures: Counter,
    /// Calls of webhooks given up after the last try.
    pub webhook_calls_lost: Counter,
    /// Webhooks disabled because they are gone or failed for too long.
    pub webhooks_disabled: Counter,
    /// Events accepted.
    pub events_accepted: Counter,
    /// Seconds from an event's acceptance to its message being handed to the mailer.
    pub send_latency: Histogram,
    /// Seconds from a message being handed to the mailer to the report of its delivery.
    pub delivery_latency: Histogram,
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
        let suppressed = counter("suppressed", "Notifications not sent because of the suppression list");
        let deliveries = counter("deliveries", "Reports of a delivery");
        let bounces = counter("bounces", "Reports of a permanent bounce");
        let soft_bounces = counter("soft_bounces", "Reports of a bounce that may pass");
        let complaints = counter("complaints", "Complaints");
        let feedback_orphans = counter("feedback_orphans", "Reports about nothing that was sent from here");
        let sns_refused = counter("sns_refused", "Messages to the SNS endpoint that were refused");
        let feedback_kept = counter(
            "feedback_kept",
            "Reports that wait for their message to be known under the service's id",
        );
        let feedback_repeated = counter("feedback_repeated", "Reports that were known already");
        let unknown_settled = counter("unknown_settled", "Unknown outcomes that a report settled");
        let suppressions_added =
            counter("suppressions_added", "Reports that put their recipient on the suppression list");
        let webhook_calls = counter("webhook_calls", "Calls of webhooks");
        let webhook_failures = counter("webhook_failures", "Calls of webhooks that failed");
        let webhook_calls_lost =
            counter("webhook_calls_lost", "Calls of webhooks given up after the last try");
        let webhooks_disabled =
            counter("webhooks_disabled", "Webhooks disabled because they are gone or failed for too long");
        let events_accepted = counter("events_accepted", "Events accepted");
        let send_latency = Histogram::new([0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0, 3600.0, 86_400.0]);
        let delivery_latency =
            Histogram::new([0.5, 2.5, 10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0, 432_000.0]);
        let accept_latency = Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5]);
        registry.register(
            "send_latency_seconds",
            "Event accepted to message handed to the mailer",
            send_latency.clone(),
        );
        registry.register(
            "delivery_latency_seconds",
            "Message handed to the mailer to report of its delivery",
            delivery_latency.clone(),
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
            suppressed,
            deliveries,
            bounces,
            soft_bounces,
            complaints,
            feedback_orphans,
            feedback_kept,
            feedback_repeated,
            sns_refused,
            unknown_settled,
            suppressions_added,
            webhook_calls,
            webhook_failures,
            webhook_calls_lost,
            webhooks_disabled,
            events_accepted,
            send_latency,
            delivery_latency,
            accept_latency,
        }
    }
}

impl Metrics {
    /// Counts what recording a report came to.
    pub fn count_feedback(&self, recorded: &FeedbackRecorded, now: Timestamp) {
        let effect = match recorded {
            FeedbackRecorded::Recorded(effect) => effect,
            FeedbackRecorded::Orphan => {
                self.feedback_orphans.inc();
                return;
            }
            FeedbackRecorded::Repeated(_) => {
                self.feedback_repeated.inc();
                return;
            }
            FeedbackRecorded::Kept => {
                self.feedback_kept.inc();
                return;
            }
            FeedbackRecorded::Dropped(_) => return,
        };
        match effect.kind {
            ReportKind::Delivered => {
                self.deliveries.inc();
                if let Some(sent_at) = effect.sent_at {
                    let ms = u32::try_from(now.ms_since(sent_at)).unwrap_or(u32::MAX);
                    self.delivery_latency.observe(f64::from(ms) / 1000.0);
                }
            }
            ReportKind::Bounced(_) => {
                self.bounces.inc();
            }
            ReportKind::SoftBounced(_) => {
                self.soft_bounces.inc();
            }
            ReportKind::Complained => {
                self.complaints.inc();
            }
            ReportKind::Rejected | ReportKind::RenderingFailed => {
                self.send_failures.inc();
            }
            ReportKind::Accepted
            | ReportKind::Delayed(_)
            | ReportKind::Opened
            | ReportKind::Clicked
            | ReportKind::NotSpam
            | ReportKind::AutoReply
            | ReportKind::Other => {}
        }
        if effect.before == Status::Unknown && effect.status != Status::Unknown {
            self.unknown_settled.inc();
        }
        if effect.suppressed.is_some() {
            self.suppressions_added.inc();
        }
    }

    fn encode(&self, queue: &QueueStats, age_ms: u64, is_on_hold: bool) -> String {
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
        let _ = writeln!(
            gauges,
            "# HELP postrider_budget_hold Whether the month's budget is spent and sending on hold: 1 or 0."
        );
        let _ = writeln!(gauges, "# TYPE postrider_budget_hold gauge");
        let _ = writeln!(gauges, "postrider_budget_hold {}", u8::from(is_on_hold));
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
    let is_on_hold = api.hold.is_on(&*api.ledger, now).await?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], api.metrics.encode(&queue, age_ms, is_on_hold))
        .into_response())
}

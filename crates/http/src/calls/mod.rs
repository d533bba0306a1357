//! One call of a webhook: made, judged, counted. Whoever claimed it records how it ended.

mod body;

use postrider_core::domain::outcome::Cause;
use postrider_core::domain::webhook::DisabledReason;
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::webhooks::{CallOutcome, WebhookCall};
use postrider_webhook::schedule::delay_ms;
use postrider_webhook::{Judgement, OutboundClient, WebhookSecret, judge, signed_headers};

use crate::metrics::Metrics;

/// Everything a call needs besides itself.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The source of jitter.
    pub random: &'a dyn Random,
    /// What is counted.
    pub metrics: &'a Metrics,
}

impl Caller<'_> {
    /// Makes one call and works out what follows. Records nothing.
    pub async fn call(&self, client: &OutboundClient, call: &WebhookCall) -> CallOutcome {
        let judgement = self.make(client, call).await;
        self.metrics.webhook_calls.inc();
        self.outcome(call, judgement)
    }

    async fn make(&self, client: &OutboundClient, call: &WebhookCall) -> Judgement {
        let failed = |cause| Judgement::Failed { cause: Cause::known(cause), retry_after_ms: None };
        let Ok(body) = body::of(call) else { return failed("body_not_made") };
        let secrets: Vec<WebhookSecret> =
            call.secrets.iter().filter_map(|secret| secret.reveal().parse().ok()).collect();
        // A call that nobody can verify is worse than none.
        if secrets.is_empty() {
            return failed("no_secret");
        }
        let headers = signed_headers(&secrets, &call.message_id(), self.clock.now(), &body);
        let Some(headers) = headers else { return failed("not_signed") };
        let called = client.post(call.url.as_str(), headers, body.into()).await;
        judge(&called, self.clock.now())
    }

    fn outcome(&self, call: &WebhookCall, judgement: Judgement) -> CallOutcome {
        let (webhook_id, message_id, attempt) = (call.webhook, call.message_id(), call.attempt);
        let (cause, retry_after_ms) = match judgement {
            Judgement::Delivered => {
                tracing::debug!(%webhook_id, message_id, event = %call.event, attempt, "a webhook was called");
                return CallOutcome::Delivered;
            }
            Judgement::Gone => {
                self.metrics.webhook_failures.inc();
                return CallOutcome::DisableGone;
            }
            Judgement::Failed { cause, retry_after_ms } => (cause, retry_after_ms),
        };
        self.metrics.webhook_failures.inc();
        match delay_ms(attempt, retry_after_ms, self.random.next_u64()) {
            Some(wait_ms) => {
                tracing::warn!(%webhook_id, message_id, event = %call.event, attempt, %cause, wait_ms, "a call of a webhook failed");
                CallOutcome::Retry { until: self.clock.now().plus_ms(wait_ms) }
            }
            None => {
                self.metrics.webhook_calls_lost.inc();
                tracing::error!(
                    %webhook_id, message_id, event = %call.event, attempt, %cause,
                    "a call of a webhook failed for the last time; a replay of that time tells it again"
                );
                CallOutcome::GiveUp
            }
        }
    }

    /// Counts and tells that the end of `call` disabled its endpoint.
    pub fn disabled(&self, call: &WebhookCall, reason: DisabledReason) {
        self.metrics.webhooks_disabled.inc();
        let why = match reason {
            DisabledReason::Gone => "it answered 410 Gone",
            DisabledReason::Failing => "every call has failed for five days",
            DisabledReason::Manual => "a person disabled it",
        };
        tracing::error!(
            webhook_id = %call.webhook, reason = reason.as_str(),
            "a webhook was disabled because {why}. What it would have heard waits 30 days: put its receiver right and \
             enable it (PATCH /v1/webhooks/{}), or delete it",
            call.webhook
        );
    }
}

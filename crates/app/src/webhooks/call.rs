//! One call: made, judged, recorded.

use std::time::Duration;

use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{CallFinished, CallOutcome, FinishCall, WebhookCall};
use postrider_http::calls::Caller;
use postrider_webhook::OutboundClient;

use super::Webhooks;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Webhooks {
    /// Makes one call and records how it ended. Tells whether that disabled its endpoint.
    pub(super) async fn call(&self, client: &OutboundClient, call: &WebhookCall) -> bool {
        let outcome = self.caller().call(client, call).await;
        self.record(call, outcome).await
    }

    fn caller(&self) -> Caller<'_> {
        Caller { clock: &*self.clock, random: &*self.random, metrics: &self.metrics }
    }

    /// Records the end of a call. Repeats while the ledger has no room; the number of calls on their way bounds how many
    /// can wait here.
    async fn record(&self, call: &WebhookCall, outcome: CallOutcome) -> bool {
        let (webhook, change, attempt) = (call.webhook, call.change, call.attempt);
        let finish = FinishCall { webhook, change, attempt, outcome, now: self.clock.now() };
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ledger.finish_call(finish).await {
                Ok(CallFinished::Recorded { disabled }) => {
                    if let Some(reason) = disabled {
                        self.caller().disabled(call, reason);
                    }
                    return disabled.is_some();
                }
                // Changed, deleted or claimed again meanwhile. The receiver may hear of it twice, under the same id.
                Ok(CallFinished::Stale) => return false,
                Err(LedgerError::Unavailable { reason }) => {
                    tracing::error!(webhook_id = %webhook, reason, "the end of a webhook's call waits to be recorded");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(LedgerError::Fatal { reason }) => {
                    self.fatal.send_replace(Some(reason));
                    return false;
                }
            }
        }
    }
}

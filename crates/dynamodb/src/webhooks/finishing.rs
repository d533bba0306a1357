//! Recording the end of a call's try.

use postrider_core::domain::id::NotificationId;
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{CallFinished, CallOutcome, FinishCall};

use super::change::shard_of;
use super::endpoint::Endpoint;
use super::feed::read_feed;
use super::line::Line;
use crate::context::Context;
use crate::work::{Step, Work};

/// [`finish_call`](postrider_core::ports::webhooks::WebhookLedger::finish_call).
pub(super) struct FinishingCall(pub(super) FinishCall);

impl Step for FinishingCall {
    type Output = CallFinished;

    async fn run(&self, work: &mut Work<'_>) -> Result<CallFinished, LedgerError> {
        let FinishCall { webhook, change, attempt, outcome, now } = self.0;
        let Some(mut endpoint) = Endpoint::load(work, webhook).await? else {
            return Ok(CallFinished::Stale);
        };
        let Some(notification) = notification_of(work.context, &endpoint, change).await? else {
            return Ok(CallFinished::Stale);
        };
        let mut line = Line::load(work, &endpoint, notification).await?;
        let Some(call) = line.call_mut(change).filter(|call| call.attempts == attempt && attempt > 0) else {
            return Ok(CallFinished::Stale);
        };
        call.in_hand = false;
        endpoint.in_hand.retain(|call| call.n != change);
        let disabled = match outcome {
            CallOutcome::Delivered => {
                line.remove(change);
                let waiting = endpoint.webhook.succeeded(now);
                endpoint.heed(waiting);
                None
            }
            CallOutcome::Retry { until } => {
                call.due_at = until;
                endpoint.webhook.failed(now)
            }
            CallOutcome::GiveUp => {
                line.remove(change);
                endpoint.webhook.lost_calls += 1;
                endpoint.webhook.failed(now)
            }
            CallOutcome::DisableGone => {
                call.due_at = now;
                endpoint.webhook.gone(now)
            }
        };
        line.save(work, &mut endpoint);
        endpoint.save(work);
        Ok(CallFinished::Recorded { disabled })
    }
}

/// Which notification the change `n` is about. Of a call that is on its way the endpoint knows; of one whose claim has
/// lapsed, the feed.
async fn notification_of(
    context: &Context,
    endpoint: &Endpoint,
    n: u64,
) -> Result<Option<NotificationId>, LedgerError> {
    if let Some(call) = endpoint.in_hand.iter().find(|call| call.n == n) {
        return Ok(Some(call.notification));
    }
    let found = read_feed(context, shard_of(n), (n, n), 1, |_| true).await?;
    Ok(found.first().map(|numbered| numbered.change.notification))
}

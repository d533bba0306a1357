//! Recording the end of a call's try.

use postrider_core::domain::webhook::Waiting;
use postrider_core::ports::webhooks::{CallFinished, CallOutcome, FinishCall};

use super::webhook_queue::{find, put_back, remove};
use super::{WriteStep, Writing};
use crate::queries::load_webhook;

/// [`finish_call`](postrider_core::ports::webhooks::WebhookLedger::finish_call).
pub(crate) struct FinishingCall(pub(crate) FinishCall);

impl WriteStep for FinishingCall {
    type Output = CallFinished;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<CallFinished> {
        let FinishCall { webhook, change, attempt, outcome, now } = self.0;
        let Some(mut stored) = load_webhook(writing.connection, webhook)? else {
            return Ok(CallFinished::Stale);
        };
        let change_n = i64::try_from(change).unwrap_or(i64::MAX);
        let call = match find(writing, stored.seq, change_n)? {
            Some(call) if call.attempts == attempt && attempt > 0 => call,
            _ => return Ok(CallFinished::Stale),
        };
        let disabled = match outcome {
            CallOutcome::Delivered => {
                remove(writing, &mut stored, change_n)?;
                stored.hasten |= stored.webhook.succeeded(now) == Waiting::Hasten;
                None
            }
            CallOutcome::Retry { until } => {
                put_back(writing, call, until)?;
                stored.webhook.failed(now)
            }
            CallOutcome::GiveUp => {
                remove(writing, &mut stored, change_n)?;
                stored.webhook.lost_calls += 1;
                stored.webhook.failed(now)
            }
            CallOutcome::DisableGone => {
                put_back(writing, call, now)?;
                stored.webhook.gone(now)
            }
        };
        writing.store_webhook(&stored)?;
        Ok(CallFinished::Recorded { disabled })
    }
}

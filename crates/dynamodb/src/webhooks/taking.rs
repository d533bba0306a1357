//! Taking calls in hand.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{ClaimCalls, WebhookCall};

use super::endpoint::{Endpoint, InHand};
use super::line::Line;
use crate::keys::notification;
use crate::work::Work;

/// A line that may be claimed from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DueLine {
    pub(super) at: Timestamp,
    pub(super) n: u64,
    pub(super) notification: NotificationId,
}

/// A claimed call with its rank among those of its endpoint that are on their way, and when it was due.
pub(super) type Ranked = (usize, Timestamp, WebhookCall);

/// What was taken in hand.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) calls: Vec<Ranked>,
    /// Whether there was a call about a notification that is not there any more.
    pub(super) is_any_gone: bool,
}

/// How many more calls of the endpoint may be on their way.
pub(super) fn places(endpoint: &Endpoint, request: ClaimCalls) -> usize {
    request.per_endpoint.saturating_sub(endpoint.in_hand.len())
}

/// Takes the first call of each line in hand for its next try; all of them wait. The endpoint must still be saved.
pub(super) async fn take(
    work: &mut Work<'_>,
    endpoint: &mut Endpoint,
    lines: Vec<(DueLine, Line)>,
    request: ClaimCalls,
) -> Result<Taken, LedgerError> {
    let ClaimCalls { now, lease_until, .. } = request;
    let notifications: Vec<_> = lines.iter().map(|(due, _)| notification(due.notification)).collect();
    if !notifications.is_empty() {
        work.read_all(&notifications).await?;
    }
    let mut taken = Taken::default();
    for (due, mut line) in lines {
        match (work.record(due.notification).await?, line.first_waiting_mut()) {
            (Some(record), Some(call)) => {
                call.attempts = call.attempts.saturating_add(1);
                call.in_hand = true;
                call.due_at = lease_until;
                let told = WebhookCall {
                    webhook: endpoint.webhook.id,
                    url: endpoint.webhook.url.clone(),
                    secrets: endpoint.webhook.secrets_at(now),
                    change: call.n,
                    attempt: call.attempts,
                    event: call.change.event,
                    at: call.change.at(),
                    status: call.change.status,
                    entry: if record.notification.lifecycle.erased {
                        // What was fanned out while the words were being forgotten may still have them.
                        TimelineEntry { words: None, ..call.change.entry.clone() }
                    } else {
                        call.change.entry.clone()
                    },
                    notification: record.notification,
                };
                taken.calls.push((endpoint.in_hand.len(), due.at, told));
                let notification = due.notification;
                endpoint.in_hand.push(InHand { n: call.n, notification, until: lease_until });
            }
            _ => {
                // What it tells of is no longer there: the notification was removed.
                line.calls.clear();
                taken.is_any_gone = true;
            }
        }
        line.save(work, endpoint);
    }
    Ok(taken)
}

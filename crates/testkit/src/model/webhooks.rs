//! Random lives of endpoints.

use std::sync::Arc;

use crate::contract::feedback::report;
use crate::contract::scene::{Scene, recipient_rules, sure};
use crate::contract::webhooks::{new_webhook, webhook_id};
use crate::memory_ledger::MemoryLedger;
use crate::model::Freedom;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Reference, ReportKind};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{WebhookChange, WebhookEvent};
use postrider_core::limits::WEBHOOK_FEED_MS_MAX;
use postrider_core::ports::feedback::Feedback;
use postrider_core::ports::ledger::{ClaimDue, Ledger};
use postrider_core::ports::webhooks::{CallOutcome, ClaimCalls, FinishCall, Replay, WebhookCall};
use proptest::prelude::*;
use proptest::sample::select;

/// One step; numbers choose among the things at hand when it is carried out.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "what a field is for is said where the step is carried out")]
pub enum Move {
    Create { webhook: u8, filter: u8 },
    Delete { webhook: u8 },
    Update { webhook: u8, filter: Option<u8>, enabled: Option<bool> },
    Send,
    Report { notification: usize, kind: u8, name: u8 },
    Claim { limit: usize, per_endpoint: usize, lease_ms: u64 },
    Finish { call: usize, outcome: u8, delay_ms: u64 },
    Replay { webhook: u8, since_ms: u64, length_ms: u64 },
    Wait { ms: u64 },
}

const WAITS_MS: [u64; 6] = [1, 500, 60_000, 60 * 60_000, 24 * 60 * 60_000, WEBHOOK_FEED_MS_MAX / 4];

/// Sequences of up to a hundred steps.
pub fn moves() -> impl Strategy<Value = Vec<Move>> {
    let step = prop_oneof![
        3 => (0u8..3, 0u8..3).prop_map(|(webhook, filter)| Move::Create { webhook, filter }),
        1 => (0u8..3).prop_map(|webhook| Move::Delete { webhook }),
        2 => (0u8..3, proptest::option::of(0u8..3), any::<Option<bool>>())
            .prop_map(|(webhook, filter, enabled)| Move::Update { webhook, filter, enabled }),
        4 => Just(Move::Send),
        6 => (any::<usize>(), 0u8..4, any::<u8>())
            .prop_map(|(notification, kind, name)| Move::Report { notification, kind, name }),
        8 => (0usize..6, 0usize..4, select(vec![10u64, 60_000]))
            .prop_map(|(limit, per_endpoint, lease_ms)| Move::Claim { limit, per_endpoint, lease_ms }),
        10 => (any::<usize>(), 0u8..8, select(WAITS_MS.to_vec()))
            .prop_map(|(call, outcome, delay_ms)| Move::Finish { call, outcome, delay_ms }),
        2 => (0u8..3, select(WAITS_MS.to_vec()), select(WAITS_MS.to_vec()))
            .prop_map(|(webhook, since_ms, length_ms)| Move::Replay { webhook, since_ms, length_ms }),
        4 => select(WAITS_MS.to_vec()).prop_map(|ms| Move::Wait { ms }),
    ];
    proptest::collection::vec(step, 1..100)
}

fn filter(choice: u8) -> &'static [WebhookEvent] {
    match choice {
        0 => &[],
        1 => &[WebhookEvent::Sent, WebhookEvent::Complained],
        _ => &[WebhookEvent::Delivered, WebhookEvent::Opened],
    }
}

/// The calls, but for what names their changes.
fn without_numbers(calls: &[WebhookCall]) -> Vec<WebhookCall> {
    calls.iter().map(|call| WebhookCall { change: 0, ..call.clone() }).collect()
}

/// Carries `moves` out on a ledger in memory and on `other`, which is empty, and compares every answer, and after every
/// step what is known about the endpoints.
///
/// # Panics
/// Where they differ by more than `other` is free to.
pub async fn play(other: Arc<dyn Ledger>, moves: Vec<Move>, freedom: Freedom) {
    let scene = Scene::new(Arc::new(MemoryLedger::new(recipient_rules())));
    let mut pair = Pair { scene, other, freedom, ids: Vec::new(), calls: Vec::new() };
    for step in moves {
        pair.play(step).await;
    }
}

struct Pair {
    scene: Scene,
    other: Arc<dyn Ledger>,
    freedom: Freedom,
    ids: Vec<NotificationId>,
    /// Each as the two ledgers tell it.
    calls: Vec<(WebhookCall, WebhookCall)>,
}

impl Pair {
    async fn play(&mut self, step: Move) {
        if self.freedom.numbers_changes {
            // Changes of one instant have no order then.
            self.scene.clock.advance_ms(1);
        }
        let now = self.scene.now();
        let (memory, other) = (Arc::clone(&self.scene.ledger), Arc::clone(&self.other));
        match step {
            Move::Create { webhook, filter: choice } => {
                let new = new_webhook(&self.scene, u128::from(webhook), filter(choice));
                assert_eq!(other.create_webhook(new.clone()).await, memory.create_webhook(new).await);
            }
            Move::Delete { webhook } => {
                let id = webhook_id(u128::from(webhook));
                assert_eq!(other.delete_webhook(id).await, memory.delete_webhook(id).await);
            }
            Move::Update { webhook, filter: choice, enabled } => {
                let id = webhook_id(u128::from(webhook));
                let events = choice.map(|choice| filter(choice).iter().copied().collect());
                let change = WebhookChange { events, enabled, ..WebhookChange::default() };
                assert_eq!(
                    other.update_webhook(id, change.clone(), now).await,
                    memory.update_webhook(id, change, now).await
                );
            }
            Move::Send => self.send().await,
            Move::Report { notification, kind, name } => {
                if self.ids.is_empty() {
                    return;
                }
                let kind =
                    [ReportKind::Delivered, ReportKind::Complained, ReportKind::Opened, ReportKind::Accepted]
                        [usize::from(kind)];
                let mut report = report(kind, "");
                report.fingerprint = Fingerprint::of_parts(&[&[name]]);
                let id = self.ids[notification % self.ids.len()];
                let feedback = Feedback {
                    references: vec![Reference::Notification(id)],
                    report,
                    may_condemn: true,
                    now,
                };
                assert_eq!(
                    other.record_feedback(feedback.clone()).await,
                    memory.record_feedback(feedback).await
                );
            }
            Move::Claim { limit, per_endpoint, lease_ms } => {
                let request = ClaimCalls { now, lease_until: now.plus_ms(lease_ms), limit, per_endpoint };
                let expected = sure(memory.claim_calls(request).await);
                let claimed = sure(other.claim_calls(request).await);
                assert_eq!(claimed.next_due_at, expected.next_due_at);
                if self.freedom.numbers_changes {
                    assert_eq!(without_numbers(&claimed.calls), without_numbers(&expected.calls));
                } else {
                    assert_eq!(claimed.calls, expected.calls);
                }
                self.calls.extend(expected.calls.into_iter().zip(claimed.calls));
            }
            Move::Finish { call, outcome, delay_ms } => {
                if self.calls.is_empty() {
                    return;
                }
                let (call, own) = &self.calls[call % self.calls.len()];
                let outcome = match outcome {
                    0..=2 => CallOutcome::Delivered,
                    3..=5 => CallOutcome::Retry { until: now.plus_ms(delay_ms) },
                    6 => CallOutcome::GiveUp,
                    _ => CallOutcome::DisableGone,
                };
                let (webhook, change, attempt) = (call.webhook, call.change, call.attempt);
                let finish = FinishCall { webhook, change, attempt, outcome, now };
                let own = FinishCall { change: own.change, ..finish };
                assert_eq!(other.finish_call(own).await, memory.finish_call(finish).await);
            }
            Move::Replay { webhook, since_ms, length_ms } => {
                let since = self.scene.now().as_millis().saturating_sub_unsigned(since_ms);
                let since = Timestamp::from_millis(since);
                let until = since.plus_ms(length_ms);
                let webhook = webhook_id(u128::from(webhook));
                let replay = Replay { webhook, since, until, after: None, now };
                // A step of either sees all that is kept here.
                assert_eq!(other.replay_webhook(replay).await, memory.replay_webhook(replay).await);
            }
            Move::Wait { ms } => self.scene.clock.advance_ms(ms),
        }
        assert_eq!(self.other.webhooks().await, memory.webhooks().await);
    }

    async fn send(&mut self) {
        let now = self.scene.now();
        let (memory, other) = (Arc::clone(&self.scene.ledger), Arc::clone(&self.other));
        let acceptance = self.scene.acceptance(&self.ids.len().to_string());
        self.ids.push(acceptance.notifications[0].0);
        assert_eq!(other.accept(acceptance.clone()).await, memory.accept(acceptance).await);
        let request = ClaimDue { now, lease_until: now.plus_ms(1_000), limit: 10 };
        let expected = memory.claim_due(request).await;
        assert_eq!(other.claim_due(request).await, expected);
        for claim in sure(expected).claims {
            let finish = self.scene.report(&claim, Verdict::Sent);
            assert_eq!(other.finish_attempt(finish.clone()).await, memory.finish_attempt(finish).await);
        }
    }
}

//! Random lives of endpoints, carried out side by side by the ledger in memory and the one in DynamoDB, over a table in
//! memory: every answer is compared, and so is what is known about the endpoints after every step. Only the numbers of
//! changes are each ledger's own; they must rise alike.

#![expect(clippy::expect_used, reason = "a model that cannot be set up has failed")]

use std::sync::Arc;

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Reference, ReportKind};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::webhook::{WebhookChange, WebhookEvent};
use postrider_core::limits::WEBHOOK_FEED_MS_MAX;
use postrider_core::ports::feedback::{Feedback, FeedbackLedger as _};
use postrider_core::ports::ledger::{ClaimDue, Ledger as _};
use postrider_core::ports::webhooks::{
    CallOutcome, ClaimCalls, FinishCall, Replay, WebhookCall, WebhookLedger as _,
};
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::feedback::report;
use postrider_testkit::contract::scene::{Scene, recipient_rules};
use postrider_testkit::contract::webhooks::{new_webhook, webhook_id};
use postrider_testkit::memory_ledger::MemoryLedger;
use postrider_testkit::random::SeededRandom;
use proptest::prelude::*;
use proptest::sample::select;

/// One step; numbers choose among the things at hand when it is carried out.
#[derive(Clone, Debug)]
enum Move {
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

fn moves() -> impl Strategy<Value = Vec<Move>> {
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

struct Pair {
    scene: Scene,
    dynamodb: DynamoLedger,
    ids: Vec<NotificationId>,
    /// Each as the two ledgers tell it.
    calls: Vec<(WebhookCall, WebhookCall)>,
}

impl Pair {
    async fn play(&mut self, step: Move) {
        // Changes of one instant have no order among shards.
        self.scene.clock.advance_ms(1);
        let now = self.scene.now();
        let (memory, dynamodb) = (Arc::clone(&self.scene.ledger), &self.dynamodb);
        match step {
            Move::Create { webhook, filter: choice } => {
                let new = new_webhook(&self.scene, u128::from(webhook), filter(choice));
                assert_eq!(dynamodb.create_webhook(new.clone()).await, memory.create_webhook(new).await);
            }
            Move::Delete { webhook } => {
                let id = webhook_id(u128::from(webhook));
                assert_eq!(dynamodb.delete_webhook(id).await, memory.delete_webhook(id).await);
            }
            Move::Update { webhook, filter: choice, enabled } => {
                let id = webhook_id(u128::from(webhook));
                let events = choice.map(|choice| filter(choice).iter().copied().collect());
                let change = WebhookChange { events, enabled, ..WebhookChange::default() };
                assert_eq!(
                    dynamodb.update_webhook(id, change.clone(), now).await,
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
                    dynamodb.record_feedback(feedback.clone()).await,
                    memory.record_feedback(feedback).await
                );
            }
            Move::Claim { limit, per_endpoint, lease_ms } => {
                let request = ClaimCalls { now, lease_until: now.plus_ms(lease_ms), limit, per_endpoint };
                let expected = memory.claim_calls(request).await.expect("memory never fails");
                let claimed = dynamodb.claim_calls(request).await.expect("the table never fails");
                assert_eq!(claimed.next_due_at, expected.next_due_at);
                assert_eq!(without_numbers(&claimed.calls), without_numbers(&expected.calls));
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
                assert_eq!(dynamodb.finish_call(own).await, memory.finish_call(finish).await);
            }
            Move::Replay { webhook, since_ms, length_ms } => {
                let since = self.scene.now().as_millis().saturating_sub_unsigned(since_ms);
                let since = postrider_core::domain::time::Timestamp::from_millis(since);
                let until = since.plus_ms(length_ms);
                let webhook = webhook_id(u128::from(webhook));
                let replay = Replay { webhook, since, until, after: None, now };
                // A step of either sees all that is kept here.
                assert_eq!(dynamodb.replay_webhook(replay).await, memory.replay_webhook(replay).await);
            }
            Move::Wait { ms } => self.scene.clock.advance_ms(ms),
        }
        assert_eq!(self.dynamodb.webhooks().await, memory.webhooks().await);
    }

    async fn send(&mut self) {
        let now = self.scene.now();
        let (memory, dynamodb) = (Arc::clone(&self.scene.ledger), &self.dynamodb);
        let acceptance = self.scene.acceptance(&self.ids.len().to_string());
        self.ids.push(acceptance.notifications[0].0);
        assert_eq!(dynamodb.accept(acceptance.clone()).await, memory.accept(acceptance).await);
        let request = ClaimDue { now, lease_until: now.plus_ms(1_000), limit: 10 };
        let expected = memory.claim_due(request).await;
        assert_eq!(dynamodb.claim_due(request).await, expected);
        for claim in expected.expect("memory never fails").claims {
            let finish = self.scene.report(&claim, Verdict::Sent);
            assert_eq!(dynamodb.finish_attempt(finish.clone()).await, memory.finish_attempt(finish).await);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn both_ledgers_tell_endpoints_the_same(moves in moves()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let scene = Scene::new(Arc::new(MemoryLedger::new(recipient_rules())));
        runtime.block_on(async {
            let table = Arc::new(FakeTable::default());
            let (config, random) = (DynamoConfig::new("fake"), Arc::new(SeededRandom::new(7)));
            let dynamodb = DynamoLedger::over(table, &config, recipient_rules(), random).await;
            let dynamodb = dynamodb.expect("an empty table opens");
            let mut pair = Pair { scene, dynamodb, ids: Vec::new(), calls: Vec::new() };
            for step in moves {
                pair.play(step).await;
            }
        });
    }
}

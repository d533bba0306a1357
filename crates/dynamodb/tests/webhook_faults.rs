//! Calls to the table that fail, in every way, while endpoints are told: whoever takes a call tells it, so every change
//! is told to every endpoint exactly once, and those of one notification in their order.

use std::sync::Arc;

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Reference, ReportKind};
use postrider_core::domain::id::{NotificationId, WebhookId};
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::webhook::WebhookEvent;
use postrider_core::ports::feedback::{Feedback, FeedbackLedger as _};
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{CallOutcome, ClaimCalls, FinishCall, WebhookLedger as _};
use postrider_dynamodb::fake::{FakeTable, Faults};
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::feedback::report;
use postrider_testkit::contract::scene::{LEASE_MS, Scene, recipient_rules};
use postrider_testkit::contract::webhooks::endpoint;
use postrider_testkit::random::SeededRandom;

const EVENTS: [WebhookEvent; 3] = [WebhookEvent::Sent, WebhookEvent::Delivered, WebhookEvent::Opened];

/// A call as it was told.
type Told = (WebhookId, NotificationId, WebhookEvent);

#[tokio::test(start_paused = true)]
async fn whatever_fails_everything_is_told_once_and_in_order() {
    for seed in 0..300 {
        let table = Arc::new(FakeTable::default());
        let (config, random) = (DynamoConfig::new("fake"), Arc::new(SeededRandom::new(seed)));
        let opened = DynamoLedger::over(Arc::clone(&table) as _, &config, recipient_rules(), random).await;
        let ledger = Arc::new(opened.expect("an empty table opens"));
        let scene = Scene::new(Arc::clone(&ledger) as _);
        let endpoints = [endpoint(&scene, 1, &[]).await, endpoint(&scene, 2, &[]).await];
        let mut ids = Vec::new();
        for order in ["1", "2", "3"] {
            ids.push(scene.post_and_finish(order, Verdict::Sent).await);
        }
        table.set_faults(Faults::at_random(Arc::new(SeededRandom::new(seed)), 4));
        for kind in [ReportKind::Delivered, ReportKind::Opened] {
            for id in &ids {
                take(&ledger, &scene, *id, kind).await;
            }
        }
        let told = tell_all(&ledger, &scene).await;
        table.set_faults(Faults::none());
        for webhook in endpoints {
            for id in &ids {
                let own = told.iter().filter(|told| (told.0, told.1) == (webhook, *id));
                assert_eq!(own.map(|told| told.2).collect::<Vec<_>>(), EVENTS, "seed {seed}");
            }
            let webhook = ledger.webhook(webhook).await.expect("found").expect("it is there");
            assert_eq!((webhook.pending_calls, webhook.lost_calls), (0, 0), "seed {seed}");
        }
    }
}

/// Records a report, asking again until it is answered.
async fn take(ledger: &DynamoLedger, scene: &Scene, id: NotificationId, kind: ReportKind) {
    let name = format!("{kind:?} {id}");
    let mut report = report(kind, "");
    report.fingerprint = Fingerprint::of_parts(&[name.as_bytes()]);
    let references = vec![Reference::Notification(id)];
    let feedback = Feedback { references, report, may_condemn: true, now: scene.now() };
    insist(async || ledger.record_feedback(feedback.clone()).await).await;
}

/// Claims and tells until nothing waits any more. Claims nobody heard of lapse.
async fn tell_all(ledger: &DynamoLedger, scene: &Scene) -> Vec<Told> {
    let mut told = Vec::new();
    for _ in 0..1_000 {
        let now = scene.now();
        let request = ClaimCalls { now, lease_until: now.plus_ms(LEASE_MS), limit: 4, per_endpoint: 3 };
        let claimed = insist(async || ledger.claim_calls(request).await).await;
        if claimed.calls.is_empty() {
            let Some(next) = claimed.next_due_at else { return told };
            scene.clock.advance_ms(next.ms_since(now));
        }
        for call in claimed.calls {
            told.push((call.webhook, call.notification.id, call.event));
            let (webhook, change, attempt) = (call.webhook, call.change, call.attempt);
            let outcome = CallOutcome::Delivered;
            let finish = FinishCall { webhook, change, attempt, outcome, now };
            insist(async || ledger.finish_call(finish).await).await;
        }
    }
    panic!("the calls do not end");
}

/// Repeats a step until it is answered. Failing is always passing here.
async fn insist<T>(step: impl AsyncFn() -> Result<T, LedgerError>) -> T {
    for _ in 0..100 {
        match step().await {
            Ok(answer) => return answer,
            Err(LedgerError::Unavailable { .. }) => {}
            Err(error @ LedgerError::Fatal { .. }) => panic!("{error}"),
        }
    }
    panic!("it never answers");
}

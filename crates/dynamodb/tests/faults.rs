//! Calls to the table that fail, in every way and at every place: each step happens once or not at all, and one whose
//! answer was lost is recognised as done.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Reference, Report, ReportKind, ReportSource};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::outcome::Words;
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::feedback::{Feedback, FeedbackLedger as _};
use postrider_core::ports::ledger::{
    AcceptResult, Acceptance, Claim, ClaimDue, FinishAttempt, Leases, Ledger as _, LedgerError, Sweep,
};
use postrider_dynamodb::fake::{FakeTable, Fault, Faults};
use postrider_dynamodb::table::Table as _;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::idempotency::idempotency;
use postrider_testkit::contract::scene::{LEASE_MS, Scene, address, recipient_rules};
use postrider_testkit::random::SeededRandom;

const SES_WORDS: &str = "250 Ok 0102018f00000000-11111111-2222-3333-4444-555555555555-000000";
const SES_ID: &str = "0102018f00000000-11111111-2222-3333-4444-555555555555-000000";

async fn open(seed: u64) -> (Arc<FakeTable>, Arc<DynamoLedger>, Scene) {
    let table = Arc::new(FakeTable::default());
    let (config, random) = (DynamoConfig::new("fake"), Arc::new(SeededRandom::new(seed)));
    let opened = DynamoLedger::over(Arc::clone(&table) as _, &config, recipient_rules(), random).await;
    let ledger = Arc::new(opened.expect("an empty table opens"));
    let scene = Scene::new(Arc::clone(&ledger) as _);
    (table, ledger, scene)
}

fn feedback(scene: &Scene, reference: Reference, kind: ReportKind) -> Feedback {
    let name = format!("{kind:?}");
    let report = Report {
        kind,
        status: None,
        diagnostic: Words::new("words"),
        source: ReportSource::Ses,
        occurred_at: None,
        recipient: None,
        fingerprint: Fingerprint::of_parts(&[name.as_bytes()]),
    };
    Feedback { references: vec![reference], report, may_condemn: true, now: scene.now() }
}

/// Everything a ledger does about two orders, one of which bounces for good, step by step; what each step came to.
async fn story(ledger: &DynamoLedger, scene: &Scene) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |step: &dyn std::fmt::Debug| told.push(format!("{step:?}"));
    let lease_until = Some(scene.now().plus_ms(LEASE_MS));
    // One notification: a write by itself.
    let one = Acceptance { lease_until, ..scene.acceptance("1") };
    let accepted = ledger.accept(one).await.expect("accepted");
    let AcceptResult::Accepted(first) = &accepted else { panic!("{accepted:?}") };
    let claim = first.claims.first().expect("claimed at once").clone();
    tell(&accepted);
    // Two, with an answer to remember: a transaction.
    let mut two = Acceptance { idempotency: Some(idempotency("k", "r")), ..scene.acceptance("2") };
    two.notifications.push(scene.plan("shop_copy", "2"));
    tell(&ledger.accept(two.clone()).await.expect("accepted"));
    tell(&ledger.accept(two).await.expect("replayed"));
    scene.clock.advance_ms(10);
    // A report that comes too early, and the end that finds it.
    let early = feedback(scene, Reference::Provider(SES_ID.to_owned()), ReportKind::Delivered);
    tell(&ledger.record_feedback(early).await.expect("kept"));
    let finish = FinishAttempt { words: Words::new(SES_WORDS), ..scene.report(&claim, Verdict::Sent) };
    tell(&ledger.finish_attempt(finish).await.expect("recorded"));
    let id = claim.notification.id;
    let bounce = ReportKind::Bounced(BounceClass::UnknownUser);
    tell(
        &ledger
            .record_feedback(feedback(scene, Reference::Notification(id), bounce))
            .await
            .expect("recorded"),
    );
    // The others are suppressed now.
    let request = ClaimDue { now: scene.now(), lease_until: scene.now().plus_ms(LEASE_MS), limit: 10 };
    tell(&ledger.claim_due(request).await.expect("claimed"));
    let ada = address("ada@example.com");
    tell(&ledger.suppressions_of(ada.clone(), scene.now()).await.expect("listed"));
    tell(&ledger.unsuppress(ada).await.expect("taken off"));
    for each in [id, scene.plan("shop_copy", "2").0] {
        tell(&ledger.find(each).await.expect("found"));
    }
    tell(&ledger.queue_stats(scene.now()).await.expect("counted"));
    told
}

/// One fault at one call changes nothing but the time it takes.
#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_is_made_good() {
    let (table, ledger, scene) = open(1).await;
    let before = table.meter().read().requests;
    let expected = story(&ledger, &scene).await;
    let calls = table.meter().read().requests - before;
    assert!(calls > 40, "the story makes {calls} calls");
    for fault in Fault::ALL {
        for call in 0..calls {
            let (table, ledger, scene) = open(1).await;
            table.set_faults(Faults::planned([(call, fault)]));
            assert_eq!(story(&ledger, &scene).await, expected, "{fault:?} at call {call}");
        }
    }
}

/// Faults again and again: whoever asks until it is answered gets one notification, sent as often as it was claimed,
/// with every report once.
#[tokio::test(start_paused = true)]
async fn whatever_fails_nothing_is_lost_or_done_twice() {
    for seed in 0..1_000 {
        let (table, ledger, scene) = open(seed).await;
        table.set_faults(Faults::at_random(Arc::new(SeededRandom::new(seed)), 3));
        let id = send_until_answered(&ledger, &scene).await;
        for _ in 0..2 {
            insist(async || {
                let report = feedback(&scene, Reference::Notification(id), ReportKind::Delivered);
                ledger.record_feedback(report).await
            })
            .await;
        }
        table.set_faults(Faults::none());
        let record = ledger.find(id).await.expect("found").expect("it is there");
        assert_eq!(record.notification.lifecycle.status, Status::Delivered, "seed {seed}");
        let count = |kind| record.entries.iter().filter(|entry| entry.kind == kind).count();
        assert_eq!((count(TimelineKind::Sent), count(TimelineKind::Delivered)), (1, 1), "seed {seed}");
        let claims = usize::try_from(record.notification.lifecycle.fence).expect("small");
        assert_eq!(claims, 1 + count(TimelineKind::Resent), "seed {seed}");
        assert_eq!(scene.list(Default::default()).await, [id], "seed {seed}");
    }
}

/// Accepts an order, claims and finishes it, asking again until every step is answered.
async fn send_until_answered(ledger: &DynamoLedger, scene: &Scene) -> NotificationId {
    let id = scene.acceptance("1").notifications[0].0;
    let mut claim: Option<Claim> = None;
    let accepted = insist(async || {
        let lease_until = Some(scene.now().plus_ms(LEASE_MS));
        ledger.accept(Acceptance { lease_until, ..scene.acceptance("1") }).await
    })
    .await;
    if let AcceptResult::Accepted(accepted) = accepted {
        claim = accepted.claims.into_iter().next();
    }
    // Nobody heard of the claim: its lease runs out, and it is sent again.
    while claim.is_none() {
        scene.clock.advance_ms(LEASE_MS);
        let now = scene.now();
        let sweep = Sweep {
            now,
            leases: Leases::Expired,
            judge_at: now,
            on_unknown: OnUnknown::Resend,
            max_attempts: 1_000,
            limit: 10,
        };
        insist(async || ledger.sweep(sweep).await).await;
        let request = ClaimDue { now, lease_until: now.plus_ms(LEASE_MS), limit: 10 };
        let claims = insist(async || ledger.claim_due(request).await).await;
        claim = claims.claims.into_iter().next();
    }
    let claim = claim.expect("claimed");
    insist(async || ledger.finish_attempt(scene.report(&claim, Verdict::Sent)).await).await;
    id
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

//! Two processes over one table: what one remembers is never believed against what the other wrote.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::status::Status;
use postrider_core::limits::DYNAMODB_ENDPOINTS_SEEN_MS;
use postrider_core::ports::keys::{KeyCreated, NewKey};
use postrider_core::ports::ledger::{Acceptance, Claim, Finished};
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::feedback::{report, take};
use postrider_testkit::contract::keys::api_key;
use postrider_testkit::contract::scene::{LEASE_MS, Scene, recipient_rules};
use postrider_testkit::contract::webhooks::{claim_with, endpoint};
use postrider_testkit::random::SeededRandom;

/// Two scenes over one table, whose clocks a test moves together.
struct Two {
    one: Scene,
    other: Scene,
}

impl Two {
    async fn new() -> Self {
        let table = Arc::new(FakeTable::default());
        let open = async |seed| {
            let (table, config) = (Arc::clone(&table) as _, DynamoConfig::new("fake"));
            let random = Arc::new(SeededRandom::new(seed));
            let ledger = DynamoLedger::over(table, &config, recipient_rules(), random).await;
            Scene::new(Arc::new(ledger.expect("the table opens")))
        };
        Self { one: open(1).await, other: open(2).await }
    }

    fn advance_ms(&self, ms: u64) {
        self.one.clock.advance_ms(ms);
        self.other.clock.advance_ms(ms);
    }

    /// One accepts an order and claims it at once.
    async fn claimed_by_one(&self, order: &str) -> Claim {
        let lease_until = Some(self.one.now().plus_ms(LEASE_MS));
        let accepted = self.one.accept(Acceptance { lease_until, ..self.one.acceptance(order) }).await;
        accepted.claims.into_iter().next().expect("it is claimed")
    }
}

#[tokio::test]
async fn a_key_that_one_revokes_is_revoked_for_the_other_at_once() {
    let two = Two::new().await;
    let key = api_key(&two.one, 1);
    let new = NewKey { key: key.clone(), only_as_first: true };
    two.one.ledger.create_key(new).await.expect("it is made");
    assert_eq!(two.other.ledger.keys().await, Ok(vec![key.clone()]));
    two.one.ledger.revoke_key(key.id, two.one.now()).await.expect("it is revoked");
    let seen = two.other.ledger.keys().await.expect("they are read");
    assert!(seen.iter().all(|key| !key.is_living()), "{seen:?}");
    let second = NewKey { key: api_key(&two.other, 2), only_as_first: true };
    assert_eq!(two.other.ledger.create_key(second).await, Ok(KeyCreated::NotTheFirst));
}

#[tokio::test]
async fn a_report_that_came_before_the_end_of_the_attempt_stays() {
    let two = Two::new().await;
    let claim = two.claimed_by_one("1").await;
    let id = claim.notification.id;
    take(&two.other, id, report(ReportKind::Delivered, "1")).await;
    assert!(matches!(two.one.finish(&claim, Verdict::Sent).await, Finished::Recorded(Status::Delivered)));
    assert_eq!(two.other.status(id).await, Status::Delivered);
}

#[tokio::test]
async fn who_has_lost_its_claim_changes_nothing() {
    let two = Two::new().await;
    let claim = two.claimed_by_one("1").await;
    two.advance_ms(LEASE_MS + 1);
    two.other.sweep(OnUnknown::Resend).await;
    two.advance_ms(LEASE_MS * 100);
    two.other.sweep(OnUnknown::Resend).await;
    let again = two.other.claim_one().await;
    assert_eq!(again.notification.id, claim.notification.id);
    assert_eq!(two.one.finish(&claim, Verdict::Sent).await, Finished::Stale);
    assert_eq!(two.one.status(claim.notification.id).await, Status::Sending);
    assert!(matches!(two.other.finish(&again, Verdict::Sent).await, Finished::Recorded(Status::Sent)));
}

/// It remembers a claim that is over. Before it says that it is too late, it looks.
#[tokio::test]
async fn what_a_process_remembers_does_not_make_it_refuse() {
    let two = Two::new().await;
    two.claimed_by_one("1").await;
    two.advance_ms(LEASE_MS + 1);
    two.other.sweep(OnUnknown::Resend).await;
    two.advance_ms(LEASE_MS * 100);
    two.other.sweep(OnUnknown::Resend).await;
    let again = two.other.claim_one().await;
    assert!(matches!(two.one.finish(&again, Verdict::Sent).await, Finished::Recorded(Status::Sent)));
}

#[tokio::test]
async fn an_end_that_is_told_twice_counts_once() {
    let two = Two::new().await;
    let claim = two.claimed_by_one("1").await;
    assert!(matches!(two.one.finish(&claim, Verdict::Sent).await, Finished::Recorded(Status::Sent)));
    assert_eq!(two.one.finish(&claim, Verdict::Sent).await, Finished::Stale);
    assert_eq!(two.other.finish(&claim, Verdict::Sent).await, Finished::Stale);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_another_process_made_hears_of_everything_a_second_later() {
    let two = Two::new().await;
    // This process has seen that nobody listens.
    let first = two.claimed_by_one("1").await;
    two.one.finish(&first, Verdict::Sent).await;
    endpoint(&two.other, 1, &[]).await;
    two.advance_ms(DYNAMODB_ENDPOINTS_SEEN_MS);
    let second = two.claimed_by_one("2").await;
    two.one.finish(&second, Verdict::Sent).await;
    let calls = claim_with(&two.other, 10, 10).await.calls;
    assert!(calls.iter().any(|call| call.notification.id == second.notification.id), "{}", calls.len());
}

/// A process that tries for a long time to record one moment must not go by what it saw at its first try.
#[tokio::test(start_paused = true)]
async fn time_passes_also_for_what_happened_at_one_moment() {
    let two = Two::new().await;
    let first = two.claimed_by_one("1").await;
    two.one.finish(&first, Verdict::Sent).await;
    endpoint(&two.other, 1, &[]).await;
    tokio::time::advance(std::time::Duration::from_millis(DYNAMODB_ENDPOINTS_SEEN_MS)).await;
    // By the clock of the test it is the same moment still.
    let second = two.claimed_by_one("2").await;
    two.one.finish(&second, Verdict::Sent).await;
    let calls = claim_with(&two.other, 10, 10).await.calls;
    assert!(calls.iter().any(|call| call.notification.id == second.notification.id), "{}", calls.len());
}

//! The record about money, and what a hold makes of notifications.

use postrider_core::domain::budget::{BudgetRecord, CAUSE_BUDGET};
use postrider_core::domain::lifecycle::{CAUSE_HELD_BY_PERSON, OnUnknown, Verdict};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::limits::BUDGET_LIFTED_MS;
use postrider_core::ports::ledger::{Acceptance, Intervened, Intervention, ListQuery};
use postrider_core::use_cases::budget;

use super::scene::{Scene, sure};

/// Before anybody has counted there is nothing to read, and what is stored is read again.
pub async fn what_is_remembered_comes_back(scene: &Scene) {
    assert_eq!(sure(scene.ledger.budget().await), None);
    let mut record = BudgetRecord::new(scene.now());
    assert!(sure(scene.ledger.store_budget(record.clone(), 0).await));
    let stored = sure(scene.ledger.budget().await).unwrap_or_else(|| panic!("it was stored"));
    assert_eq!(stored.record, record);
    scene.clock.advance_ms(3_600_000);
    record.count(1_000, scene.now());
    assert!(sure(scene.ledger.store_budget(record.clone(), stored.revision).await));
    assert_eq!(sure(scene.ledger.budget().await).map(|stored| stored.record), Some(record));
}

/// Whoever has not seen the last write changes nothing.
pub async fn a_write_that_missed_another_changes_nothing(scene: &Scene) {
    let first = BudgetRecord::new(scene.now());
    let mut other = first.clone();
    scene.clock.advance_ms(1_000);
    other.count(7, scene.now());
    for replaces in [1, 9] {
        assert!(!sure(scene.ledger.store_budget(first.clone(), replaces).await));
    }
    assert!(sure(scene.ledger.store_budget(first.clone(), 0).await));
    let revision = sure(scene.ledger.budget().await).map_or(0, |stored| stored.revision);
    assert!(sure(scene.ledger.store_budget(other.clone(), revision).await));
    for replaces in [0, revision] {
        assert!(!sure(scene.ledger.store_budget(first.clone(), replaces).await));
    }
    assert_eq!(sure(scene.ledger.budget().await).map(|stored| stored.record), Some(other));
}

/// An event that comes while everything is on hold is not lost: it is held, and its timeline says why.
pub async fn what_comes_during_a_hold_is_held_with_its_cause(scene: &Scene) {
    let acceptance = Acceptance { lease_until: Some(scene.now().plus_ms(1_000)), ..on_hold(scene, "1") };
    let accepted = scene.accept(acceptance).await;
    assert_eq!(accepted.claims, []);
    let id = accepted.notifications[0].id;
    assert_eq!(accepted.notifications[0].status, Status::Held);
    let record = sure(scene.ledger.find(id).await).unwrap_or_else(|| panic!("it was accepted"));
    let lifecycle = &record.notification.lifecycle;
    assert_eq!((lifecycle.due_at, lifecycle.cause.clone()), (None, Some(CAUSE_BUDGET)));
    assert_eq!(record.entries.len(), 1);
    assert_eq!(
        (record.entries[0].kind, record.entries[0].cause.clone()),
        (TimelineKind::Held, Some(CAUSE_BUDGET))
    );
    assert_eq!(scene.claim(10).await, []);
    // Neither a sweep nor the same event again touches it.
    scene.clock.advance_ms(100_000_000);
    scene.sweep(OnUnknown::Resend).await;
    assert!(scene.accept(scene.acceptance("1")).await.notifications[0].duplicate);
    assert_eq!(scene.status(id).await, Status::Held);
    let stats = sure(scene.ledger.queue_stats(scene.now()).await);
    assert!(stats.counts.contains(&(Status::Held, 1)), "{stats:?}");
}

/// What is wished for later waits for its time, whatever holds everything now.
pub async fn what_is_wished_for_later_waits_for_its_time(scene: &Scene) {
    let send_at = Some(scene.now().plus_ms(5_000));
    let accepted = scene.accept(Acceptance { send_at, ..on_hold(scene, "1") }).await;
    assert_eq!(accepted.notifications[0].status, Status::Queued);
    scene.clock.advance_ms(5_000);
    assert_eq!(scene.claim_one().await.notification.id, accepted.notifications[0].id);
}

/// What was claimed and may not leave is held, and has cost no attempt.
pub async fn what_is_claimed_during_a_hold_is_held(scene: &Scene) {
    let id = scene.post_and_finish("1", Verdict::Held { cause: CAUSE_BUDGET }).await;
    let lifecycle = scene.notification(id).await.lifecycle;
    assert_eq!((lifecycle.status, lifecycle.due_at, lifecycle.attempts), (Status::Held, None, 0));
    assert_eq!(lifecycle.cause, Some(CAUSE_BUDGET));
    assert_eq!(scene.story(id).await, [TimelineKind::Accepted, TimelineKind::Claimed, TimelineKind::Held]);
    assert_eq!(scene.claim(10).await, []);
}

/// When the hold is over, what it held is queued; what something else holds stays held.
pub async fn only_what_the_hold_held_goes_on(scene: &Scene) {
    let held = scene.accept(on_hold(scene, "1")).await.notifications[0].id;
    let elsewhere = scene.post_and_finish("2", Verdict::Held { cause: Cause::known("reputation") }).await;
    let waiting = scene.post("3").await;
    for (id, status) in [(elsewhere, Status::Held), (waiting, Status::Queued)] {
        assert_eq!(scene.intervene(id, Intervention::Resume).await, Intervened::Forbidden(status));
    }
    assert_eq!(scene.claim_one().await.notification.id, waiting);
    scene.clock.advance_ms(1_000);
    let Intervened::Done(after) = scene.intervene(held, Intervention::Resume).await else {
        panic!("what is held goes on");
    };
    assert_eq!((after.lifecycle.status, after.lifecycle.due_at), (Status::Queued, Some(scene.now())));
    assert_eq!(after.lifecycle.cause, None);
    assert_eq!(scene.intervene(held, Intervention::Resume).await, Intervened::Forbidden(Status::Queued));
    assert_eq!(scene.claim_one().await.notification.id, held);
    let story = [TimelineKind::Accepted, TimelineKind::Held, TimelineKind::Resumed];
    assert_eq!(scene.story(held).await[..3], story);
}

/// A person may send a single one while the hold lasts: its cause stays, by which the sender knows it.
pub async fn a_person_may_retry_what_is_held(scene: &Scene) {
    let id = scene.accept(on_hold(scene, "1")).await.notifications[0].id;
    assert!(matches!(scene.intervene(id, Intervention::Retry).await, Intervened::Done(_)));
    let claim = scene.claim_one().await;
    assert_eq!((claim.notification.id, claim.notification.lifecycle.cause), (id, Some(CAUSE_BUDGET)));
}

/// What a person holds meanwhile does not go by itself when the budget allows it.
pub async fn a_person_may_hold_what_the_budget_holds(scene: &Scene) {
    let id = scene.accept(on_hold(scene, "1")).await.notifications[0].id;
    let Intervened::Done(held) = scene.intervene(id, Intervention::Hold).await else {
        panic!("what the budget holds can be held by a person");
    };
    assert_eq!((held.lifecycle.status, held.lifecycle.cause), (Status::Held, Some(CAUSE_HELD_BY_PERSON)));
    assert_eq!(scene.intervene(id, Intervention::Hold).await, Intervened::Forbidden(Status::Held));
    assert_eq!(scene.intervene(id, Intervention::Resume).await, Intervened::Forbidden(Status::Held));
    assert!(matches!(scene.intervene(id, Intervention::Retry).await, Intervened::Done(_)));
}

/// The oldest are queued first, and so go first: what others of their orders wait for came before them.
pub async fn what_was_held_goes_on_in_the_order_it_came(scene: &Scene) {
    assert!(sure(scene.ledger.store_budget(BudgetRecord::new(scene.now()), 0).await));
    let mut ids = Vec::new();
    for order in ["1", "2", "3"] {
        ids.push(scene.accept(on_hold(scene, order)).await.notifications[0].id);
        scene.clock.advance_ms(1);
    }
    assert_eq!(resume(scene, 60_000).await, 3);
    let claimed: Vec<_> = scene.claim(10).await.into_iter().map(|claim| claim.notification.id).collect();
    assert_eq!(claimed, ids);
}

/// Held ones are found by status and cause, page after page, and queued in bounded steps until none is left.
pub async fn a_hold_that_is_over_lets_everything_go(scene: &Scene) {
    let mut record = BudgetRecord::new(scene.now());
    let turn = record.judge(Some(usd("5")), usd("6"), scene.now());
    assert!(record.is_holding(scene.now()), "{turn:?}");
    assert!(sure(scene.ledger.store_budget(record, 0).await));
    for order in 0..130 {
        scene.accept(on_hold(scene, &order.to_string())).await;
        scene.clock.advance_ms(1);
    }
    let elsewhere = scene.post_and_finish("other", Verdict::Held { cause: Cause::known("reputation") }).await;
    assert!(sure(budget::release(&*scene.ledger, scene.now()).await));
    assert!(!sure(budget::release(&*scene.ledger, scene.now()).await));
    assert_eq!(resume(scene, 60_000).await, 130);
    let query = ListQuery { statuses: vec![Status::Held], ..ListQuery::default() };
    assert_eq!(scene.list(query).await, [elsewhere]);
    // Whoever has seen the hold a moment ago may still hold what comes in.
    let late = scene.accept(on_hold(scene, "late")).await.notifications[0].id;
    scene.clock.advance_ms(59_000);
    assert_eq!(resume(scene, 60_000).await, 1);
    assert_eq!(scene.status(late).await, Status::Queued);
    scene.clock.advance_ms(BUDGET_LIFTED_MS);
    let is_lifting = async || {
        let stored = sure(scene.ledger.budget().await);
        stored.is_some_and(|stored| stored.record.is_lifting(scene.now()))
    };
    assert!(is_lifting().await);
    assert_eq!(resume(scene, 60_000).await, 0);
    assert!(!is_lifting().await);
}

/// Whoever has no time left takes one step, the oldest of a page first, and whoever goes on loses none.
pub async fn a_hold_that_is_over_lets_some_go_at_a_time(scene: &Scene) {
    let mut record = BudgetRecord::new(scene.now());
    record.judge(Some(usd("10")), usd("10"), scene.now());
    assert!(sure(scene.ledger.store_budget(record, 0).await));
    let mut ids = Vec::new();
    for order in 0..5 {
        ids.push(scene.accept(on_hold(scene, &order.to_string())).await.notifications[0].id);
        scene.clock.advance_ms(1);
    }
    assert!(sure(budget::release(&*scene.ledger, scene.now()).await));
    for (step, id) in ids.iter().enumerate() {
        assert_eq!(resume(scene, 0).await, 1);
        assert_eq!(scene.status(*id).await, Status::Queued, "the oldest first");
        let query = ListQuery { statuses: vec![Status::Held], ..ListQuery::default() };
        assert_eq!(scene.list(query).await.len(), 4 - step);
    }
}

/// Of several that count at the same time each is stored once: nothing is counted twice.
pub async fn counts_at_the_same_time_count_once(scene: &Scene) {
    let rates = postrider_core::domain::budget::Rates { email: usd("0.001"), standing_month: usd("0") };
    let now = scene.now();
    sure(budget::keep(&*scene.ledger, 0, rates, None, now).await);
    scene.clock.advance_ms(3_600_000);
    let now = scene.now();
    let keep = || budget::keep(&*scene.ledger, 1_000, rates, None, now);
    let (one, two, three) = tokio::join!(keep(), keep(), keep());
    for result in [one, two, three] {
        assert_eq!(sure(result).account.spending.emails, 1_000);
    }
}

/// Goes on for at most `ms` with what a hold that is over had held.
async fn resume(scene: &Scene, ms: u64) -> usize {
    sure(budget::resume(&*scene.ledger, &scene.clock, scene.now().plus_ms(ms)).await)
}

fn usd(text: &str) -> postrider_core::domain::money::Usd {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn on_hold(scene: &Scene, order: &str) -> Acceptance {
    Acceptance { hold: Some(CAUSE_BUDGET), ..scene.acceptance(order) }
}

//! Claiming due notifications.

use std::collections::HashSet;

use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::notification::Priority;
use postrider_core::domain::status::Status;
use postrider_core::limits::CLAIM_MAX;
use postrider_core::ports::ledger::{Acceptance, ClaimDue, Claims};

use super::scene::{LEASE_MS, Scene, deferred, sure};

/// The order of work: priority first, then who has been due longest.
pub async fn priority_goes_before_age_and_age_before_youth(scene: &Scene) {
    let mut expected = Vec::new();
    for (order, priority) in [
        ("low", Priority::Low),
        ("normal", Priority::Normal),
        ("high", Priority::High),
        ("younger normal", Priority::Normal),
        ("younger high", Priority::High),
    ] {
        let mut acceptance = scene.acceptance(order);
        acceptance.notifications[0].1.priority = priority;
        expected.push((priority, scene.now(), acceptance.notifications[0].0));
        scene.accept(acceptance).await;
        scene.clock.advance_ms(1);
    }
    expected.sort_unstable();
    let claimed: Vec<_> = scene.claim(10).await.into_iter().map(|claim| claim.notification.id).collect();
    assert_eq!(claimed, expected.into_iter().map(|(_, _, id)| id).collect::<Vec<_>>());
}

/// A lease keeps everybody else away, even the same sender.
pub async fn what_is_claimed_is_not_claimed_again(scene: &Scene) {
    scene.post("1").await;
    scene.claim_one().await;
    assert!(scene.claim(10).await.is_empty());
    // Time alone gives nothing back: only a sweep may judge what became of it.
    scene.clock.advance_ms(LEASE_MS * 10);
    assert!(scene.claim(10).await.is_empty());
}

/// The claim shows the notification as it is stored.
pub async fn a_claim_carries_the_lease_and_the_next_fence(scene: &Scene) {
    let id = scene.post("1").await;
    scene.clock.advance_ms(10);
    let claim = scene.claim_one().await;
    let lifecycle = &claim.notification.lifecycle;
    assert_eq!((lifecycle.status, lifecycle.fence, lifecycle.attempts), (Status::Sending, 1, 0));
    assert_eq!(lifecycle.due_at, Some(scene.now().plus_ms(LEASE_MS)));
    assert_eq!(claim.notification.updated_at, scene.now());
    assert_eq!(scene.notification(id).await, claim.notification);
}

/// What lies ahead is not claimed; the answer says when to ask again.
pub async fn what_is_not_due_stays_and_is_announced(scene: &Scene) {
    let later = scene.now().plus_ms(1_000);
    scene.accept(Acceptance { send_at: Some(later), ..scene.acceptance("1") }).await;
    let claims = claim_all(scene).await;
    assert!(claims.claims.is_empty());
    // It may be announced too early, never too late; to have nothing to announce would be too late as well.
    assert!(claims.next_due_at.is_some_and(|next| next <= later));
}

/// The announcement looks at every priority and at what was deferred.
pub async fn what_is_announced_is_the_first_of_any_priority(scene: &Scene) {
    scene.post("deferred").await;
    let claim = scene.claim_one().await;
    let soonest = scene.now().plus_ms(1_000);
    scene.finish(&claim, deferred(soonest)).await;
    for (order, priority, ms) in [("h", Priority::High, 3_000), ("l", Priority::Low, 2_000)] {
        let send_at = Some(scene.now().plus_ms(ms));
        let mut acceptance = Acceptance { send_at, ..scene.acceptance(order) };
        acceptance.notifications[0].1.priority = priority;
        scene.accept(acceptance).await;
    }
    assert!(claim_all(scene).await.next_due_at.is_some_and(|next| next <= soonest));
    scene.clock.advance_ms(1_000);
    let claims = claim_all(scene).await;
    assert_eq!(claims.claims.len(), 1);
    assert!(claims.next_due_at.is_some_and(|next| next <= scene.now().plus_ms(1_000)));
}

/// No more than asked for; what is left waits for the next claim.
pub async fn the_limit_holds_and_the_rest_is_left(scene: &Scene) {
    let mut posted = HashSet::new();
    for order in 0..5 {
        posted.insert(scene.post(&order.to_string()).await);
    }
    let mut claimed = HashSet::new();
    for expected in [2, 2, 1, 0] {
        let claims = scene.claim(2).await;
        assert_eq!(claims.len(), expected);
        claimed.extend(claims.iter().map(|claim| claim.notification.id));
    }
    assert_eq!(claimed, posted);
}

/// Nobody gets more than the product's bound, however much is asked for; nothing due is forgotten.
pub async fn nothing_is_claimed_beyond_the_bound(scene: &Scene) {
    for order in 0..=CLAIM_MAX {
        scene.post(&order.to_string()).await;
    }
    let mut claimed = 0;
    for _ in 0..=CLAIM_MAX {
        let claims = scene.claim(usize::MAX).await;
        assert!(claims.len() <= CLAIM_MAX);
        claimed += claims.len();
        if claims.is_empty() {
            break;
        }
    }
    assert_eq!(claimed, CLAIM_MAX + 1);
}

/// To ask for nothing is allowed, and only announces.
pub async fn a_limit_of_nothing_claims_nothing(scene: &Scene) {
    scene.post("1").await;
    assert!(scene.claim(0).await.is_empty());
    assert_eq!(scene.claim(1).await.len(), 1);
}

/// A deferral is one more wait, then one more claim under the next fence.
pub async fn a_deferred_one_is_claimed_when_its_time_comes(scene: &Scene) {
    let until = scene.now().plus_ms(500);
    let id = scene.post_and_finish("1", deferred(until)).await;
    assert!(scene.claim(1).await.is_empty());
    scene.clock.advance_ms(500);
    let claim = scene.claim_one().await;
    assert_eq!(claim.notification.id, id);
    assert_eq!((claim.notification.lifecycle.fence, claim.notification.lifecycle.attempts), (2, 1));
    scene.finish(&claim, Verdict::Sent).await;
    assert!(scene.claim(1).await.is_empty());
}

/// Nothing waits: nothing is claimed and nothing announced.
pub async fn an_empty_queue_has_nothing_and_announces_nothing(scene: &Scene) {
    assert_eq!(claim_all(scene).await, Claims::default());
    scene.post_and_finish("1", Verdict::Sent).await;
    assert_eq!(claim_all(scene).await, Claims::default());
}

async fn claim_all(scene: &Scene) -> Claims {
    let now = scene.now();
    sure(scene.ledger.claim_due(ClaimDue { now, lease_until: now.plus_ms(LEASE_MS), limit: 100 }).await)
}

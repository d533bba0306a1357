//! Many at once.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::status::Status;
use postrider_core::ports::ledger::{AcceptResult, Acceptance, ClaimDue, Finished, ListQuery};
use tokio::task::JoinSet;

use super::idempotency::idempotency;
use super::scene::{LEASE_MS, Scene, sure};

/// Tasks that race in each case.
const RACERS: usize = 24;

/// Of many acceptances of one order exactly one stores; the others find it.
pub async fn of_many_with_one_key_one_is_stored(scene: &Scene) {
    let acceptances: Vec<_> = (0..RACERS).map(|_| scene.acceptance("1")).collect();
    let results = race(acceptances.into_iter().map(|acceptance| {
        let ledger = Arc::clone(&scene.ledger);
        async move { sure(ledger.accept(acceptance).await) }
    }))
    .await;
    let mut ids = HashSet::new();
    let mut fresh = 0;
    for result in results {
        let AcceptResult::Accepted(accepted) = result else { panic!("{result:?}") };
        ids.insert(accepted.notifications[0].id);
        fresh += usize::from(!accepted.notifications[0].duplicate);
    }
    assert_eq!((ids.len(), fresh), (1, 1));
    assert_eq!(scene.claim(100).await.len(), 1);
}

/// Of many uses of one idempotency key exactly one is accepted, the others get its answer.
pub async fn of_many_under_one_idempotency_key_one_is_accepted(scene: &Scene) {
    let acceptances: Vec<_> = (0..RACERS)
        .map(|racer| {
            let idempotency = Some(idempotency("k", "r"));
            Acceptance { idempotency, ..scene.acceptance(&racer.to_string()) }
        })
        .collect();
    let results = race(acceptances.into_iter().map(|acceptance| {
        let ledger = Arc::clone(&scene.ledger);
        async move { sure(ledger.accept(acceptance).await) }
    }))
    .await;
    let accepted = results.iter().filter(|result| matches!(result, AcceptResult::Accepted(_))).count();
    let replayed = results.iter().filter(|result| matches!(result, AcceptResult::Replayed(_))).count();
    assert_eq!((accepted, replayed), (1, RACERS - 1));
    assert_eq!(scene.list(ListQuery::default()).await.len(), 1);
}

/// Many senders claim at once; each notification goes to one of them.
pub async fn claims_never_overlap(scene: &Scene) {
    for order in 0..100 {
        scene.post(&order.to_string()).await;
    }
    let now = scene.now();
    let request = ClaimDue { now, lease_until: now.plus_ms(LEASE_MS), limit: 7 };
    let claimed = race((0..RACERS).map(|_| {
        let ledger = Arc::clone(&scene.ledger);
        async move { sure(ledger.claim_due(request).await).claims }
    }))
    .await;
    let ids: Vec<_> = claimed.into_iter().flatten().map(|claim| claim.notification.id).collect();
    assert_eq!(ids.len(), 100);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 100);
}

/// Of many reports about one claim the first counts.
pub async fn of_many_reports_one_counts(scene: &Scene) {
    let id = scene.post("1").await;
    let claim = scene.claim_one().await;
    let results = race((0..RACERS).map(|_| {
        let ledger = Arc::clone(&scene.ledger);
        let report = scene.report(&claim, Verdict::Sent);
        async move { sure(ledger.finish_attempt(report).await) }
    }))
    .await;
    let recorded = results.iter().filter(|result| **result == Finished::Recorded(Status::Sent)).count();
    assert_eq!(recorded, 1);
    assert_eq!(scene.story(id).await.len(), 3);
}

/// Accepting, claiming and finishing at once: in the end everything accepted was sent once.
pub async fn nothing_is_lost_under_load(scene: &Scene) {
    const EACH: usize = 20;
    let acceptances: Vec<Vec<_>> = (0..RACERS)
        .map(|racer| (0..EACH).map(|order| scene.acceptance(&format!("{racer}-{order}"))).collect())
        .collect();
    let now = scene.now();
    let sent = race(acceptances.into_iter().map(|acceptances| {
        let ledger = Arc::clone(&scene.ledger);
        async move {
            let mut sent = Vec::new();
            for acceptance in acceptances {
                sure(ledger.accept(acceptance).await);
                let request = ClaimDue { now, lease_until: now.plus_ms(LEASE_MS), limit: 3 };
                for claim in sure(ledger.claim_due(request).await).claims {
                    let report = postrider_core::ports::ledger::FinishAttempt {
                        id: claim.notification.id,
                        fence: claim.notification.lifecycle.fence,
                        claimed_at: now,
                        now,
                        verdict: Verdict::Sent,
                        mailer: "smtp".to_owned(),
                        words: postrider_core::domain::outcome::Words::default(),
                        copy: None,
                        condemns_address: false,
                    };
                    assert_eq!(sure(ledger.finish_attempt(report).await), Finished::Recorded(Status::Sent));
                    sent.push(claim.notification.id);
                }
            }
            sent
        }
    }))
    .await;
    let sent: Vec<_> = sent.into_iter().flatten().collect();
    assert_eq!(sent.len(), RACERS * EACH);
    assert_eq!(sent.iter().collect::<HashSet<_>>().len(), RACERS * EACH);
    assert!(scene.claim(100).await.is_empty());
    let done = ListQuery { statuses: vec![Status::Sent], limit: 100, ..ListQuery::default() };
    assert_eq!(scene.list(done).await.len(), RACERS * EACH);
}

/// Runs all of them at once and collects what they came to.
async fn race<T, F>(racers: impl Iterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut running: JoinSet<T> = racers.collect();
    let mut results = Vec::new();
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok(result) => results.push(result),
            Err(error) => panic!("a racer failed: {error}"),
        }
    }
    results
}

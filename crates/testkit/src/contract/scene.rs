//! The setting of a case: a ledger, a clock held in the hand, and orders to post.

use std::sync::Arc;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::StoredEvent;
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::notification::{BusinessKey, Notification, PlannedNotification, Priority};
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::{Secret, SoftBounceRule};
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::clock::{Clock as _, Random as _};
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::{
    AcceptResult, Acceptance, Accepted, Claim, ClaimDue, FinishAttempt, Finished, Intervened, Intervention,
    Leases, Ledger, LedgerError, ListQuery, Sweep, Swept,
};

use crate::clock::ManualClock;
use crate::random::SeededRandom;

/// How long a claim lasts in the cases.
pub const LEASE_MS: u64 = 60_000;
/// Attempts after which an unknown outcome is held in the cases.
pub const MAX_ATTEMPTS: u32 = 3;
/// How long an unknown outcome waits in the cases.
pub const JUDGE_MS: u64 = 600_000;
/// The type that [`Scene::acceptance`] plans.
pub const CONFIRMATION: &str = "order_confirmation";

/// Everything a case needs.
pub struct Scene {
    /// The ledger under test.
    pub ledger: Arc<dyn Ledger>,
    /// The only clock there is.
    pub clock: ManualClock,
    random: SeededRandom,
}

/// What every ledger under test is told about recipients: three soft bounces within ten seconds suppress for a minute.
#[must_use]
pub fn recipient_rules() -> RecipientRules {
    RecipientRules {
        secret: Secret::new([7; 32]),
        soft_bounces: SoftBounceRule { count: 3, window_ms: 10_000, expiry_ms: 60_000 },
    }
}

/// The value of a step that must not fail.
#[track_caller]
pub fn sure<T>(result: Result<T, LedgerError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the ledger failed: {error}"),
    }
}

/// An address that is one.
#[must_use]
pub fn address(text: &str) -> EmailAddress {
    match EmailAddress::parse(text) {
        Ok(address) => address,
        Err(error) => panic!("{text} is not an address: {error}"),
    }
}

impl Scene {
    /// A scene over a fresh ledger.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, clock: ManualClock::default(), random: SeededRandom::new(7) }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A notification that `order` calls for.
    #[must_use]
    pub fn plan(&self, notification_type: &str, order: &str) -> (NotificationId, PlannedNotification) {
        let plan = PlannedNotification {
            notification_type: notification_type.to_owned(),
            to: address("ada@example.com"),
            order_id: Some(order.to_owned()),
            business_key: BusinessKey::new(notification_type, order),
            priority: Priority::Normal,
            category: Category::TRANSACTIONAL,
        };
        (NotificationId::for_key(self.now(), &recipient_rules().secret, plan.business_key), plan)
    }

    /// An event about `order` that calls for one confirmation.
    #[must_use]
    pub fn acceptance(&self, order: &str) -> Acceptance {
        let data = format!(r#"{{"orderId":"{order}","total":"129.00"}}"#);
        Acceptance {
            event: StoredEvent {
                id: EventId::generate(self.now(), self.random.next_u128()),
                source: Some("urn:shop".to_owned()),
                event_type: "order.confirmed".to_owned(),
                data: data.clone(),
                correlation_id: Some(format!("trace-{order}")),
                locale: Some("de".to_owned()),
            },
            data_fingerprint: Fingerprint::of_parts(&[data.as_bytes()]),
            notifications: vec![self.plan(CONFIRMATION, order)],
            send_at: None,
            now: self.now(),
            idempotency: None,
            lease_until: None,
            hold: None,
        }
    }

    /// Accepts something that must be acceptable.
    pub async fn accept(&self, acceptance: Acceptance) -> Accepted {
        match sure(self.ledger.accept(acceptance).await) {
            AcceptResult::Accepted(accepted) => accepted,
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Accepts an event about `order` and tells its notification's id.
    pub async fn post(&self, order: &str) -> NotificationId {
        self.accept(self.acceptance(order)).await.notifications[0].id
    }

    /// Claims at most `limit`.
    pub async fn claim(&self, limit: usize) -> Vec<Claim> {
        let request = ClaimDue { now: self.now(), lease_until: self.now().plus_ms(LEASE_MS), limit };
        sure(self.ledger.claim_due(request).await).claims
    }

    /// Claims the one notification that is due.
    pub async fn claim_one(&self) -> Claim {
        let mut claims = self.claim(2).await;
        assert_eq!(claims.len(), 1, "exactly one notification is due");
        claims.remove(0)
    }

    /// What a sender reports about `claim`, made now.
    #[must_use]
    pub fn report(&self, claim: &Claim, verdict: Verdict) -> FinishAttempt {
        FinishAttempt {
            id: claim.notification.id,
            fence: claim.notification.lifecycle.fence,
            claimed_at: claim.notification.updated_at,
            now: self.now(),
            verdict,
            mailer: "smtp".to_owned(),
            words: Words::new("250 2.0.0 Ok"),
            copy: None,
            condemns_address: false,
        }
    }

    /// Reports `verdict` about `claim`.
    pub async fn finish(&self, claim: &Claim, verdict: Verdict) -> Finished {
        sure(self.ledger.finish_attempt(self.report(claim, verdict)).await)
    }

    /// Posts `order`, claims it and ends the attempt with `verdict`.
    pub async fn post_and_finish(&self, order: &str, verdict: Verdict) -> NotificationId {
        let id = self.post(order).await;
        let claim = self.claim_one().await;
        assert_eq!(claim.notification.id, id);
        assert!(matches!(self.finish(&claim, verdict).await, Finished::Recorded(_)));
        id
    }

    /// Sweeps expired leases and ripe unknown outcomes.
    pub async fn sweep(&self, on_unknown: OnUnknown) -> Swept {
        self.sweep_with(Leases::Expired, on_unknown, 100).await
    }

    /// Sweeps with every choice open.
    pub async fn sweep_with(&self, leases: Leases, on_unknown: OnUnknown, limit: usize) -> Swept {
        let now = self.now();
        let judge_at = now.plus_ms(JUDGE_MS);
        let sweep = Sweep { now, leases, judge_at, on_unknown, max_attempts: MAX_ATTEMPTS, limit };
        sure(self.ledger.sweep(sweep).await)
    }

    /// Intervenes now.
    pub async fn intervene(&self, id: NotificationId, intervention: Intervention) -> Intervened {
        sure(self.ledger.intervene(id, intervention, self.now()).await)
    }

    /// The notification named `id`, which must be there.
    pub async fn notification(&self, id: NotificationId) -> Notification {
        match sure(self.ledger.find(id).await) {
            Some(record) => record.notification,
            None => panic!("{id} is not there"),
        }
    }

    /// The status of `id`.
    pub async fn status(&self, id: NotificationId) -> Status {
        self.notification(id).await.lifecycle.status
    }

    /// The kinds on the timeline of `id`, oldest first.
    pub async fn story(&self, id: NotificationId) -> Vec<TimelineKind> {
        match sure(self.ledger.find(id).await) {
            Some(record) => record.timeline().into_iter().map(|entry| entry.kind).collect(),
            None => panic!("{id} is not there"),
        }
    }

    /// Every id that `query` lists, following its pages to the end.
    pub async fn list(&self, query: ListQuery) -> Vec<NotificationId> {
        let mut query = query;
        query.limit = query.limit.max(10);
        let mut ids = Vec::new();
        for _ in 0..1_000 {
            let page = sure(self.ledger.list(query.clone()).await);
            ids.extend(page.notifications.iter().map(|notification| notification.id));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return ids,
            }
        }
        panic!("the listing does not end");
    }
}

/// A deferral until `until` that costs an attempt.
#[must_use]
pub fn deferred(until: Timestamp) -> Verdict {
    Verdict::Deferred { cause: Cause::known("smtp_451"), until, spends_attempt: true }
}

/// A permanent refusal.
#[must_use]
pub fn failed(cause: &'static str) -> Verdict {
    Verdict::Failed { cause: Cause::known(cause) }
}

/// Attempts exhausted.
#[must_use]
pub fn dead(cause: &'static str) -> Verdict {
    Verdict::Dead { cause: Cause::known(cause) }
}

/// An unknown outcome, to be judged at `judge_at`.
#[must_use]
pub fn unknown(judge_at: Timestamp) -> Verdict {
    Verdict::Unknown { cause: Cause::known("smtp_reply_lost"), judge_at }
}

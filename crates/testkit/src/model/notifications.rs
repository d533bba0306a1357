//! Random lives of notifications.

use crate::contract::feedback::report;
use crate::contract::idempotency::idempotency;
use crate::contract::scene::{Scene, address, recipient_rules, sure};
use crate::memory_ledger::MemoryLedger;
use crate::model::Freedom;
use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::budget::CAUSE_BUDGET;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Reference, ReportKind};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::notification::Priority;
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::IDEMPOTENCY_KEPT_MS;
use postrider_core::ports::feedback::Feedback;
use postrider_core::ports::ledger::{
    Acceptance, Claim, ClaimDue, FinishAttempt, Intervention, Leases, Ledger, ListQuery, Sweep,
};
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;

/// One step; numbers choose among the things at hand when it is carried out.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "what a field is for is said where the step is carried out")]
pub enum Move {
    Accept {
        order: u8,
        data: u8,
        types: u8,
        priority: u8,
        delay_ms: Option<u16>,
        key: Option<(u8, u8)>,
    },
    Claim {
        limit: usize,
        lease_ms: u64,
    },
    Finish {
        claim: usize,
        verdict: u8,
        delay_ms: u16,
    },
    Sweep {
        all: bool,
        resend: bool,
        limit: usize,
        judge_ms: u16,
    },
    Intervene {
        notification: usize,
        intervention: u8,
    },
    Wait {
        ms: u64,
    },
    /// A report about a notification of ours, or about one of a stranger, found by our id or by the mail service's.
    Report {
        notification: usize,
        kind: usize,
        name: u8,
        by_service: bool,
    },
    Unsuppress,
    List {
        order: Option<u8>,
        status: Option<usize>,
        cause: bool,
        capital: bool,
        after: Option<usize>,
        limit: usize,
    },
}

/// Sequences of up to sixty steps.
pub fn moves() -> impl Strategy<Value = Vec<Move>> {
    let accept =
        (0u8..6, 0u8..8, 1u8..4, 0u8..3, any::<Option<u16>>(), proptest::option::of((0u8..4, 0u8..2)))
            .prop_map(|(order, data, types, priority, delay_ms, key)| Move::Accept {
                order,
                // Mostly the same data, so that most orders are accepted and a few conflict.
                data: u8::from(data == 0),
                types,
                priority,
                delay_ms,
                key,
            });
    let step = prop_oneof![
        4 => accept,
        4 => (0usize..4, select(vec![10u64, 1_000, 60_000])).prop_map(|(limit, lease_ms)| Move::Claim { limit, lease_ms }),
        6 => (any::<usize>(), 0u8..8, any::<u16>())
            .prop_map(|(claim, verdict, delay_ms)| Move::Finish { claim, verdict, delay_ms }),
        2 => (any::<bool>(), any::<bool>(), 0usize..4, any::<u16>())
            .prop_map(|(all, resend, limit, judge_ms)| Move::Sweep { all, resend, limit, judge_ms }),
        2 => (any::<usize>(), 0u8..4)
            .prop_map(|(notification, intervention)| Move::Intervene { notification, intervention }),
        4 => (any::<usize>(), any::<usize>(), 0u8..4, any::<bool>()).prop_map(
            |(notification, kind, name, by_service)| Move::Report { notification, kind, name, by_service }
        ),
        3 => Just(Move::Unsuppress),
        3 => select(vec![0u64, 1, 500, 40_000, IDEMPOTENCY_KEPT_MS]).prop_map(|ms| Move::Wait { ms }),
        2 => (
            proptest::option::of(0u8..6),
            proptest::option::of(0..Status::ALL.len()),
            any::<bool>(),
            any::<bool>(),
            proptest::option::of(any::<usize>()),
            1usize..5,
        )
            .prop_map(|(order, status, cause, capital, after, limit)| Move::List {
                order, status, cause, capital, after, limit,
            }),
    ];
    proptest::collection::vec(step, 1..60)
}

/// Carries `moves` out on a ledger in memory and on `other`, which is empty, and compares every answer and, in the end,
/// everything that can be seen.
///
/// # Panics
/// Where they differ by more than `other` is free to.
pub async fn play(other: Arc<dyn Ledger>, moves: Vec<Move>, freedom: Freedom) {
    let scene = Scene::new(Arc::new(MemoryLedger::new(recipient_rules())));
    let mut pair = Pair { scene, other, freedom, claims: Vec::new(), ids: Vec::new() };
    for step in moves {
        pair.play(step).await;
    }
    pair.compare_everything().await;
}

/// The two ledgers, and what the sequence has produced so far.
struct Pair {
    scene: Scene,
    other: Arc<dyn Ledger>,
    freedom: Freedom,
    claims: Vec<Claim>,
    ids: Vec<NotificationId>,
}

impl Pair {
    async fn play(&mut self, step: Move) {
        let now = self.scene.now();
        let (memory, other) = (Arc::clone(&self.scene.ledger), Arc::clone(&self.other));
        match step {
            Move::Accept { .. } => {
                let acceptance = self.acceptance(&step);
                self.ids.extend(acceptance.notifications.iter().map(|(id, _)| *id));
                assert_eq!(other.accept(acceptance.clone()).await, memory.accept(acceptance).await);
            }
            Move::Claim { limit, lease_ms } => {
                let request = ClaimDue { now, lease_until: now.plus_ms(lease_ms), limit };
                let expected = sure(memory.claim_due(request).await);
                let claims = sure(other.claim_due(request).await);
                if self.freedom.announces_early {
                    // Early, never late.
                    let next = expected.next_due_at;
                    let is_in_time = |next| claims.next_due_at.is_some_and(|announced| announced <= next);
                    assert!(next.is_none_or(is_in_time), "{claims:?}");
                } else {
                    assert_eq!(claims.next_due_at, expected.next_due_at);
                }
                assert_eq!((&claims.claims, claims.suppressed), (&expected.claims, expected.suppressed));
                self.claims.extend(expected.claims);
            }
            Move::Finish { claim, verdict, delay_ms } => {
                if self.claims.is_empty() {
                    return;
                }
                let claim = &self.claims[claim % self.claims.len()];
                let service_id = service_id(claim.notification.id);
                let finish = FinishAttempt {
                    copy: None,
                    words: Words::new(&format!("250 Ok {service_id}")),
                    condemns_address: delay_ms % 7 == 0,
                    ..self.scene.report(claim, pick(verdict, delay_ms, now))
                };
                assert_eq!(other.finish_attempt(finish.clone()).await, memory.finish_attempt(finish).await);
            }
            Move::Sweep { all, resend, limit, judge_ms } => {
                let sweep = Sweep {
                    now,
                    leases: if all { Leases::All } else { Leases::Expired },
                    judge_at: now.plus_ms(u64::from(judge_ms)),
                    on_unknown: if resend { OnUnknown::Resend } else { OnUnknown::Hold },
                    // Few enough that sequences come to the end of them.
                    max_attempts: 2,
                    limit,
                };
                assert_eq!(other.sweep(sweep).await, memory.sweep(sweep).await);
            }
            Move::Intervene { notification, intervention } => {
                if self.ids.is_empty() {
                    return;
                }
                let id = self.ids[notification % self.ids.len()];
                let intervention = [
                    Intervention::Retry,
                    Intervention::Hasten,
                    Intervention::Cancel,
                    Intervention::Hold,
                    Intervention::Resume,
                ][usize::from(intervention)];
                assert_eq!(
                    other.intervene(id, intervention, now).await,
                    memory.intervene(id, intervention, now).await
                );
            }
            Move::Wait { ms } => self.scene.clock.advance_ms(ms),
            Move::Report { notification, kind, name, by_service } => {
                let stranger = NotificationId::new(now, u128::from(name));
                let id = self.ids.get(notification % (self.ids.len() + 1)).copied().unwrap_or(stranger);
                let reference = if by_service {
                    Reference::Provider(service_id(id))
                } else {
                    Reference::Notification(id)
                };
                let kinds = [
                    ReportKind::Accepted,
                    ReportKind::Delivered,
                    ReportKind::Bounced(BounceClass::UnknownUser),
                    ReportKind::Bounced(BounceClass::MailboxFull),
                    ReportKind::SoftBounced(BounceClass::System),
                    ReportKind::Complained,
                    ReportKind::Rejected,
                    ReportKind::Opened,
                ];
                let kind = match kinds[kind % kinds.len()] {
                    ReportKind::Accepted if by_service && self.freedom.folds_acceptances => {
                        ReportKind::Delivered
                    }
                    kind => kind,
                };
                let report = report(kind, &name.to_string());
                let feedback = Feedback { references: vec![reference], report, may_condemn: true, now };
                assert_eq!(
                    other.record_feedback(feedback.clone()).await,
                    memory.record_feedback(feedback).await
                );
            }
            Move::Unsuppress => {
                let ada = address("ada@example.com");
                assert_eq!(other.unsuppress(ada.clone()).await, memory.unsuppress(ada).await);
            }
            Move::List { .. } => {
                let query = self.query(&step);
                assert_eq!(other.list(query.clone()).await, memory.list(query).await);
            }
        }
        assert_eq!(sorted_stats(&*other, &self.scene).await, sorted_stats(&*memory, &self.scene).await);
    }

    fn acceptance(&self, step: &Move) -> Acceptance {
        let Move::Accept { order, data, types, priority, delay_ms, key } = step else {
            panic!("only acceptances are accepted")
        };
        let order = order.to_string();
        let mut acceptance = self.scene.acceptance(&order);
        acceptance.data_fingerprint = Fingerprint::of_parts(&[&[*data]]);
        acceptance.notifications = (0..*types)
            .map(|kind| {
                // The second and third type take turns, so that some acceptances overlap only in part.
                let (id, mut plan) = self.scene.plan(&format!("type_{}", kind * types), &order);
                plan.priority = Priority::ALL[usize::from(*priority)];
                if kind == 1 {
                    plan.to = address("ADA@example.com");
                    plan.order_id = None;
                }
                (id, plan)
            })
            .collect();
        // Now and then everything is on hold.
        acceptance.hold = (*priority == 0 && *types == 1).then_some(CAUSE_BUDGET);
        acceptance.send_at = delay_ms.map(|ms| acceptance.now.plus_ms(u64::from(ms)));
        acceptance.idempotency =
            key.map(|(key, request)| idempotency(&key.to_string(), &request.to_string()));
        acceptance
    }

    fn query(&self, step: &Move) -> ListQuery {
        let Move::List { order, status, cause, capital, after, limit } = step else {
            panic!("only listings are listed")
        };
        ListQuery {
            order_id: order.map(|order| order.to_string()),
            to: capital.then(|| address("Ada@Example.com")),
            statuses: status.map(|status| vec![Status::ALL[status], Status::Dead]).unwrap_or_default(),
            cause: cause.then(|| Cause::known("smtp_550")),
            after: after.and_then(|index| self.ids.get(index % self.ids.len().max(1)).copied()),
            limit: *limit,
            ..ListQuery::default()
        }
    }

    async fn compare_everything(&self) {
        let (memory, other) = (&self.scene.ledger, &self.other);
        for id in &self.ids {
            assert_eq!(other.find(*id).await, memory.find(*id).await);
            assert_eq!(other.content(*id).await, memory.content(*id).await);
        }
        let (ada, now) = (address("ada@example.com"), self.scene.now());
        assert_eq!(other.suppressions_of(ada.clone(), now).await, memory.suppressions_of(ada, now).await);
        assert_eq!(other.dead_letter_groups().await, memory.dead_letter_groups().await);
        let everything = ListQuery { limit: 100, ..ListQuery::default() };
        assert_eq!(other.list(everything.clone()).await, memory.list(everything).await);
        for key in 0..4u8 {
            let key = idempotency(&key.to_string(), "").key;
            let now = self.scene.now();
            assert_eq!(other.recall_answer(key, now).await, memory.recall_answer(key, now).await);
        }
    }
}

/// The id under which a mail service that answers as SES does takes the message of a notification.
fn service_id(id: NotificationId) -> String {
    let digits = Fingerprint::of_parts(&[&id.to_bytes()]).to_bytes();
    let hex: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}-{}-000000",
        &hex[..16],
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..32]
    )
}

fn pick(verdict: u8, delay_ms: u16, now: Timestamp) -> Verdict {
    let cause = Cause::known("smtp_550");
    let later = now.plus_ms(u64::from(delay_ms));
    match verdict {
        0 => Verdict::Sent,
        1 => Verdict::Deferred { cause, until: later, spends_attempt: delay_ms.is_multiple_of(2) },
        2 => Verdict::Failed { cause },
        3 => Verdict::Dead { cause: Cause::known("connect_refused") },
        4 => Verdict::Unknown { cause, judge_at: later },
        5 => Verdict::Superseded { cause: Cause::known("superseded_by_order_canceled") },
        6 => Verdict::Held { cause: CAUSE_BUDGET },
        _ => Verdict::Released,
    }
}

async fn sorted_stats(ledger: &dyn Ledger, scene: &Scene) -> impl PartialEq + std::fmt::Debug {
    ledger.queue_stats(scene.now()).await.map(|mut stats| {
        stats.counts.sort_unstable();
        stats
    })
}

//! A ledger with a past: notifications that were accepted and sent long ago.

use std::collections::HashMap;

use futures_util::future::{join_all, try_join_all};
use postrider_core::domain::category::Category;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::StoredEvent;
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::notification::{BusinessKey, PlannedNotification, Priority};
use postrider_core::domain::outcome::Words;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::CLAIM_MAX;
use postrider_core::ports::catalog::{RenditionId, SentCopy};
use postrider_core::ports::clock::Random;
use postrider_core::ports::ledger::{Acceptance, Claim, ClaimDue, FinishAttempt, Finished, Ledger};
use postrider_testkit::random::SeededRandom;

use crate::Failure;
use crate::order::Orders;

/// Notifications on their way at once; they share the ledger's commits.
const AT_ONCE: u64 = 1_000;
/// Between two orders of the past: two million of them reach back 23 days.
const ORDER_INTERVAL_MS: u64 = 1_000;
/// How long a claim of the past lasts; nobody contends for it.
const LEASE_MS: u64 = 60_000;
const NOTIFICATION_TYPE: &str = "order_confirmation";

/// Gives the ledger `rows` notifications through its own port, each accepted, claimed and recorded as sent, the last
/// one just before `now`.
///
/// # Errors
/// The ledger's, or if it does not do what its port promises.
pub async fn fill(ledger: &dyn Ledger, orders: Orders, rows: u64, now: Timestamp) -> Result<(), Failure> {
    let random = SeededRandom::new(rows);
    let past_ms = i64::try_from(rows * ORDER_INTERVAL_MS)?;
    let start = Timestamp::from_millis(now.as_millis() - past_ms);
    for first in (0..rows).step_by(usize::try_from(AT_ONCE)?) {
        let indexes = first..rows.min(first + AT_ONCE);
        let last_at = start.plus_ms(indexes.end * ORDER_INTERVAL_MS);
        let mut events = HashMap::new();
        let mut acceptances = Vec::new();
        for index in indexes {
            let acceptance = acceptance(orders, index, start.plus_ms(index * ORDER_INTERVAL_MS), &random)?;
            events.insert(acceptance.event.id.clone(), index);
            acceptances.push(ledger.accept(acceptance));
        }
        try_join_all(acceptances).await?;
        let mut sent = 0;
        while sent < events.len() {
            let request = ClaimDue { now: last_at, lease_until: last_at.plus_ms(LEASE_MS), limit: CLAIM_MAX };
            let claims = ledger.claim_due(request).await?.claims;
            if claims.is_empty() {
                return Err(format!("{} of {} seeded notifications were not due", sent, events.len()).into());
            }
            sent += claims.len();
            let finishes = claims.iter().map(|claim| ledger.finish_attempt(sent_at(claim, last_at)));
            for finished in join_all(finishes).await {
                if finished? == Finished::Stale {
                    return Err("a seeded notification was claimed by somebody else".into());
                }
            }
        }
    }
    Ok(())
}

fn acceptance(
    orders: Orders,
    index: u64,
    at: Timestamp,
    random: &SeededRandom,
) -> Result<Acceptance, Failure> {
    let data = orders.data(index);
    let order_id = orders.id(index);
    let planned = PlannedNotification {
        notification_type: NOTIFICATION_TYPE.to_owned(),
        to: orders.recipient(index).parse()?,
        business_key: BusinessKey::new(NOTIFICATION_TYPE, &order_id),
        order_id: Some(order_id),
        priority: Priority::Normal,
        category: Category::TRANSACTIONAL,
    };
    Ok(Acceptance {
        event: StoredEvent {
            id: EventId::generate(at, random.next_u128()),
            source: None,
            event_type: "order.confirmed".to_owned(),
            data: data.to_string(),
            correlation_id: None,
            locale: None,
        },
        data_fingerprint: Fingerprint::of_json(&data),
        notifications: vec![(NotificationId::new(at, random.next_u128()), planned)],
        send_at: None,
        now: at,
        idempotency: None,
        lease_until: None,
        hold: None,
    })
}

fn sent_at(claim: &Claim, at: Timestamp) -> FinishAttempt {
    let notification = &claim.notification;
    let fingerprint = Fingerprint::of_parts(&[&notification.id.to_bytes()]);
    FinishAttempt {
        id: notification.id,
        fence: notification.lifecycle.fence,
        claimed_at: at,
        now: at,
        verdict: Verdict::Sent,
        mailer: "smtp".to_owned(),
        words: Words::new("250 2.0.0 Ok: queued as 4bXk1d0GZgz3xN"),
        condemns_address: false,
        copy: Some(SentCopy {
            rendition: RenditionId(Fingerprint::of_parts(&[b"seeded"])),
            composed_at: at,
            fingerprint,
            signature: None,
        }),
    }
}

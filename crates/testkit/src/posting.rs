//! Notifications that stand in a ledger without a notification type behind them.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::StoredEvent;
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::notification::{BusinessKey, PlannedNotification, Priority};
use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::{AcceptResult, Acceptance, Ledger};

/// Stores a notification to `to` of `category` and tells its id.
///
/// # Panics
/// If the ledger does not take it.
pub async fn post_in_category(
    ledger: &dyn Ledger,
    secret: &Secret,
    to: EmailAddress,
    category: Category,
    now: Timestamp,
) -> NotificationId {
    let plan = PlannedNotification {
        notification_type: "news".to_owned(),
        to,
        order_id: None,
        business_key: BusinessKey::new("news", &category.to_string()),
        priority: Priority::Normal,
        category,
    };
    let id = NotificationId::for_key(now, secret, plan.business_key);
    let acceptance = Acceptance {
        event: StoredEvent {
            id: EventId::given(format!("evt-{}", plan.category)),
            source: None,
            event_type: "news".to_owned(),
            data: "{}".to_owned(),
            correlation_id: None,
            locale: None,
        },
        data_fingerprint: Fingerprint::of_parts(&[]),
        notifications: vec![(id, plan)],
        send_at: None,
        now,
        idempotency: None,
        lease_until: None,
        hold: None,
    };
    let accepted = ledger.accept(acceptance).await;
    assert!(matches!(accepted, Ok(AcceptResult::Accepted(_))), "{accepted:?}");
    id
}

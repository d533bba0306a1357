//! Accepting events.

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::lifecycle::{Lifecycle, Verdict};
use postrider_core::domain::notification::Notification;
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::ledger::{AcceptResult, Acceptance, Intervention, ListQuery};

use super::scene::{CONFIRMATION, Scene, sure};

/// What is accepted can be found, with every field as it came, queued and untouched.
pub async fn a_new_event_is_queued_and_found(scene: &Scene) {
    let acceptance = scene.acceptance("1042");
    let accepted = scene.accept(acceptance.clone()).await;
    assert_eq!(accepted.event_id, acceptance.event.id);
    let (id, plan) = &acceptance.notifications[0];
    let answered = &accepted.notifications[0];
    assert_eq!(accepted.notifications.len(), 1);
    assert_eq!((answered.id, &answered.to, answered.status), (*id, &plan.to, Status::Queued));
    assert_eq!(answered.notification_type, CONFIRMATION);
    assert!(!answered.duplicate);
    let expected = Notification {
        id: *id,
        event_id: acceptance.event.id.clone(),
        notification_type: CONFIRMATION.to_owned(),
        to: plan.to.clone(),
        order_id: Some("1042".to_owned()),
        correlation_id: Some("trace-1042".to_owned()),
        priority: plan.priority,
        category: plan.category.clone(),
        created_at: scene.now(),
        updated_at: scene.now(),
        send_at: None,
        lifecycle: Lifecycle::accepted(scene.now()),
    };
    assert_eq!(scene.notification(*id).await, expected);
    assert_eq!(scene.story(*id).await, [TimelineKind::Accepted]);
}

/// The event is kept byte for byte and shown with claim and content.
pub async fn a_stored_event_comes_back_as_it_was(scene: &Scene) {
    let mut acceptance = scene.acceptance("1042");
    acceptance.event.data = "{\"name\":\"Zo\u{eb} \u{1f40e}\",\"n\":1.50}".to_owned();
    acceptance.event.source = None;
    acceptance.event.locale = None;
    scene.accept(acceptance.clone()).await;
    let claim = scene.claim_one().await;
    assert_eq!(claim.event, acceptance.event);
    let content = sure(scene.ledger.content(claim.notification.id).await);
    let content = content.unwrap_or_else(|| panic!("the content is there"));
    assert_eq!(content.event, acceptance.event);
    assert_eq!(content.notification, claim.notification);
    assert_eq!(content.copy, None);
}

/// A notification is not due before the sender's wish.
pub async fn a_wished_time_ahead_is_when_it_is_due(scene: &Scene) {
    let send_at = scene.now().plus_ms(5_000);
    let id = scene.accept(Acceptance { send_at: Some(send_at), ..scene.acceptance("1") }).await.notifications
        [0]
    .id;
    let notification = scene.notification(id).await;
    assert_eq!((notification.send_at, notification.lifecycle.due_at), (Some(send_at), Some(send_at)));
    scene.clock.advance_ms(4_999);
    assert!(scene.claim(10).await.is_empty());
    scene.clock.advance_ms(1);
    assert_eq!(scene.claim(10).await.len(), 1);
}

/// A wish that lies behind is kept, and changes nothing.
pub async fn a_wished_time_past_is_due_at_once(scene: &Scene) {
    let send_at = scene.now();
    scene.clock.advance_ms(1_000);
    let id = scene.accept(Acceptance { send_at: Some(send_at), ..scene.acceptance("1") }).await.notifications
        [0]
    .id;
    let notification = scene.notification(id).await;
    assert_eq!((notification.send_at, notification.lifecycle.due_at), (Some(send_at), Some(scene.now())));
}

/// A second event with the same key and data stores nothing and answers with the first one's ids.
pub async fn the_same_data_again_finds_the_first(scene: &Scene) {
    let first = scene.accept(scene.acceptance("1")).await;
    scene.clock.advance_ms(90 * 24 * 60 * 60 * 1000);
    let second = scene.accept(scene.acceptance("1")).await;
    assert_eq!(second.event_id, first.event_id);
    assert_eq!(second.notifications[0].id, first.notifications[0].id);
    assert!(second.notifications[0].duplicate);
    assert_eq!(scene.list(ListQuery::default()).await, [first.notifications[0].id]);
    assert_eq!(scene.claim(10).await.len(), 1);
}

/// Duplicates of two different events are answered under the id of the event that found them.
pub async fn duplicates_of_different_events_have_no_common_first(scene: &Scene) {
    let mut copy = scene.acceptance("1");
    copy.notifications = vec![scene.plan("shop_copy", "1")];
    let (first, second) = (scene.post("1").await, scene.accept(copy).await.notifications[0].id);
    let mut both = scene.acceptance("1");
    both.notifications.push(scene.plan("shop_copy", "1"));
    let accepted = scene.accept(both.clone()).await;
    assert_eq!(accepted.event_id, both.event.id);
    let found: Vec<_> = accepted.notifications.iter().map(|each| (each.id, each.duplicate)).collect();
    assert_eq!(found, [(first, true), (second, true)]);
}

/// A duplicate is answered with what became of the first.
pub async fn a_duplicate_shows_the_status_of_now(scene: &Scene) {
    scene.post_and_finish("1", Verdict::Sent).await;
    assert_eq!(scene.accept(scene.acceptance("1")).await.notifications[0].status, Status::Sent);
}

/// Taking a notification back does not free its key.
pub async fn the_key_is_taken_even_after_cancelation(scene: &Scene) {
    let id = scene.post("1").await;
    scene.intervene(id, Intervention::Cancel).await;
    let again = scene.accept(scene.acceptance("1")).await;
    assert_eq!((again.notifications[0].id, again.notifications[0].status), (id, Status::Canceled));
    assert!(scene.claim(10).await.is_empty());
}

/// Other data under a known key is a conflict that names the first; the first stays as it is.
pub async fn other_data_under_one_key_is_refused(scene: &Scene) {
    let id = scene.post("1").await;
    // At the same instant it would be given the same id.
    scene.clock.advance_ms(1);
    let mut other = scene.acceptance("1");
    other.data_fingerprint = Fingerprint::of_parts(&[b"other"]);
    let refused = sure(scene.ledger.accept(other.clone()).await);
    let expected =
        AcceptResult::BusinessKeyConflict { existing: id, notification_type: CONFIRMATION.to_owned() };
    assert_eq!(refused, expected);
    assert_eq!(sure(scene.ledger.find(other.notifications[0].0).await), None);
    assert_eq!(scene.list(ListQuery::default()).await, [id]);
}

/// A conflict in any of an event's notifications keeps all of them out, whichever comes first.
pub async fn one_conflict_among_several_refuses_all(scene: &Scene) {
    let known = scene.post("1").await;
    for conflict_first in [true, false] {
        let mut other = scene.acceptance("1");
        other.data_fingerprint = Fingerprint::of_parts(&[b"other"]);
        let fresh = scene.plan("shop_copy", "1");
        if conflict_first {
            other.notifications.push(fresh);
        } else {
            other.notifications.insert(0, fresh);
        }
        assert!(matches!(sure(scene.ledger.accept(other).await), AcceptResult::BusinessKeyConflict { .. }));
        assert_eq!(scene.list(ListQuery::default()).await, [known]);
    }
    // The other type is still free for data of its own.
    let mut other = scene.acceptance("1");
    other.data_fingerprint = Fingerprint::of_parts(&[b"other"]);
    other.notifications = vec![scene.plan("shop_copy", "1")];
    assert!(!scene.accept(other).await.notifications[0].duplicate);
}

/// Two types for one order are two notifications, even with different data.
pub async fn types_of_one_order_are_independent(scene: &Scene) {
    let first = scene.post("1").await;
    let mut shipped = scene.acceptance("1");
    shipped.data_fingerprint = Fingerprint::of_parts(&[b"shipped"]);
    shipped.notifications = vec![scene.plan("order_shipped", "1")];
    let second = scene.accept(shipped).await;
    assert!(!second.notifications[0].duplicate);
    assert_ne!(second.notifications[0].id, first);
    assert_eq!(scene.claim(10).await.len(), 2);
}

/// An event that is partly known stores the rest, in order, under its own id.
pub async fn what_is_new_beside_a_duplicate_is_stored(scene: &Scene) {
    let known = scene.post("1").await;
    let mut wider = scene.acceptance("1");
    wider.notifications.push(scene.plan("shop_copy", "1"));
    let accepted = scene.accept(wider.clone()).await;
    assert_eq!(accepted.event_id, wider.event.id);
    let flags: Vec<_> = accepted.notifications.iter().map(|each| (each.id, each.duplicate)).collect();
    assert_eq!(flags, [(known, true), (wider.notifications[1].0, false)]);
    assert_eq!(scene.notification(wider.notifications[1].0).await.event_id, wider.event.id);
}

/// The second of two equal keys in one event finds the first.
pub async fn one_key_twice_in_one_event_is_one_notification(scene: &Scene) {
    let mut twice = scene.acceptance("1");
    twice.notifications.push(scene.plan(CONFIRMATION, "1"));
    let accepted = scene.accept(twice.clone()).await;
    assert_eq!(accepted.event_id, twice.event.id);
    let flags: Vec<_> = accepted.notifications.iter().map(|each| (each.id, each.duplicate)).collect();
    let id = twice.notifications[0].0;
    assert_eq!(flags, [(id, false), (id, true)]);
    assert_eq!(scene.claim(10).await.len(), 1);
}

/// No notification is no reason to refuse.
pub async fn an_event_that_calls_for_nothing_is_accepted(scene: &Scene) {
    let mut idle = scene.acceptance("1");
    idle.notifications.clear();
    let accepted = scene.accept(idle.clone()).await;
    assert_eq!(accepted.event_id, idle.event.id);
    assert!(accepted.notifications.is_empty());
}

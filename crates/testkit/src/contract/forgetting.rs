//! Forgetting a person: everything that was written to an address, and what else tells of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::limits::ERASE_STEPS_MAX;
use postrider_core::ports::feedback::NewSuppression;
use postrider_core::ports::ledger::{Acceptance, FinishAttempt, Intervened, Intervention, ListQuery};
use postrider_core::use_cases::erase_recipient::{CapturedMessages, EraseRecipient, Tally};

use super::scene::{LEASE_MS, Scene, address, failed, sure};
use crate::faulty_ledger::{Fault, FaultyLedger};

/// Forgets Ada now.
async fn forget_ada(scene: &Scene) -> Tally {
    forget_with(scene, None).await
}

async fn forget_with(scene: &Scene, captured: Option<&dyn CapturedMessages>) -> Tally {
    let erase = EraseRecipient { ledger: &*scene.ledger, captured, now: scene.now() };
    match erase.run(&address("Ada@Example.com")).await {
        Ok(tally) => tally,
        Err(error) => panic!("not erased: {error}"),
    }
}

/// An order of Ada's that names her.
fn order_of_hers(scene: &Scene, order: &str) -> Acceptance {
    let mut acceptance = scene.acceptance(order);
    acceptance.event.data = format!(r#"{{"orderId":"{order}","customerEmail":"ADA@example.com"}}"#);
    acceptance
}

/// An order of Ada's of which the merchant hears as well.
fn order_with_merchant(scene: &Scene, order: &str) -> Acceptance {
    let mut acceptance = order_of_hers(scene, order);
    let mut merchant = scene.plan("order_alert", order);
    merchant.1.to = address("merchant@shop.example");
    acceptance.notifications.push(merchant);
    acceptance
}

/// Everything to the address is forgotten, whatever became of it, and everything is counted.
pub async fn a_person_is_forgotten_wherever_they_are(scene: &Scene) {
    let mut ids = Vec::new();
    for (order, verdict) in [("1", Some(Verdict::Sent)), ("2", Some(failed("smtp_550"))), ("3", None)] {
        ids.push(scene.accept(order_of_hers(scene, order)).await.notifications[0].id);
        if let Some(verdict) = verdict {
            scene.finish(&scene.claim_one().await, verdict).await;
        }
    }
    let sent = ids[0];
    let mut bob = scene.acceptance("4");
    bob.notifications[0].1.to = address("bob@example.com");
    let bob = scene.accept(bob).await.notifications[0].id;
    let tally = forget_ada(scene).await;
    let counts = (tally.notifications, tally.canceled, tally.events, tally.suppressed);
    assert_eq!((counts, tally.is_done()), ((3, 2, 3, 0), true));
    for id in ids {
        assert!(scene.notification(id).await.to.is_erased());
        assert_eq!(scene.intervene(id, Intervention::Retry).await, Intervened::Erased);
    }
    assert_eq!(scene.status(sent).await, Status::Sent);
    assert_eq!(scene.claim_one().await.notification.id, bob);
    let again = forget_ada(scene).await;
    assert_eq!(again, Tally::default());
}

/// The merchant's copy of the order tells of her too. The merchant stays, the order is gone.
pub async fn what_others_were_told_about_her_is_forgotten(scene: &Scene) {
    let accepted = scene.accept(order_with_merchant(scene, "1")).await;
    let merchant = accepted.notifications[1].id;
    for claim in scene.claim(2).await {
        scene.finish(&claim, Verdict::Sent).await;
    }
    scene.clock.advance_ms(1_000);
    // Another event about the same order, of which only the merchant heard.
    let mut later = order_with_merchant(scene, "1");
    later.data_fingerprint = Fingerprint::of_parts(&[b"later"]);
    later.notifications = vec![scene.plan("order_returned", "1")];
    later.notifications[0].1.to = address("merchant@shop.example");
    let later = scene.accept(later).await.notifications[0].id;
    // And one that does not name her.
    let mut silent = scene.acceptance("1");
    silent.notifications = vec![scene.plan("order_packed", "1")];
    silent.notifications[0].1.to = address("merchant@shop.example");
    let silent = scene.accept(silent).await.notifications[0].id;
    let tally = forget_ada(scene).await;
    assert_eq!((tally.notifications, tally.canceled, tally.events), (1, 1, 2));
    assert_eq!(tally.canceled_for_others, [later]);
    for id in [merchant, later] {
        let Some(content) = sure(scene.ledger.content(id).await) else { panic!("{id} is there") };
        assert_eq!(content.event.data, "{}");
        assert_eq!(content.notification.to.as_str(), "merchant@shop.example");
        assert_eq!(scene.intervene(id, Intervention::Retry).await, Intervened::Erased);
    }
    assert_eq!(scene.claim_one().await.notification.id, silent);
}

/// The merchant is in no order: whoever forgets them forgets neither the customers nor their orders, and stops no mail to them.
pub async fn whoever_is_not_in_an_order_is_forgotten_without_it(scene: &Scene) {
    let mut order = order_with_merchant(scene, "1");
    order.event.data = r#"{"orderId":"1","customerEmail":"carol@example.com"}"#.to_owned();
    order.notifications[0].1.to = address("carol@example.com");
    order.notifications[1].1.to = address("ada@example.com");
    let accepted = scene.accept(order.clone()).await;
    let [carol, merchant] = [0, 1].map(|n| accepted.notifications[n].id);
    let tally = forget_ada(scene).await;
    assert_eq!((tally.notifications, tally.canceled, tally.events, tally.is_done()), (1, 1, 0, true));
    assert!(tally.canceled_for_others.is_empty());
    assert!(scene.notification(merchant).await.to.is_erased());
    let Some(content) = sure(scene.ledger.content(carol).await) else { panic!("{carol} is there") };
    assert_eq!((content.event.data, content.notification.lifecycle.erased), (order.event.data, false));
    assert_eq!(scene.claim_one().await.notification.id, carol);
}

/// A merchant's row from which only the merchant was forgotten does not hide the customer.
pub async fn a_merchant_forgotten_first_does_not_keep_an_order(scene: &Scene) {
    let accepted = scene.accept(order_with_merchant(scene, "1")).await;
    let merchant = address("merchant@shop.example");
    let erase = EraseRecipient { ledger: &*scene.ledger, captured: None, now: scene.now() };
    assert!(erase.run(&merchant).await.is_ok_and(|tally| tally.is_done() && tally.notifications == 1));
    let tally = forget_ada(scene).await;
    assert_eq!((tally.notifications, tally.events, tally.is_done()), (1, 1, true));
    for notification in accepted.notifications {
        let content = sure(scene.ledger.content(notification.id).await);
        assert_eq!(content.map(|content| content.event.data).as_deref(), Some("{}"));
    }
}

/// `jada@example.com` has her whole address in it, and is somebody else.
pub async fn nobody_is_taken_for_a_part_of_another(scene: &Scene) {
    let mut order = scene.acceptance("1");
    order.event.data = r#"{"customerEmail":"jada@example.com","note":"jada@example.com.au"}"#.to_owned();
    order.notifications[0].1.to = address("jada@example.com");
    let jada = scene.accept(order).await.notifications[0].id;
    scene.clock.advance_ms(1_000);
    // The same order, of which Ada hears something as well.
    let mut later = scene.acceptance("1");
    later.data_fingerprint = Fingerprint::of_parts(&[b"later"]);
    later.notifications = vec![scene.plan("order_returned", "1")];
    scene.accept(later).await;
    assert_eq!(forget_ada(scene).await.notifications, 1);
    assert_eq!(scene.claim_one().await.notification.id, jada);
}

/// A bounce that comes after the list has forgotten her address puts it there again, and does not leave it there.
pub async fn a_bounce_meanwhile_leaves_no_address_on_the_list(scene: &Scene) {
    scene.accept(order_of_hers(scene, "1")).await;
    let claim = scene.claim_one().await;
    let bounce = FinishAttempt { condemns_address: true, ..scene.report(&claim, failed("smtp_550_5.1.1")) };
    let faulty = FaultyLedger::new(Arc::clone(&scene.ledger));
    // The list forgets her first.
    faulty.plan([Fault::FinishMeanwhile(Box::new(bounce))]);
    let erase = EraseRecipient { ledger: &faulty, captured: None, now: scene.now() };
    let Ok(tally) = erase.run(&address("ada@example.com")).await else { panic!("not erased") };
    assert_eq!((tally.is_done(), tally.notifications, tally.suppressed), (true, 1, 1));
    let entries = sure(scene.ledger.suppressions_of(address("ada@example.com"), scene.now()).await);
    assert_eq!(entries.iter().map(|entry| entry.address.clone()).collect::<Vec<_>>(), [None]);
}

/// As long as a sender has one of an event, the others of it stay as they are.
pub async fn what_waits_beside_what_is_under_way_is_left_alone(scene: &Scene) {
    let accepted = scene.accept(order_with_merchant(scene, "1")).await;
    let claim = scene.claim(1).await.remove(0);
    let others = accepted.notifications.iter().map(|notification| notification.id);
    let waiting: Vec<_> = others.filter(|id| *id != claim.notification.id).collect();
    let tally = forget_ada(scene).await;
    assert_eq!((tally.in_flight.as_slice(), tally.canceled), (&[claim.notification.id][..], 0));
    assert_eq!(scene.status(waiting[0]).await, Status::Queued);
    scene.finish(&claim, Verdict::Sent).await;
    let tally = forget_ada(scene).await;
    assert_eq!((tally.canceled, tally.notifications, tally.is_done()), (1, 1, true));
}

/// What a sender has is left until its attempt is over, and told. Then it goes as well.
pub async fn what_is_under_way_is_told_and_goes_next_time(scene: &Scene) {
    let accepted = scene.accept(order_with_merchant(scene, "1")).await;
    let [ada, merchant] = [0, 1].map(|n| accepted.notifications[n].id);
    let claims = scene.claim(2).await;
    let Some(claim) = claims.iter().find(|claim| claim.notification.id == merchant) else {
        panic!("the merchant's is claimed")
    };
    let other = claims.iter().find(|claim| claim.notification.id == ada);
    scene.finish(other.unwrap_or(claim), Verdict::Sent).await;
    let tally = forget_ada(scene).await;
    assert_eq!((tally.in_flight.as_slice(), tally.notifications), (&[merchant][..], 0));
    assert_eq!(scene.notification(ada).await.to.as_str(), "ada@example.com");
    scene.finish(claim, failed("smtp_550")).await;
    let tally = forget_ada(scene).await;
    assert_eq!((tally.notifications, tally.canceled, tally.is_done()), (1, 1, true));
}

/// Nobody finishes what a dead sender had: once its lease is over it goes without.
pub async fn a_dead_sender_is_not_waited_for(scene: &Scene) {
    let id = scene.post("1").await;
    scene.claim_one().await;
    assert_eq!(forget_ada(scene).await.in_flight, [id]);
    scene.clock.advance_ms(LEASE_MS);
    let tally = forget_ada(scene).await;
    assert_eq!((tally.notifications, tally.canceled, tally.is_done()), (1, 1, true));
    assert_eq!(scene.status(id).await, Status::Canceled);
}

/// Whoever is on the list stays on it, without address; nobody is put there.
pub async fn the_list_goes_on_stopping_mail(scene: &Scene) {
    scene.post_and_finish("1", Verdict::Sent).await;
    let entry = NewSuppression {
        address: address("ada@example.com"),
        category: None,
        reason: SuppressionReason::Complaint,
        source: "arf".to_owned(),
        since: scene.now(),
        expires_at: None,
        now: scene.now(),
    };
    sure(scene.ledger.suppress(entry).await);
    assert_eq!(forget_ada(scene).await.suppressed, 1);
    let entries = sure(scene.ledger.suppressions_of(address("ada@example.com"), scene.now()).await);
    assert_eq!(entries.iter().map(|entry| entry.address.clone()).collect::<Vec<_>>(), [None]);
    let later = scene.post("2").await;
    assert_eq!(scene.status(later).await, Status::Suppressed);
    assert_eq!(forget_ada(scene).await.suppressed, 1);
    assert_eq!(scene.status(later).await, Status::Canceled);
}

/// A person with more orders than one step may forget is forgotten step by step.
pub async fn a_person_of_many_orders_is_forgotten_in_steps(scene: &Scene) {
    let orders = ERASE_STEPS_MAX + 5;
    for order in 0..orders {
        scene.post(&order.to_string()).await;
        scene.clock.advance_ms(1);
    }
    let first = forget_ada(scene).await;
    assert_eq!((first.notifications, first.has_more, first.is_done()), (ERASE_STEPS_MAX, true, false));
    let rest = forget_ada(scene).await;
    assert_eq!(
        (rest.notifications + ERASE_STEPS_MAX, rest.canceled, rest.is_done()),
        (orders, rest.notifications, true)
    );
    let to_ada = ListQuery { to: Some(address("ada@example.com")), ..ListQuery::default() };
    assert!(scene.list(to_ada).await.is_empty());
}

/// Whatever step of it is the last before the process dies: whoever runs it again finishes it.
pub async fn whoever_is_interrupted_goes_on(scene: &Scene) {
    for (order, at) in (0..).zip([1, 2, 3, 5, 7, 8, 9, 10, 11]) {
        let order = order.to_string();
        let accepted = scene.accept(order_with_merchant(scene, &order)).await;
        let captured = Captured::default();
        for claim in scene.claim(2).await {
            captured.write(claim.notification.id);
            scene.finish(&claim, failed("smtp_550")).await;
        }
        let faulty = FaultyLedger::new(Arc::clone(&scene.ledger));
        faulty.plan((0..at).map(|_| Fault::Pass).chain([Fault::LoseAnswer]));
        let erase = EraseRecipient { ledger: &faulty, captured: Some(&captured), now: scene.now() };
        let _ = erase.run(&address("ada@example.com")).await;
        assert!(forget_with(scene, Some(&captured)).await.is_done());
        for notification in &accepted.notifications {
            let Some(content) = sure(scene.ledger.content(notification.id).await) else {
                panic!("it is there")
            };
            assert_eq!(content.event.data, "{}", "interrupted after {at} steps");
        }
        assert!(scene.notification(accepted.notifications[0].id).await.to.is_erased());
        assert!(captured.is_empty(), "interrupted after {at} steps");
        scene.clock.advance_ms(1_000);
    }
}

/// Captured messages, one for each id.
#[derive(Default)]
struct Captured(Mutex<HashMap<NotificationId, usize>>);

impl Captured {
    fn write(&self, id: NotificationId) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default() += 1;
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

#[async_trait]
impl CapturedMessages for Captured {
    async fn remove(&self, id: NotificationId, _attempts: u32) -> std::io::Result<usize> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id).unwrap_or_default())
    }
}

//! The suppression list.

use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::category::Category;
use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::{Suppression, SuppressionReason};
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::feedback::{NewSuppression, SuppressionQuery};
use postrider_core::ports::ledger::{
    AcceptResult, ClaimDue, FinishAttempt, Finished, Intervened, Intervention,
};

use super::feedback::{report, take};
use super::scene::{LEASE_MS, Scene, address, failed, recipient_rules, sure};

const ADA: &str = "ada@example.com";

fn entry(scene: &Scene, text: &str, reason: SuppressionReason) -> NewSuppression {
    NewSuppression {
        address: address(text),
        category: None,
        reason,
        source: "api".to_owned(),
        since: scene.now(),
        expires_at: None,
        now: scene.now(),
    }
}

async fn suppress(scene: &Scene, entry: NewSuppression) -> Suppression {
    sure(scene.ledger.suppress(entry).await)
}

async fn reasons(scene: &Scene, text: &str) -> Vec<SuppressionReason> {
    let entries = sure(scene.ledger.suppressions_of(address(text), scene.now()).await);
    entries.iter().map(|entry| entry.reason).collect()
}

/// What condemns an address puts it on the list, with its source, and says so.
pub async fn a_hard_bounce_and_a_complaint_suppress(scene: &Scene) {
    let cases = [
        (ReportKind::Bounced(BounceClass::UnknownUser), SuppressionReason::HardBounce),
        (ReportKind::Complained, SuppressionReason::Complaint),
    ];
    for (kind, reason) in cases {
        let id = scene.post_and_finish(reason.as_str(), Verdict::Sent).await;
        let effect = take(scene, id, report(kind, reason.as_str())).await;
        assert_eq!(effect.suppressed, Some(reason));
        let entries = sure(scene.ledger.suppressions_of(address("Ada@EXAMPLE.com"), scene.now()).await);
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].reason, entries[0].source.as_str()), (reason, "ses"));
        assert_eq!((entries[0].since, entries[0].expires_at), (scene.now(), None));
        assert_eq!(sure(scene.ledger.unsuppress(address(ADA)).await), 1);
    }
}

/// Full mailboxes, spam filters, greylists, sizes and name servers say nothing about the address.
pub async fn no_other_class_suppresses(scene: &Scene) {
    for class in BounceClass::ALL.into_iter().filter(|class| !class.condemns_address()) {
        let id = scene.post_and_finish(class.as_str(), Verdict::Sent).await;
        let effect = take(scene, id, report(ReportKind::Bounced(class), class.as_str())).await;
        assert_eq!(effect.suppressed, None, "{class}");
        // Not what is tested here: soft ones add up.
        sure(scene.ledger.unsuppress(address(ADA)).await);
    }
    for class in BounceClass::ALL {
        let name = format!("soft {class}");
        let id = scene.post_and_finish(&name, Verdict::Sent).await;
        let effect = take(scene, id, report(ReportKind::SoftBounced(class), &name)).await;
        assert_eq!(effect.suppressed, None, "soft {class}");
        sure(scene.ledger.unsuppress(address(ADA)).await);
    }
}

/// The server said at once what a bounce would have said later.
pub async fn a_refusal_that_condemns_the_address_suppresses(scene: &Scene) {
    scene.post("1").await;
    let claim = scene.claim_one().await;
    let finish = FinishAttempt { condemns_address: true, ..scene.report(&claim, failed("smtp_550_5.1.1")) };
    assert_eq!(sure(scene.ledger.finish_attempt(finish).await), Finished::Recorded(Status::Failed));
    let entries = sure(scene.ledger.suppressions_of(address(ADA), scene.now()).await);
    assert_eq!((entries[0].reason, entries[0].source.as_str()), (SuppressionReason::HardBounce, "smtp"));
    assert_eq!(scene.status(scene.post("2").await).await, Status::Suppressed);
}

/// The third soft bounce within the window suppresses for a while; older ones do not count.
pub async fn soft_bounces_add_up_and_expire(scene: &Scene) {
    let full = ReportKind::SoftBounced(BounceClass::MailboxFull);
    let rule = recipient_rules().soft_bounces;
    let mut suppressed = Vec::new();
    for (n, pause_ms) in [0, 100, rule.window_ms, 10, 10].into_iter().enumerate() {
        scene.clock.advance_ms(pause_ms);
        let id = scene.post_and_finish(&n.to_string(), Verdict::Sent).await;
        suppressed.push(take(scene, id, report(full, &n.to_string())).await.suppressed);
    }
    let expected = Some(SuppressionReason::RepeatedSoftBounces);
    assert_eq!(suppressed, [None, None, None, None, expected]);
    assert_eq!(reasons(scene, ADA).await, [SuppressionReason::RepeatedSoftBounces]);
    scene.clock.advance_ms(rule.expiry_ms);
    assert!(reasons(scene, ADA).await.is_empty());
    scene.post("again").await;
    assert_eq!(scene.claim(10).await.len(), 1);
}

/// One message that bounces softly from hop to hop is one soft bounce.
pub async fn soft_bounces_of_one_message_count_once(scene: &Scene) {
    let id = scene.post_and_finish("1", Verdict::Sent).await;
    for n in 0..5 {
        let soft = report(ReportKind::SoftBounced(BounceClass::MailboxFull), &n.to_string());
        assert_eq!(take(scene, id, soft).await.suppressed, None);
    }
}

/// Acceptance says at once that nothing will be sent.
pub async fn the_suppressed_are_not_queued(scene: &Scene) {
    suppress(scene, entry(scene, "ADA@example.COM", SuppressionReason::Complaint)).await;
    let accepted = match sure(scene.ledger.accept(scene.acceptance("1")).await) {
        AcceptResult::Accepted(accepted) => accepted,
        other => panic!("not accepted: {other:?}"),
    };
    assert_eq!(accepted.notifications[0].status, Status::Suppressed);
    let id = accepted.notifications[0].id;
    assert_eq!(scene.story(id).await, [TimelineKind::Accepted, TimelineKind::Suppressed]);
    let lifecycle = scene.notification(id).await.lifecycle;
    assert_eq!(lifecycle.cause, Some(Cause::known("suppressed_complaint")));
    assert!(scene.claim(10).await.is_empty());
    let again = scene.accept(scene.acceptance("1")).await;
    assert!(again.notifications[0].duplicate);
}

/// Whoever gets on the list while mail for them waits gets none.
pub async fn the_suppressed_are_not_claimed(scene: &Scene) {
    let waiting = scene.post("1").await;
    let mut other = scene.acceptance("2");
    other.notifications[0].1.to = address("bob@example.com");
    let other = scene.accept(other).await.notifications[0].id;
    suppress(scene, entry(scene, ADA, SuppressionReason::HardBounce)).await;
    let now = scene.now();
    let mut claimed = Vec::new();
    let mut suppressed = 0;
    loop {
        let request = ClaimDue { now, lease_until: now.plus_ms(LEASE_MS), limit: 1 };
        let claims = sure(scene.ledger.claim_due(request).await);
        claimed.extend(claims.claims.into_iter().map(|claim| claim.notification.id));
        suppressed += claims.suppressed;
        if claims.next_due_at.is_none() {
            break;
        }
        assert_eq!(claims.next_due_at, Some(now), "what is left is due at once");
    }
    assert_eq!((claimed, suppressed), (vec![other], 1));
    assert_eq!(scene.status(waiting).await, Status::Suppressed);
    assert_eq!(scene.story(waiting).await, [TimelineKind::Accepted, TimelineKind::Suppressed]);
}

/// Off the list, and what was suppressed can be asked for again.
pub async fn whoever_is_taken_off_gets_mail_again(scene: &Scene) {
    suppress(scene, entry(scene, ADA, SuppressionReason::Manual)).await;
    let id = scene.post("1").await;
    assert!(matches!(scene.intervene(id, Intervention::Retry).await, Intervened::Done(_)));
    assert!(scene.claim(10).await.is_empty());
    assert_eq!(scene.status(id).await, Status::Suppressed);
    assert_eq!(sure(scene.ledger.unsuppress(address("Ada@example.com")).await), 1);
    assert_eq!(sure(scene.ledger.unsuppress(address(ADA)).await), 0);
    assert!(matches!(scene.intervene(id, Intervention::Retry).await, Intervened::Done(_)));
    assert_eq!(scene.claim_one().await.notification.id, id);
}

/// An entry ends when it says.
pub async fn an_expired_entry_holds_nobody(scene: &Scene) {
    let expires_at = Some(scene.now().plus_ms(10));
    suppress(scene, NewSuppression { expires_at, ..entry(scene, ADA, SuppressionReason::Manual) }).await;
    assert_eq!(reasons(scene, ADA).await, [SuppressionReason::Manual]);
    scene.clock.advance_ms(10);
    assert!(reasons(scene, ADA).await.is_empty());
    scene.post("1").await;
    assert_eq!(scene.claim(10).await.len(), 1);
    let fresh = suppress(scene, entry(scene, ADA, SuppressionReason::RepeatedSoftBounces)).await;
    assert_eq!((fresh.reason, fresh.since), (SuppressionReason::RepeatedSoftBounces, scene.now()));
}

/// Who wants no newsletter still wants to know about the order.
pub async fn another_category_leaves_orders_alone(scene: &Scene) {
    let category = Some("newsletter".to_owned());
    suppress(scene, NewSuppression { category, ..entry(scene, ADA, SuppressionReason::Unsubscribed) }).await;
    scene.post("1").await;
    assert_eq!(scene.claim(10).await.len(), 1);
    let category = Some("transactional".to_owned());
    suppress(scene, NewSuppression { category, ..entry(scene, ADA, SuppressionReason::Manual) }).await;
    assert_eq!(scene.status(scene.post("2").await).await, Status::Suppressed);
    assert_eq!(sure(scene.ledger.unsuppress(address(ADA)).await), 2);
}

/// Who unsubscribed from one category gets no mail of it, neither what comes later nor what waits, and all the rest.
pub async fn an_unsubscription_holds_for_its_category(scene: &Scene) {
    let newsletter: Category = "newsletter".parse().unwrap_or_default();
    let of_category = |order: &str| {
        let mut acceptance = scene.acceptance(order);
        acceptance.notifications[0].1.category = newsletter.clone();
        acceptance
    };
    let waiting = scene.accept(of_category("1")).await.notifications[0].id;
    assert_eq!(scene.notification(waiting).await.category, newsletter);
    let category = Some("newsletter".to_owned());
    suppress(scene, NewSuppression { category, ..entry(scene, ADA, SuppressionReason::Unsubscribed) }).await;
    let later = scene.accept(of_category("2")).await.notifications[0].clone();
    assert_eq!(later.status, Status::Suppressed);
    let order = scene.post("3").await;
    let claim = scene.claim_one().await;
    assert_eq!(claim.notification.id, order);
    assert!(claim.notification.category.is_transactional());
    for id in [waiting, later.id] {
        let lifecycle = scene.notification(id).await.lifecycle;
        assert_eq!(lifecycle.status, Status::Suppressed);
        assert_eq!(lifecycle.cause, Some(Cause::known("suppressed_unsubscribed")));
    }
    let mut other = scene.acceptance("4");
    other.notifications[0].1.category = "review_request".parse().unwrap_or_default();
    assert_eq!(scene.accept(other).await.notifications[0].status, Status::Queued);
    assert_eq!(scene.claim_one().await.notification.category.as_str(), "review_request");
}

/// A complaint is not forgotten over a bounce, in whichever order they come.
pub async fn the_graver_reason_stays(scene: &Scene) {
    let since = scene.now();
    for (name, reasons) in [
        ("a@example.com", [SuppressionReason::Complaint, SuppressionReason::HardBounce]),
        ("b@example.com", [SuppressionReason::HardBounce, SuppressionReason::Complaint]),
    ] {
        let mut last = None;
        for reason in reasons {
            let fresh = NewSuppression { since, ..entry(scene, name, reason) };
            last = Some(suppress(scene, fresh).await);
        }
        assert_eq!(
            last.map(|entry| (entry.reason, entry.since)),
            Some((SuppressionReason::Complaint, since))
        );
        assert_eq!(self::reasons(scene, name).await, [SuppressionReason::Complaint]);
    }
}

/// The address goes, its keyed hash stays, and so does its effect.
pub async fn an_erased_address_stays_suppressed(scene: &Scene) {
    suppress(scene, entry(scene, ADA, SuppressionReason::Complaint)).await;
    assert_eq!(sure(scene.ledger.forget_suppressed_address(address("ADA@example.com")).await), 1);
    let query = SuppressionQuery { limit: 10, ..SuppressionQuery::default() };
    let page = sure(scene.ledger.list_suppressions(query, scene.now()).await);
    assert_eq!(page.entries.len(), 1);
    assert_eq!(page.entries[0].address, None);
    // Whoever puts it there again, such as a list elsewhere, does not bring the address back.
    suppress(scene, entry(scene, ADA, SuppressionReason::HardBounce)).await;
    assert_eq!(sure(scene.ledger.list_suppressions(query, scene.now()).await), page);
    assert_eq!(scene.status(scene.post("1").await).await, Status::Suppressed);
}

/// Pages follow one another without gap or overlap, with and without a filter.
pub async fn the_list_is_paged_newest_first(scene: &Scene) {
    for n in 0..7 {
        let reason = if n % 2 == 0 { SuppressionReason::Manual } else { SuppressionReason::HardBounce };
        suppress(scene, entry(scene, &format!("user{n}@example.com"), reason)).await;
        scene.clock.advance_ms(1);
    }
    for (reason, expected) in
        [(None, vec![6, 5, 4, 3, 2, 1, 0]), (Some(SuppressionReason::HardBounce), vec![5, 3, 1])]
    {
        let mut query = SuppressionQuery { reason, after: None, limit: 2 };
        let mut seen = Vec::new();
        loop {
            let page = sure(scene.ledger.list_suppressions(query, scene.now()).await);
            assert!(page.entries.len() <= 2);
            seen.extend(page.entries.iter().filter_map(|entry| entry.address.clone()));
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        let expected: Vec<_> = expected.iter().map(|n| address(&format!("user{n}@example.com"))).collect();
        assert_eq!(seen, expected);
    }
}

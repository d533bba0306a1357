//! Endpoints that hear what becomes of notifications, and what they hear.

use std::collections::BTreeSet;

use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::id::{NotificationId, WebhookId};
use postrider_core::domain::lifecycle::{OnUnknown, Verdict};
use postrider_core::domain::outcome::Words;
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::domain::webhook::{
    DisabledReason, SecretRotation, SigningSecret, Webhook, WebhookChange, WebhookEvent, WebhookState,
    WebhookUrl,
};
use postrider_core::limits::WEBHOOKS_MAX;
use postrider_core::ports::feedback::NewSuppression;
use postrider_core::ports::ledger::Intervention;
use postrider_core::ports::webhooks::{
    CallFinished, CallOutcome, ClaimCalls, FinishCall, NewWebhook, WebhookCall, WebhookCalls, WebhookCreated,
};

use super::feedback::{report, take};
use super::scene::{JUDGE_MS, LEASE_MS, Scene, address, dead, deferred, failed, sure, unknown};

/// The id of the `n`th endpoint of a case.
#[must_use]
pub fn webhook_id(n: u128) -> WebhookId {
    WebhookId::new(Timestamp::EPOCH, n)
}

/// An endpoint to be made now.
#[must_use]
pub fn new_webhook(scene: &Scene, n: u128, events: &[WebhookEvent]) -> NewWebhook {
    let Ok(url) = WebhookUrl::parse(&format!("https://shop.example/hooks/{n}?token=secret")) else {
        panic!("this is a URL")
    };
    NewWebhook {
        id: webhook_id(n),
        url,
        events: events.iter().copied().collect(),
        description: format!("endpoint {n}"),
        secret: SigningSecret::new(format!("whsec_{n}")),
        now: scene.now(),
    }
}

/// Makes the `n`th endpoint; no events means all.
pub async fn endpoint(scene: &Scene, n: u128, events: &[WebhookEvent]) -> WebhookId {
    match sure(scene.ledger.create_webhook(new_webhook(scene, n, events)).await) {
        WebhookCreated::Created(webhook) => webhook.id,
        WebhookCreated::TooMany => panic!("there is room for endpoint {n}"),
    }
}

/// The endpoint named `id`, which must be there.
pub async fn webhook(scene: &Scene, id: WebhookId) -> Webhook {
    match sure(scene.ledger.webhook(id).await) {
        Some(webhook) => webhook,
        None => panic!("{id} is not there"),
    }
}

/// Claims calls, with what is announced.
pub async fn claim_with(scene: &Scene, limit: usize, per_endpoint: usize) -> WebhookCalls {
    let now = scene.now();
    let request = ClaimCalls { now, lease_until: now.plus_ms(LEASE_MS), limit, per_endpoint };
    sure(scene.ledger.claim_calls(request).await)
}

/// Claims every call that can be had.
pub async fn claim_all(scene: &Scene) -> Vec<WebhookCall> {
    claim_with(scene, 100, 100).await.calls
}

/// Ends the try of `call` with `outcome`, now.
pub async fn end(scene: &Scene, call: &WebhookCall, outcome: CallOutcome) -> CallFinished {
    let (webhook, change, attempt) = (call.webhook, call.change, call.attempt);
    sure(scene.ledger.finish_call(FinishCall { webhook, change, attempt, outcome, now: scene.now() }).await)
}

/// What recording comes to while the endpoint stays as it is.
pub const RECORDED: CallFinished = CallFinished::Recorded { disabled: None };

/// Delivers everything that can be had until there is nothing more, and tells it in order.
pub async fn deliver_all(scene: &Scene) -> Vec<WebhookCall> {
    let mut delivered = Vec::new();
    for _ in 0..10_000 {
        let claimed = claim_with(scene, 100, 100).await;
        if claimed.calls.is_empty() && claimed.next_due_at.is_none_or(|next| next > scene.now()) {
            return delivered;
        }
        for call in claimed.calls {
            assert_eq!(end(scene, &call, CallOutcome::Delivered).await, RECORDED);
            delivered.push(call);
        }
    }
    panic!("the calls do not end");
}

/// What `calls` tell of `id`, in their order.
#[must_use]
pub fn told(calls: &[WebhookCall], id: NotificationId) -> Vec<WebhookEvent> {
    calls.iter().filter(|call| call.notification.id == id).map(|call| call.event).collect()
}

/// Everything about an endpoint is kept, and its secret cannot be seen by accident.
pub async fn an_endpoint_comes_back_as_it_was(scene: &Scene) {
    let new = new_webhook(scene, 1, &[WebhookEvent::Bounced, WebhookEvent::Sent]);
    let made = sure(scene.ledger.create_webhook(new.clone()).await);
    assert_eq!(made, WebhookCreated::Created(Box::new(new.webhook())));
    let other = new_webhook(scene, 2, &[]);
    sure(scene.ledger.create_webhook(other.clone()).await);
    assert_eq!(webhook(scene, new.id).await, new.webhook());
    assert_eq!(sure(scene.ledger.webhooks().await), [new.webhook(), other.webhook()]);
    assert_eq!(sure(scene.ledger.webhook(webhook_id(3)).await), None);
    let shown = format!("{:?}", webhook(scene, new.id).await);
    assert!(shown.contains("https://shop.example/…"), "{shown}");
    assert!(!shown.contains("whsec_") && !shown.contains("token"), "{shown}");
}

/// Whoever did not hear the answer asks again and gets the first.
pub async fn the_same_id_again_finds_the_first(scene: &Scene) {
    let first = new_webhook(scene, 1, &[]);
    sure(scene.ledger.create_webhook(first.clone()).await);
    let again = NewWebhook { description: "again".to_owned(), ..first.clone() };
    assert_eq!(
        sure(scene.ledger.create_webhook(again).await),
        WebhookCreated::Created(Box::new(first.webhook()))
    );
    assert_eq!(sure(scene.ledger.webhooks().await).len(), 1);
}

/// There is a bound, and a deleted endpoint makes room.
pub async fn no_more_endpoints_than_the_bound(scene: &Scene) {
    for n in 0..WEBHOOKS_MAX {
        endpoint(scene, n as u128, &[]).await;
    }
    let one_more = new_webhook(scene, 1_000, &[]);
    assert_eq!(sure(scene.ledger.create_webhook(one_more.clone()).await), WebhookCreated::TooMany);
    assert!(sure(scene.ledger.delete_webhook(webhook_id(7)).await));
    assert!(matches!(sure(scene.ledger.create_webhook(one_more).await), WebhookCreated::Created(_)));
}

/// What a change does not name stays.
pub async fn a_change_changes_only_what_it_names(scene: &Scene) {
    let new = new_webhook(scene, 1, &[WebhookEvent::Bounced]);
    sure(scene.ledger.create_webhook(new.clone()).await);
    let nothing = WebhookChange::default();
    assert_eq!(
        sure(scene.ledger.update_webhook(new.id, nothing.clone(), scene.now()).await),
        Some(new.webhook())
    );
    let url = new_webhook(scene, 2, &[]).url;
    let change = WebhookChange {
        url: Some(url.clone()),
        events: Some(BTreeSet::new()),
        description: Some("moved".to_owned()),
        enabled: Some(false),
        ..nothing.clone()
    };
    let state = WebhookState::Disabled { at: scene.now(), reason: DisabledReason::Manual };
    let expected =
        Webhook { url, events: BTreeSet::new(), description: "moved".to_owned(), state, ..new.webhook() };
    assert_eq!(sure(scene.ledger.update_webhook(new.id, change, scene.now()).await), Some(expected.clone()));
    assert_eq!(webhook(scene, new.id).await, expected);
    assert_eq!(sure(scene.ledger.update_webhook(webhook_id(9), nothing, scene.now()).await), None);
}

/// After a rotation both secrets sign, the newest first, until the old one expires; a third takes the oldest's place.
pub async fn two_secrets_sign_until_the_old_one_expires(scene: &Scene) {
    let id = endpoint(scene, 1, &[]).await;
    let rotate = |text: &str, after_ms: u64| WebhookChange {
        rotation: Some(SecretRotation {
            secret: SigningSecret::new(text),
            old_until: scene.now().plus_ms(after_ms),
        }),
        ..WebhookChange::default()
    };
    let signing = async || {
        let calls = claim_all(scene).await;
        assert_eq!(calls.len(), 1);
        end(scene, &calls[0], CallOutcome::Retry { until: scene.now() }).await;
        calls[0].secrets.iter().map(|secret| secret.reveal().to_owned()).collect::<Vec<_>>()
    };
    scene.post_and_finish("1", Verdict::Sent).await;
    assert_eq!(signing().await, ["whsec_1"]);
    let change = rotate("whsec_new", 1_000);
    for _ in 0..2 {
        // Twice, as somebody does who did not hear the answer.
        sure(scene.ledger.update_webhook(id, change.clone(), scene.now()).await);
        assert_eq!(signing().await, ["whsec_new", "whsec_1"]);
    }
    sure(scene.ledger.update_webhook(id, rotate("whsec_newest", 500), scene.now()).await);
    assert_eq!(signing().await, ["whsec_newest", "whsec_new"]);
    scene.clock.advance_ms(499);
    assert_eq!(signing().await, ["whsec_newest", "whsec_new"]);
    scene.clock.advance_ms(1);
    assert_eq!(signing().await, ["whsec_newest"]);
    assert_eq!(webhook(scene, id).await.secrets[0].expires_at, None);
}

/// While nobody listens nothing is kept, so that nobody pays for it; who comes hears of what happens from then on.
pub async fn nothing_is_recorded_without_an_endpoint(scene: &Scene) {
    scene.post_and_finish("1", Verdict::Sent).await;
    let id = endpoint(scene, 1, &[]).await;
    assert!(claim_all(scene).await.is_empty());
    let replay = super::webhook_replays::everything(scene, id);
    assert_eq!(super::webhook_replays::replay(scene, replay).await, 0);
    let heard = scene.post_and_finish("2", Verdict::Sent).await;
    assert!(sure(scene.ledger.delete_webhook(id).await));
    scene.post_and_finish("3", Verdict::Sent).await;
    let other = endpoint(scene, 2, &[]).await;
    assert!(claim_all(scene).await.is_empty());
    let replay = super::webhook_replays::everything(scene, other);
    assert_eq!(super::webhook_replays::replay(scene, replay).await, 1);
    assert_eq!(told(&deliver_all(scene).await, heard), [WebhookEvent::Sent]);
}

/// A filter lets through what it names; without one everything comes.
pub async fn an_endpoint_hears_only_of_what_it_asked_for(scene: &Scene) {
    let all = endpoint(scene, 1, &[]).await;
    let some = endpoint(scene, 2, &[WebhookEvent::Delivered, WebhookEvent::Failed]).await;
    let sent = scene.post_and_finish("1", Verdict::Sent).await;
    take(scene, sent, report(ReportKind::Delivered, "1")).await;
    let refused = scene.post_and_finish("2", failed("smtp_550")).await;
    let calls = deliver_all(scene).await;
    let of = |webhook| {
        let told = calls.iter().filter(|call| call.webhook == webhook);
        told.map(|call| (call.notification.id, call.event)).collect::<BTreeSet<_>>()
    };
    let delivered = [(sent, WebhookEvent::Delivered), (refused, WebhookEvent::Failed)];
    assert_eq!(of(some), BTreeSet::from(delivered));
    assert_eq!(of(all), BTreeSet::from([delivered[0], delivered[1], (sent, WebhookEvent::Sent)]));
}

/// Everything a receiver needs is in the call, and says the same at every try.
pub async fn a_call_tells_what_happened(scene: &Scene) {
    let id = endpoint(scene, 1, &[WebhookEvent::Bounced]).await;
    let notification = scene.post_and_finish("1", Verdict::Sent).await;
    scene.clock.advance_ms(10);
    let happened_at = scene.now();
    take(scene, notification, report(ReportKind::Bounced(BounceClass::UnknownUser), "1")).await;
    let mut ids = BTreeSet::new();
    for attempt in 1..=2 {
        let calls = claim_all(scene).await;
        let [call] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!((call.webhook, call.event, call.attempt), (id, WebhookEvent::Bounced, attempt));
        assert_eq!((call.at, call.status), (happened_at, Status::Bounced));
        assert_eq!(call.entry.kind, TimelineKind::Bounced);
        assert_eq!(call.entry.words.as_ref().map(Words::as_str), Some("550 5.1.1 no such user"));
        assert_eq!(call.notification, scene.notification(notification).await);
        assert_eq!(call.notification.correlation_id.as_deref(), Some("trace-1"));
        assert_eq!(call.url.as_str(), "https://shop.example/hooks/1?token=secret");
        assert!(call.message_id().starts_with("msg_"), "{}", call.message_id());
        ids.insert(call.message_id());
        end(scene, call, CallOutcome::Retry { until: scene.now() }).await;
        // The complaint comes between the tries and changes nothing about what this call tells.
        take(scene, notification, report(ReportKind::Complained, &format!("complaint {attempt}"))).await;
    }
    assert_eq!(ids.len(), 1);
}

/// Each way a notification can go is told by its own event, and nothing is told twice.
pub async fn every_turn_is_told_by_its_event(scene: &Scene) {
    endpoint(scene, 1, &[]).await;
    let later = scene.now().plus_ms(JUDGE_MS);
    let cases = [
        (Verdict::Sent, WebhookEvent::Sent),
        (failed("smtp_550"), WebhookEvent::Failed),
        (dead("connect_refused"), WebhookEvent::Dead),
        (unknown(later), WebhookEvent::Unknown),
        (deferred(later.plus_ms(JUDGE_MS)), WebhookEvent::Deferred),
    ];
    let mut expected = Vec::new();
    for (verdict, event) in cases {
        let id = scene.post_and_finish(event.as_str(), verdict.clone()).await;
        expected.push((id, vec![event]));
    }
    // The mail service says that it took what is known to be sent, and what was not.
    take(scene, expected[0].0, report(ReportKind::Accepted, "sent")).await;
    take(scene, expected[3].0, report(ReportKind::Accepted, "unknown")).await;
    expected[3].1.push(WebhookEvent::Sent);
    scene.intervene(expected[4].0, Intervention::Cancel).await;
    expected[4].1.push(WebhookEvent::Canceled);
    let held = scene.post_and_finish("held", unknown(scene.now())).await;
    assert_eq!(scene.sweep(OnUnknown::Hold).await.held, 1);
    expected.push((held, vec![WebhookEvent::Unknown, WebhookEvent::Held]));
    // What was reported while it was on its way outweighs how the attempt ended.
    let settled = scene.post("settled").await;
    let claim = scene.claim_one().await;
    take(scene, settled, report(ReportKind::Delivered, "settled")).await;
    scene.finish(&claim, unknown(later)).await;
    expected.push((settled, vec![WebhookEvent::Delivered]));
    suppress_ada(scene).await;
    expected.push((scene.post("suppressed").await, vec![WebhookEvent::Suppressed]));
    let calls = deliver_all(scene).await;
    for (id, events) in expected {
        assert_eq!(told(&calls, id), events, "{}", scene.notification(id).await.order_id.unwrap_or_default());
    }
}

async fn suppress_ada(scene: &Scene) {
    let entry = NewSuppression {
        address: address("ada@example.com"),
        category: None,
        reason: SuppressionReason::Manual,
        source: "api".to_owned(),
        since: scene.now(),
        expires_at: None,
        now: scene.now(),
    };
    sure(scene.ledger.suppress(entry).await);
}

/// A deleted endpoint is gone with all its calls, and takes nothing with it that is another's.
pub async fn a_deleted_endpoint_hears_nothing(scene: &Scene) {
    let (first, second) = (endpoint(scene, 1, &[]).await, endpoint(scene, 2, &[]).await);
    for order in ["1", "2"] {
        scene.post_and_finish(order, Verdict::Sent).await;
    }
    let calls = claim_with(scene, 2, 1).await.calls;
    let Some(in_hand) = calls.iter().find(|call| call.webhook == first) else { panic!("{calls:?}") };
    assert!(sure(scene.ledger.delete_webhook(first).await));
    assert!(!sure(scene.ledger.delete_webhook(first).await));
    assert_eq!(end(scene, in_hand, CallOutcome::Delivered).await, CallFinished::Stale);
    assert_eq!(sure(scene.ledger.webhook(first).await), None);
    scene.clock.advance_ms(LEASE_MS);
    scene.post_and_finish("3", Verdict::Sent).await;
    let heard = deliver_all(scene).await;
    assert_eq!(heard.len(), 3);
    assert!(heard.iter().all(|call| call.webhook == second));
    // Nor does one that comes later find anything of it.
    endpoint(scene, 3, &[]).await;
    assert!(claim_all(scene).await.is_empty());
}

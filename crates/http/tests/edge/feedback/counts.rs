//! Counters are exact, whatever comes in whatever order.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use postrider_aws::ses_event;
use postrider_core::ports::clock::Random as _;
use postrider_core::ports::feedback::SuppressionQuery;
use postrider_core::ports::ledger::{Finished, Ledger};
use postrider_testkit::contract::scene::{Scene, sure};
use postrider_testkit::random::SeededRandom;

use super::{Counters, End, api, embedded, shuffle};
use crate::ses_examples::{self, By, sending};

/// What SES's documentation says an example means, in the simplest words: how much it weighs, the status that makes of
/// a notification, which counter it moves, and whether it condemns the address.
const MEANINGS: [(&str, u8, &str, &str, bool); 17] = [
    ("event_open", 0, "sent", "", false),
    ("event_click", 0, "sent", "", false),
    ("event_unknown_kind", 0, "sent", "", false),
    ("event_complaint_not_spam", 0, "sent", "", false),
    ("event_delivery_delay", 0, "sent", "", false),
    ("event_delivery_delay_mailbox_full", 0, "sent", "", false),
    ("event_bounce_transient_mailbox_full", 0, "sent", "soft_bounces", false),
    ("event_bounce_transient_message_too_large", 0, "sent", "soft_bounces", false),
    ("event_bounce_transient_general", 0, "sent", "soft_bounces", false),
    ("event_send", 1, "sent", "", false),
    ("event_reject", 2, "failed", "send_failures", false),
    ("event_rendering_failure", 2, "failed", "send_failures", false),
    ("event_delivery", 3, "delivered", "deliveries", false),
    ("event_bounce_permanent_general_blocked", 4, "bounced", "bounces", false),
    ("event_bounce_permanent_no_email", 4, "bounced", "bounces", true),
    ("notification_bounce_with_dsn", 4, "bounced", "bounces", true),
    ("event_complaint", 5, "complained", "complaints", true),
];

fn any_way(random: &SeededRandom) -> By {
    By::ALL[usize::try_from(random.next_u64() % 3).unwrap()]
}

const NOTIFICATIONS: usize = 1_000;
const REPORTS: usize = 10_000;
/// Different reports about each notification.
const DIFFERENT: usize = 7;
/// Of these, how many come again.
const AGAIN: usize = 2;
/// Notifications about which reports come that nobody can have: they have never been handed to a sender.
const NEVER_SENT: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_shuffled_reports_are_counted_exactly() {
    let (_directory, ledger) = embedded();
    let scene = Scene::new(Arc::clone(&ledger));
    let sent = sending(&scene, NOTIFICATIONS).await;
    for finished in join_all(sent.iter().map(|each| ledger.finish_attempt(each.finish(&scene)))).await {
        assert!(!matches!(sure(finished), Finished::Stale));
    }
    let random = SeededRandom::new(10_000);
    let mut texts = Vec::with_capacity(REPORTS);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut ends = Vec::with_capacity(NOTIFICATIONS);
    for (number, each) in sent.iter().enumerate() {
        let mut meanings = MEANINGS;
        shuffle(&mut meanings, &random);
        let chosen = &meanings[..DIFFERENT];
        for (position, (name, _, _, counter, condemns)) in chosen.iter().enumerate() {
            let text = ses_examples::text(name, each, any_way(&random));
            *counts.entry(counter).or_default() += 1;
            *counts.entry("suppressions_added").or_default() += u64::from(*condemns);
            if position < AGAIN {
                texts.push(text.clone());
                *counts.entry("repeated").or_default() += 1;
            }
            texts.push(text);
        }
        if number >= NEVER_SENT {
            // About this message, but not about whom it went to.
            let text = ses_examples::text("event_complaint", each, By::Tag);
            texts.push(text.replace(each.to(), "somebody-else@shop.example"));
            *counts.entry("orphans").or_default() += 1;
        }
        let heaviest = chosen.iter().max_by_key(|(_, weight, ..)| weight).unwrap();
        ends.push((heaviest.2, chosen.iter().any(|(.., condemns)| *condemns)));
    }
    let waiting = ses_examples::waiting(&scene, NEVER_SENT).await;
    for each in &waiting {
        texts.push(ses_examples::text("event_bounce_permanent_no_email", each, By::Tag));
        *counts.entry("orphans").or_default() += 1;
    }
    assert_eq!(texts.len(), REPORTS);
    shuffle(&mut texts, &random);

    let api = api(&ledger);
    let taken = stream::iter(texts).map(|text| {
        let api = api.clone();
        tokio::spawn(async move {
            let event = ses_event::read(text.as_bytes()).unwrap();
            assert_eq!(event.reports.len(), 1);
            sure(api.take_reports(&event.references, event.reports).await);
        })
    });
    taken.buffer_unordered(64).for_each(async |done| done.unwrap()).await;

    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    let expected = Counters {
        deliveries: count("deliveries"),
        bounces: count("bounces"),
        soft_bounces: count("soft_bounces"),
        complaints: count("complaints"),
        send_failures: count("send_failures"),
        orphans: 1_000,
        repeated: 2_000,
        suppressions_added: count("suppressions_added"),
        unknown_settled: 0,
    };
    assert_eq!((count("orphans"), count("repeated")), (1_000, 2_000));
    assert!(expected.deliveries > 300 && expected.complaints > 300, "{expected:?}");
    assert_eq!(Counters::of(&api.metrics), expected);
    let mut suppressed = 0;
    for (each, (status, condemned)) in sent.iter().zip(&ends) {
        let end = End::of(&*ledger, &scene, each).await;
        assert_eq!((end.status, end.reports.len()), (*status, DIFFERENT));
        assert_eq!(end.suppressed.is_empty(), !condemned);
        suppressed += usize::from(*condemned);
    }
    for each in &waiting {
        let end = End::of(&*ledger, &scene, each).await;
        assert_eq!((end.status, end.reports.len(), end.suppressed.len()), ("queued", 0, 0));
    }
    assert_eq!(listed(&*ledger, &scene).await, suppressed);
}

/// How many entries the suppression list has.
async fn listed(ledger: &dyn Ledger, scene: &Scene) -> usize {
    let (mut count, mut after) = (0, None);
    loop {
        let query = SuppressionQuery { reason: None, after, limit: 1_000 };
        let page = sure(ledger.list_suppressions(query, scene.now()).await);
        count += page.entries.len();
        after = page.next;
        if after.is_none() {
            return count;
        }
    }
}

//! Every example of SES, in every order, each twice, also before the send is recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use postrider_aws::ses_event::SesEvent;
use postrider_core::ports::ledger::{Finished, Ledger};
use postrider_http::state::Api;
use postrider_testkit::contract::scene::{Scene, recipient_rules, sure};
use postrider_testkit::memory_ledger::MemoryLedger;
use postrider_testkit::random::SeededRandom;

use super::{Counters, End, api, embedded, shuffle};
use crate::ses_examples::{self, By, Sending, sending};

/// Every order of `0..count` (Heap's algorithm).
fn permutations(count: usize) -> Vec<Vec<usize>> {
    fn go(size: usize, items: &mut Vec<usize>, all: &mut Vec<Vec<usize>>) {
        if size <= 1 {
            all.push(items.clone());
            return;
        }
        for turn in 0..size {
            go(size - 1, items, all);
            items.swap(if size.is_multiple_of(2) { turn } else { 0 }, size - 1);
        }
    }
    let mut all = Vec::new();
    go(count, &mut (0..count).collect(), &mut all);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), (1..=count).product::<usize>());
    all
}

/// Takes in `events` in this order and then backwards, so that each comes twice, and has the sender record its send
/// before the `finish_at`-th.
async fn run(api: &Api, scene: &Scene, sent: &Sending, events: &[&SesEvent], finish_at: usize) -> End {
    let twice = events.iter().chain(events.iter().rev());
    for (position, event) in twice.enumerate() {
        if position == finish_at {
            finish(scene, sent).await;
        }
        sure(api.take_reports(&event.references, event.reports.clone()).await);
    }
    if finish_at >= events.len() * 2 {
        finish(scene, sent).await;
    }
    End::of(&*api.ledger, scene, sent).await
}

async fn finish(scene: &Scene, sent: &Sending) {
    let finished = sure(scene.ledger.finish_attempt(sent.finish(scene)).await);
    assert_ne!(finished, Finished::Stale);
}

/// One notification in the hands of a sender, in a ledger of its own.
async fn in_memory() -> (Api, Scene, Sending) {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new(recipient_rules()));
    let scene = Scene::new(Arc::clone(&ledger));
    let sent = sending(&scene, 1).await.remove(0);
    (api(&ledger), scene, sent)
}

/// Five examples, and what a notification comes to of which they all are true.
struct Group {
    examples: [&'static str; 5],
    status: &'static str,
    cause: Option<&'static str>,
    suppressed: &'static [&'static str],
}

/// One of every truth.
const TRUTHS: Group = Group {
    examples: [
        "event_send",
        "event_reject",
        "event_delivery",
        "event_bounce_permanent_no_email",
        "event_complaint",
    ],
    status: "complained",
    cause: Some("complaint"),
    suppressed: &["complaint"],
};

/// Bounces that give different causes.
const BOUNCES: Group = Group {
    examples: [
        "event_bounce_permanent_no_email",
        "event_bounce_permanent_general_blocked",
        "event_bounce_permanent_suppressed",
        "notification_bounce_with_dsn",
        "event_delivery",
    ],
    status: "bounced",
    cause: Some("bounce_unknown_user_5.1.1"),
    suppressed: &["hard_bounce"],
};

/// Complaints, and what SES calls one.
const COMPLAINTS: Group = Group {
    examples: [
        "event_complaint_auth_failure",
        "event_complaint_not_spam",
        "event_complaint_on_account_suppression_list",
        "notification_complaint_with_feedback_report",
        "notification_delivery",
    ],
    status: "complained",
    cause: Some("complaint"),
    suppressed: &["complaint"],
};

/// The service's own refusals, of which the one whose name sorts last is shown.
const REFUSALS: Group = Group {
    examples: [
        "event_send",
        "event_reject",
        "event_rendering_failure",
        "event_bounce_transient_content_rejected",
        "event_delivery_delay",
    ],
    status: "failed",
    cause: Some("rendering_failed_by_service"),
    suppressed: &[],
};

/// A delivery after much ado.
const DELIVERIES: Group = Group {
    examples: [
        "event_delivery_delay_spam_detected",
        "event_bounce_transient_mailbox_full",
        "notification_delivery_without_headers",
        "event_open",
        "event_delivery_of_ours",
    ],
    status: "delivered",
    cause: None,
    suppressed: &[],
};

/// Nothing that establishes anything.
const NOTHING: Group = Group {
    examples: [
        "event_click",
        "event_subscription",
        "event_unknown_kind",
        "event_bounce_transient_general_auto_reply",
        "notification_subscription_succeeded",
    ],
    status: "sent",
    cause: None,
    suppressed: &[],
};

/// Whether what is counted is the same wherever the send is recorded: reports that find their notification only by the
/// id of SES are kept, and counted by nobody, until that is known.
fn counts_everywhere(by: By) -> bool {
    by != By::SesId
}

async fn every_order_ends_the_same(group: &Group) {
    let mut first: BTreeMap<usize, (End, Counters)> = BTreeMap::new();
    let orders = permutations(group.examples.len());
    let mut runs = 0;
    for (way, by) in By::ALL.into_iter().enumerate() {
        for (turn, order) in orders.iter().enumerate() {
            let positions = group.examples.len() * 2 + 1;
            // By our tag at every position; otherwise at one of them, another for every order.
            let chosen = if by == By::Tag { 0..positions } else { turn % positions..turn % positions + 1 };
            for finish_at in chosen {
                let (api, scene, sent) = in_memory().await;
                let events: Vec<_> =
                    group.examples.iter().map(|name| ses_examples::event(name, &sent, by)).collect();
                let ordered: Vec<_> = order.iter().map(|index| &events[*index]).collect();
                let end = run(&api, &scene, &sent, &ordered, finish_at).await;
                let counters = Counters::of(&api.metrics);
                let context = format!("{by:?}, {order:?}, sent before {finish_at}");
                assert_eq!((end.status, end.cause.as_deref()), (group.status, group.cause), "{context}");
                assert_eq!(end.suppressed, group.suppressed, "{context}");
                let (expected, counted) = first.entry(way).or_insert_with(|| (end.clone(), counters));
                assert_eq!(end, *expected, "{context}");
                if counts_everywhere(by) {
                    assert_eq!(counters, *counted, "{context}");
                }
                runs += 1;
            }
        }
    }
    assert_eq!(runs, 120 * 11 + 120 + 120);
    assert_eq!(first[&0].1, first[&1].1, "by tag and by Message-ID");
}

#[tokio::test]
async fn one_report_of_every_truth_ends_the_same_in_every_order() {
    every_order_ends_the_same(&TRUTHS).await;
}

#[tokio::test]
async fn bounces_with_different_causes_end_the_same_in_every_order() {
    every_order_ends_the_same(&BOUNCES).await;
}

#[tokio::test]
async fn complaints_and_what_is_called_one_end_the_same_in_every_order() {
    every_order_ends_the_same(&COMPLAINTS).await;
}

#[tokio::test]
async fn refusals_of_the_service_end_the_same_in_every_order() {
    every_order_ends_the_same(&REFUSALS).await;
}

#[tokio::test]
async fn a_delivery_after_delays_ends_the_same_in_every_order() {
    every_order_ends_the_same(&DELIVERIES).await;
}

#[tokio::test]
async fn reports_that_establish_nothing_leave_the_same_in_every_order() {
    every_order_ends_the_same(&NOTHING).await;
}

#[tokio::test]
async fn all_examples_shuffled_end_the_same_wherever_the_send_is_recorded() {
    let names = ses_examples::names();
    let random = SeededRandom::new(37);
    let mut first: [Option<(End, Counters)>; 2] = [None, None];
    for round in 0..40 {
        let mut order: Vec<usize> = (0..names.len()).collect();
        shuffle(&mut order, &random);
        let by = [By::Tag, By::MessageId][round % 2];
        for finish_at in (round / 2 % 4..=names.len() * 2).step_by(4) {
            let (api, scene, sent) = in_memory().await;
            let events: Vec<_> = names.iter().map(|name| ses_examples::event(name, &sent, by)).collect();
            let ordered: Vec<_> = order.iter().map(|index| &events[*index]).collect();
            let end = run(&api, &scene, &sent, &ordered, finish_at).await;
            let counters = Counters::of(&api.metrics);
            let (expected, counted) = first[round % 2].get_or_insert_with(|| (end.clone(), counters));
            assert_eq!((&end, counters), (&*expected, *counted), "{order:?}, sent before {finish_at}");
        }
    }
    let [Some((end, counters)), Some((_, by_message_id))] = first else { panic!("nothing was tried") };
    assert_eq!(counters, by_message_id);
    assert_eq!(
        (end.status, end.cause.as_deref(), end.suppressed.as_slice()),
        ("complained", Some("complaint"), ["complaint"].as_slice())
    );
    // Four of the examples tell of one and the same delivery, and one tells nothing of any message.
    assert_eq!((end.reports.len(), end.others), (names.len() - 4, 3));
    // Of several recipients the first is ours; one and one stay somebody else's.
    assert_eq!((counters.deliveries, counters.complaints, counters.orphans), (1, 3, 4));
    assert_eq!(counters.repeated, 2 * (names.len() as u64 - 1) - (names.len() as u64 - 4));
}

#[tokio::test]
async fn the_embedded_ledger_ends_where_the_one_in_memory_does() {
    let (_directory, embedded) = embedded();
    let scene = Scene::new(Arc::clone(&embedded));
    let orders = permutations(5);
    let groups = [TRUTHS, BOUNCES, COMPLAINTS, REFUSALS, DELIVERIES, NOTHING];
    let mut runs = Vec::new();
    for (turn, order) in orders.iter().enumerate().step_by(5) {
        for (number, group) in groups.iter().enumerate() {
            runs.push((group, order, By::ALL[(turn + number) % 3], (turn + 3 * number) % 11));
        }
    }
    let notifications = sending(&scene, runs.len()).await;
    // At the same time, so that they share the ledger's commits.
    let checks = runs.iter().zip(&notifications).map(async |((group, order, by, finish_at), sent)| {
        let end = async |api: &Api, scene: &Scene, sent: &Sending| {
            let events: Vec<_> =
                order.iter().map(|index| ses_examples::event(group.examples[*index], sent, *by)).collect();
            let end = run(api, scene, sent, &events.iter().collect::<Vec<_>>(), *finish_at).await;
            (end, Counters::of(&api.metrics))
        };
        let (found, counted) = end(&api(&embedded), &scene, sent).await;
        let (memory, memory_scene, other) = in_memory().await;
        let (expected, expected_count) = end(&memory, &memory_scene, &other).await;
        let context = format!("{by:?}, {order:?}, sent before {finish_at}");
        assert_eq!((found.status, found.cause.as_deref()), (group.status, group.cause), "{context}");
        assert_eq!(found.suppressed, group.suppressed, "{context}");
        let kinds = |end: &End| {
            let mut kinds: Vec<_> = end.reports.iter().map(|(kind, _)| *kind).collect();
            kinds.sort_unstable();
            (kinds, end.others)
        };
        assert_eq!(kinds(&found), kinds(&expected), "{context}");
        assert_eq!(counted, expected_count, "{context}");
    });
    join_all(checks).await;
}

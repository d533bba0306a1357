//! What Postfix answers, and what becomes of the notification.

use postrider_bench::records::Entry;

use crate::world::{World, kinds, only};

fn words(entry: &Entry) -> &str {
    entry.response.as_deref().unwrap_or_default()
}

#[test]
fn a_message_goes_through_postfix_to_its_recipient_exactly_once() {
    let world = World::start(&[]);
    let id = world.post("ada@example.com");
    let timeline = world.wait_for(&id, "sent");
    assert_eq!(kinds(&timeline), ["accepted", "claimed", "sent"]);
    assert!(words(only(&timeline, "sent")).starts_with("250 2.0.0 Ok: queued as "), "{timeline:?}");
    assert_eq!(world.arrived(&id, 1), 1);
    assert_eq!(world.sink.arrivals()[0].recipient, "ada@example.com");
    let as_stored = world.client().get(&format!("/v1/notifications/{id}/message")).unwrap().body;
    let as_arrived = &world.sink.messages_of(&id)[0];
    // Postfix puts its own trace fields before the message and changes nothing else.
    assert!(as_arrived.ends_with(&as_stored), "the stored message is not the one that arrived");
}

#[test]
fn two_hundred_orders_make_two_hundred_messages() {
    let world = World::start(&[]);
    let ids: Vec<String> =
        (0..200).map(|number| world.post(&format!("customer-{number}@example.com"))).collect();
    for id in &ids {
        world.wait_for(id, "sent");
    }
    assert_eq!(world.sink.wait_for_total(200, crate::world::PATIENCE), 200);
    assert!(ids.iter().all(|id| world.sink.count_of(id) == 1));
}

#[test]
fn an_unknown_mailbox_fails_with_the_servers_words_and_is_not_tried_again() {
    let world = World::start(&[]);
    let id = world.post("refuse-550-5.1.1@example.com");
    let timeline = world.wait_for(&id, "failed");
    assert_eq!(kinds(&timeline), ["accepted", "claimed", "failed"]);
    let failed = only(&timeline, "failed");
    assert!(words(failed).starts_with("550 5.1.1 "), "{failed:?}");
    assert!(words(failed).ends_with("refused as the recipient asks"), "{failed:?}");
    assert_eq!(failed.cause.as_deref(), Some("smtp_550_5.1.1"));
    assert_eq!(world.cause_of(&id).as_deref(), Some("smtp_550_5.1.1"));
    assert_eq!(world.sink.total(), 0);
}

#[test]
fn a_temporary_refusal_is_deferred_with_the_servers_words() {
    let world = World::start(&[("RETRY__BASE_DELAY_MS", "600000"), ("RETRY__MAX_DELAY_MS", "600000")]);
    let id = world.post("refuse-451-4.3.0@example.com");
    let timeline = world.wait_for(&id, "deferred");
    let deferred = timeline.last().unwrap();
    assert!(words(deferred).starts_with("451 4.3.0 "), "{deferred:?}");
    assert_eq!(deferred.cause.as_deref(), Some("smtp_451_4.3.0"));
    assert_eq!(world.sink.total(), 0);
}

#[test]
fn temporary_refusals_without_end_make_a_dead_letter_after_the_last_attempt() {
    let world = World::start(&[("RETRY__MAX_ATTEMPTS", "3")]);
    let id = world.post("refuse-451-4.3.0@example.com");
    let timeline = world.wait_for(&id, "dead");
    let kinds = kinds(&timeline);
    let expected = ["accepted", "claimed", "deferred", "claimed", "deferred", "claimed", "dead"];
    assert_eq!(kinds, expected, "{timeline:?}");
    assert_eq!(world.cause_of(&id).as_deref(), Some("smtp_451_4.3.0"));
    assert_eq!(world.sink.total(), 0);
}

#[test]
fn a_server_that_closes_with_421_defers_that_message_and_takes_the_next() {
    let world = World::start(&[("RETRY__BASE_DELAY_MS", "600000"), ("RETRY__MAX_DELAY_MS", "600000")]);
    let refused = world.post("refuse-421-4.3.2@example.com");
    let timeline = world.wait_for(&refused, "deferred");
    let deferred = timeline.last().unwrap();
    assert!(words(deferred).starts_with("421 4.3.2 "), "{deferred:?}");
    assert_eq!(deferred.cause.as_deref(), Some("smtp_421_4.3.2"));
    let taken = world.post("ada@example.com");
    world.wait_for(&taken, "sent");
    assert_eq!((world.arrived(&taken, 1), world.sink.count_of(&refused)), (1, 0));
}

#[test]
fn a_message_waits_for_a_stopped_postfix_and_leaves_when_it_is_back() {
    let mut world = World::start(&[("RETRY__MAX_ATTEMPTS", "100")]);
    world.postfix.stop().unwrap();
    let id = world.post("ada@example.com");
    let timeline = world.wait_for(&id, "deferred");
    assert_eq!(timeline.last().unwrap().cause.as_deref(), Some("connect_refused"), "{timeline:?}");
    world.postfix.start_again().unwrap();
    let timeline = world.wait_for(&id, "sent");
    assert!(!kinds(&timeline).contains(&"unknown"), "{timeline:?}");
    assert_eq!(world.arrived(&id, 1), 1);
}

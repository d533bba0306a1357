//! Connections that break, or fall silent, at the moments that matter.

use postrider_testkit::postfix::{Fault, FaultProxy};

use crate::world::{World, kinds, only};

/// The Message-ID of a message, which a second copy must share.
fn message_id(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message).into_owned();
    let field = text.lines().find(|line| line.to_ascii_lowercase().starts_with("message-id:"));
    field.unwrap().to_owned()
}

#[test]
fn a_cut_before_the_message_is_deferred_and_leaves_no_doubt() {
    let world = World::start_with_faults(vec![Fault::CutBeforeData], &[]);
    let id = world.post("ada@example.com");
    let timeline = world.wait_for(&id, "sent");
    assert_eq!(kinds(&timeline), ["accepted", "claimed", "deferred", "claimed", "sent"]);
    assert_eq!(only(&timeline, "deferred").cause.as_deref(), Some("disconnected_at_data"));
    assert_eq!(world.arrived(&id, 1), 1);
}

#[test]
fn a_cut_in_the_message_ends_with_one_message() {
    let world = World::start_with_faults(vec![Fault::CutInData { after_bytes: 700 }], &[]);
    let id = world.post("ada@example.com");
    let timeline = world.wait_for(&id, "sent");
    // The whole message fits the socket's buffer, so the program may rightly not know that its end never arrived.
    let first = &timeline[2];
    assert!(matches!(first.kind.as_str(), "deferred" | "unknown"), "{timeline:?}");
    assert!(first.cause.as_deref().is_some_and(|cause| cause.starts_with("disconnected_")), "{timeline:?}");
    assert_eq!(world.arrived(&id, 1), 1);
}

#[test]
fn a_cut_after_the_final_dot_is_unknown_and_held_without_a_second_message() {
    let world = World::start_with_faults(vec![Fault::CutAfterFinalDot], &[("MAILER__ON_UNKNOWN", "hold")]);
    let id = world.post("ada@example.com");
    let timeline = world.wait_for(&id, "held");
    assert_eq!(kinds(&timeline), ["accepted", "claimed", "unknown", "held"]);
    assert_eq!(only(&timeline, "unknown").cause.as_deref(), Some("disconnected_after_data"));
    assert_eq!(world.arrived(&id, 1), 1);
}

#[test]
fn a_cut_after_the_final_dot_is_unknown_and_sent_again_under_the_same_message_id() {
    let world = World::start_with_faults(vec![Fault::CutAfterFinalDot], &[]);
    let id = world.post("ada@example.com");
    let timeline = world.wait_for(&id, "sent");
    assert_eq!(kinds(&timeline), ["accepted", "claimed", "unknown", "resent", "claimed", "sent"]);
    assert_eq!(world.arrived(&id, 2), 2);
    let messages = world.sink.messages_of(&id);
    assert_eq!(message_id(&messages[0]), message_id(&messages[1]));
}

#[test]
fn a_server_that_never_greets_defers_the_message() {
    let world = World::start_with_faults(vec![Fault::SilentGreeting], &[("MAILER__SMTP__TIMEOUT_SECS", "1")]);
    let id = world.post("ada@example.com");
    let timeline = world.wait_for(&id, "sent");
    assert_eq!(kinds(&timeline), ["accepted", "claimed", "deferred", "claimed", "sent"]);
    assert_eq!(only(&timeline, "deferred").cause.as_deref(), Some("timeout_at_greeting"));
    assert_eq!(world.arrived(&id, 1), 1);
}

#[test]
fn silence_after_the_final_dot_is_unknown() {
    let faults = vec![Fault::SilentAfterFinalDot];
    let settings = [("MAILER__SMTP__TIMEOUT_SECS", "1"), ("MAILER__ON_UNKNOWN", "hold")];
    let world = World::start_with_faults(faults, &settings);
    let id = world.post("ada@example.com");
    let timeline = world.wait_for(&id, "held");
    assert_eq!(only(&timeline, "unknown").cause.as_deref(), Some("timeout_after_data"));
    assert_eq!(world.arrived(&id, 1), 1);
}

#[test]
fn one_broken_connection_does_not_stop_the_others_messages() {
    let world = World::start_with_faults(vec![Fault::CutAfterFinalDot], &[("MAILER__ON_UNKNOWN", "hold")]);
    let unlucky = world.post("ada@example.com");
    world.wait_for(&unlucky, "held");
    let next = world.post("bob@example.com");
    world.wait_for(&next, "sent");
    assert_eq!((world.arrived(&next, 2), world.sink.count_of(&unlucky)), (1, 1));
    assert_eq!(world.proxy.as_ref().map(FaultProxy::connections), Some(2));
}

//! `serve` with parts of AWS in place of its own, in every combination, so that a container can do what the functions do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../cli/common.rs"]
#[expect(dead_code, reason = "the tests of commands need more of it")]
mod common;
mod parts;

use std::process::Command;
use std::time::{Duration, Instant};

use common::{ORDER, await_status, code, run, text};
use parts::{Ingest, Ledger, Mailer, World};

/// How long a test waits for a fact before it fails. Never how long it waits when the fact is there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until `fact` is there.
fn eventually<T>(what: &str, mut fact: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = fact() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "never seen: {what}");
    }
}

/// An order comes in twice and goes out once, its delivery comes back, and another process knows it afterwards.
fn an_order_goes_out_once_and_its_delivery_comes_back(ledger: Ledger, ingest: Ingest, mailer: Mailer) {
    let world = World::new(ledger, ingest, mailer);
    let mut server = world.serve();
    world.bring(ORDER);
    let arrived = match mailer {
        Mailer::Outbox => "sent",
        // The service says so by itself.
        Mailer::Ses => "delivered",
    };
    let first = await_status(world.directory(), "1042", arrived);
    world.bring(ORDER);
    // What is brought after it has arrived: so the repetition has been dealt with.
    world.bring(&ORDER.replace("1042", "1043"));
    await_status(world.directory(), "1043", arrived);
    eventually("an empty queue of events", || world.is_taken().then_some(()));
    assert_eq!(world.left(), 2);
    let (status, _) = server.terminate();
    assert_eq!(status, 0);
    let _again = world.serve();
    let later = await_status(world.directory(), "1042", arrived);
    assert_eq!(later["notifications"][0]["id"], first["notifications"][0]["id"]);
}

macro_rules! combinations {
    ($($name:ident: $ledger:ident, $ingest:ident, $mailer:ident;)*) => {$(
        #[test]
        fn $name() {
            an_order_goes_out_once_and_its_delivery_comes_back(Ledger::$ledger, Ingest::$ingest, Mailer::$mailer);
        }
    )*};
}

combinations! {
    sqlite_http_ses: Sqlite, Http, Ses;
    sqlite_sqs_outbox: Sqlite, Sqs, Outbox;
    sqlite_sqs_ses: Sqlite, Sqs, Ses;
    dynamodb_http_outbox: DynamoDb, Http, Outbox;
    dynamodb_http_ses: DynamoDb, Http, Ses;
    dynamodb_sqs_outbox: DynamoDb, Sqs, Outbox;
    dynamodb_sqs_ses: DynamoDb, Sqs, Ses;
}

#[test]
fn what_is_no_event_ends_in_the_queues_dead_letters_and_a_redrive_after_a_fix_sends_it_once() {
    let world = World::new(Ledger::Sqlite, Ingest::Sqs, Mailer::Outbox);
    let gift = |order_id| ORDER.replace("order.confirmed", "order.gift").replace("1042", order_id);
    let init = run(world.directory(), &["init", "shop"]);
    assert_eq!(code(&init), 0, "{}", text(&init.stderr));
    let types = world.directory().join("shop/notifications");
    let folder = [("POSTRIDER__TYPES__DIRECTORY", types.to_str().unwrap())];
    let server = world.serve_with(&folder);
    world.bring("{\"orderId\":");
    // No notification type answers it yet.
    world.bring(&gift("1044"));
    world.bring(ORDER);
    await_status(world.directory(), "1042", "sent");
    eventually("two dead letters", || (world.dead_letters() == 2).then_some(()));
    assert_eq!(world.left(), 1);
    let manifest = types.join("order_confirmation/type.toml");
    let before = std::fs::read_to_string(&manifest).unwrap();
    let fixed = before.replace("\"order.confirmed\"", "\"order.confirmed\", \"order.gift\"");
    assert_ne!(fixed, before);
    std::fs::write(&manifest, fixed).unwrap();
    let pid = server.0.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    // Another gift, over HTTP, is taken once the new types are in force.
    std::fs::write(world.directory().join("gift.json"), gift("1045")).unwrap();
    eventually("the new types", || {
        (code(&run(world.directory(), &["send", "gift.json"])) == 0).then_some(())
    });
    world.redrive();
    await_status(world.directory(), "1044", "sent");
    eventually("what is still no event", || (world.dead_letters() == 1 && world.is_taken()).then_some(()));
    assert_eq!(world.left(), 3);
}

//! The table of a deployed stack is restored by `deploy/aws/drill`, from `stop` to `start`, with nothing but the name of
//! the environment: the stack uses the restored table, runs as it did before, and nobody gets two e-mails.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::Clock as _;
use postrider_environment::system::SystemClock;
use postrider_testkit::emulator::{Fault, FaultKind};
use serde_json::Value;

use crate::drill::{Drill, FUNCTIONS};
use crate::installation::VPC;
use crate::orders::{customer, order};

fn one_each(numbers: impl IntoIterator<Item = usize>) -> BTreeMap<String, usize> {
    numbers.into_iter().map(|number| (customer(number), 1)).collect()
}

/// A full second that lies between what was and what comes: tables are restored to full seconds.
fn moment() -> String {
    let second = SystemClock.now().as_millis() / 1_000 + 1;
    while SystemClock.now().as_millis() <= second * 1_000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    Timestamp::from_millis(second * 1_000).to_string()
}

/// The logical ids of resources that name a table, as their services tell them.
fn naming(shown: &Value, table: &str, but_for: &str) -> BTreeSet<String> {
    let resources = shown["resources"].as_object().unwrap().iter();
    // A restored table's name begins with that of the table it was.
    let names = |one: &Value| one["found"].to_string().replace(but_for, "").contains(table);
    resources.filter(|(_, one)| names(one)).map(|(name, _)| name.clone()).collect()
}

#[test]
fn the_stack_uses_the_restored_table_stays_stopped_until_it_starts_and_is_then_as_before() {
    let drill = Drill::new(&VPC);
    drill.release_under_alarms();
    let before = drill.triggers();
    let own = drill.running().output("LedgerTableName").to_owned();
    let shown = drill.shown();
    let named = naming(&shown, &own, "\0");
    drill.publish(0..6);
    drill.run();
    drill.set_ses(false);
    drill.publish(6..8);
    drill.run();
    assert_eq!(drill.mails(), one_each(0..6), "two wait");

    drill.done(&["stop"]);
    drill.is_stopped_from(&before);
    drill.publish(8..10);
    drill.set_ses(true);
    drill.run();
    drill.done(&["restore"]);
    let restored = drill.restored();
    drill.done(&["point"]);
    drill.is_stopped_from(&before);
    drill.run();
    assert_eq!(drill.mails(), one_each(0..6), "nothing runs");

    let shown = drill.shown();
    let running = drill.running();
    for name in FUNCTIONS {
        let function = running.function(&format!("{name}FunctionArn"));
        let table = &function.configuration["Environment"]["Variables"]["POSTRIDER__LEDGER__TABLE"];
        assert_eq!(*table, *restored, "{name}");
    }
    assert_eq!(running.output("LedgerTableName"), restored);
    // Alarm, dashboard, backups, roles and the network's endpoint among them.
    assert_eq!(naming(&shown, &restored, "\0"), named);
    assert_eq!(naming(&shown, &own, &restored), BTreeSet::new());
    for name in ["LedgerThrottlesAlarm", "Dashboard", "BackupSelection", "DispatchRole", "DynamoDbEndpoint"] {
        assert!(named.contains(name), "{name}: {named:?}");
    }

    drill.done(&["start"]);
    drill.runs_as(&before);
    drill.publish(0..12);
    drill.hasten(6..8);
    drill.run();
    assert_eq!(drill.mails(), one_each(0..12));
}

/// What somebody had switched off is off again afterwards, and a table of an earlier moment learns what was sent since.
#[test]
fn a_table_of_an_earlier_moment_is_settled_and_what_was_off_stays_off() {
    let drill = Drill::new(&[]);
    drill.publish(0..3);
    drill.run();
    drill.set_ses(false);
    drill.publish(3..5);
    drill.run();
    let at = moment();
    drill.set_ses(true);
    drill.hasten(3..4);
    drill.publish(5..7);
    drill.run();
    assert_eq!(drill.mails(), one_each((0..4).chain(5..7)), "one waits");
    drill.switch(false);
    let before = drill.triggers();

    drill.done(&["stop"]);
    drill.is_stopped_from(&before);
    drill.done(&["restore", "--at", &at]);
    // An update that is turned back has given the functions their concurrency too.
    drill.account().fail(&Fault::next("lambda", "UpdateAlias", FaultKind::AccessDenied));
    drill.refused(&["point"], "UPDATE_ROLLBACK_COMPLETE");
    drill.is_stopped_from(&before);
    drill.done(&["point"]);
    drill.is_stopped_from(&before);
    drill.refused(&["start"], "settle first");
    drill.done(&["settle"]);
    let lines: Vec<String> = (0..7).map(|number| order(number, &customer(number)).to_string()).collect();
    std::fs::write(drill.path("events.jsonl"), lines.join("\n")).unwrap();
    drill.done(&["replay", drill.path("events.jsonl").to_str().unwrap()]);
    drill.is_stopped_from(&before);
    drill.done(&["start"]);
    drill.runs_as(&before);

    drill.switch(true);
    drill.publish(0..9);
    drill.run();
    assert_eq!(drill.mails(), one_each(0..9));
}

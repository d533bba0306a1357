//! From the topic to the mailbox and back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use postrider_testkit::emulator::Delivery;
use postrider_testkit::emulator::lambda::Function;
use serde_json::{Value, json};

use crate::orders::{customer, id, order};
use crate::stack::{Api, Stack};

const ORDERS: usize = 1_000;
const REPEATED: usize = 300;
/// Between two drains, so that the queue of the emulator stays short.
const AT_ONCE: usize = 125;

/// What is wrong with a message, and how the log names it.
struct Poison {
    body: String,
    event_type: Option<&'static str>,
    code: &'static str,
}

fn poisons() -> Vec<Poison> {
    let mut poisons = Vec::new();
    for number in 0..5 {
        let poison = |body, event_type, code| Poison { body, event_type, code };
        poisons.push(poison(format!("{{\"orderId\": {number},"), None, "invalid_json"));
        let mut nobody = order(2_000 + number, "not an address");
        nobody["total"] = Value::Null;
        poisons.push(poison(nobody.to_string(), None, "invalid_event"));
        // Its type comes with the next deployment.
        let gift = order(3_000 + number, &customer(3_000 + number));
        poisons.push(poison(gift.to_string(), Some("order.gift_wrapped"), "unknown_event_type"));
        // An order that was confirmed with another total before.
        let mut other = order(number, &customer(number));
        other["total"] = "1.00".into();
        poisons.push(poison(other.to_string(), None, "business_key_conflict"));
    }
    poisons
}

#[test]
fn a_thousand_orders_with_repetitions_and_poison_become_a_thousand_messages() {
    let stack = Stack::new(Delivery::Enveloped, 8);
    let dispatch = [stack.function("dispatch"), stack.function("dispatch")];
    let feedback = [stack.function("feedback"), stack.function("feedback")];
    let bare = |number| order(number, &customer(number)).to_string();
    let mut published: Vec<(String, Option<&str>)> = (0..ORDERS).map(|number| (bare(number), None)).collect();
    published.extend((0..REPEATED).map(|number| (bare(number), None)));
    let poisons = poisons();
    published.extend(poisons.iter().map(|poison| (poison.body.clone(), poison.event_type)));
    for some in published.chunks(AT_ONCE) {
        for (body, event_type) in some {
            let attributes: Vec<_> = event_type.iter().map(|name| ("eventType", *name)).collect();
            stack.orders.publish(body, &attributes).unwrap();
        }
        stack.drain_orders(&dispatch);
        stack.drain_reports(&feedback);
    }

    let sent = stack.account.sent();
    assert_eq!(sent.len(), ORDERS);
    let tags: BTreeSet<_> = sent.iter().map(|mail| mail.tags["postrider-notification"].clone()).collect();
    assert_eq!(tags.len(), ORDERS, "one message a notification");
    assert!(sent.iter().all(|mail| mail.recipients.len() == 1));

    // Every poison is a dead letter, and the log says of each what is wrong with it.
    let dead = stack.order_dead_letters.depth();
    assert_eq!(dead, (poisons.len() as u64, 0));
    let log: Vec<Value> =
        dispatch.iter().flat_map(Function::log).filter_map(|line| serde_json::from_str(&line).ok()).collect();
    let mut causes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in &log {
        if let (Some(code), Some(message)) = (line["code"].as_str(), line["message_id"].as_str()) {
            causes.entry(code.to_owned()).or_default().insert(message.to_owned());
        }
    }
    for code in ["invalid_json", "invalid_event", "unknown_event_type", "business_key_conflict"] {
        assert_eq!(causes.get(code).map(BTreeSet::len), Some(5), "{code}: {causes:#?}");
    }
    assert!(poisons.iter().all(|poison| causes.contains_key(poison.code)));
    let everything: String = dispatch.iter().flat_map(Function::log).collect();
    assert!(!everything.contains("@example.com"), "an address is in the log");

    let api = Api::of(&stack);
    let all = api.all();
    assert_eq!(all.len(), ORDERS);
    let strays: Vec<_> = all.iter().filter(|it| it["status"] != "delivered").collect();
    assert!(strays.is_empty(), "{strays:#?}");

    // A deployment knows the type; what is right now is sent, once, and the rest dies again.
    let types = tempfile::tempdir().unwrap();
    with_a_type_for_gifts(types.path());
    let repaired =
        [stack.setup("dispatch").set("POSTRIDER__TYPES__DIRECTORY", types.path().to_str().unwrap()).build()];
    stack.order_dead_letters.start_move_task();
    stack.drain_orders(&repaired);
    stack.drain_reports(&feedback);
    assert_eq!(stack.account.sent().len(), ORDERS + 5);
    assert_eq!(stack.order_dead_letters.depth(), (15, 0));
    for number in 3_000..3_005 {
        assert_eq!(api.about(&id(number))["status"], "delivered");
    }
}

/// The shipped type, answering one event more.
fn with_a_type_for_gifts(folder: &Path) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../notifications");
    copy(&shipped, folder);
    let manifest = folder.join("order_confirmation/type.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let answering = text.replace("\"order.confirmed\"", "\"order.confirmed\", \"order.gift_wrapped\"");
    assert_ne!(text, answering);
    std::fs::write(manifest, answering).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn every_kind_of_report_finds_its_order() {
    let stack = Stack::new(Delivery::Raw, 8);
    let (dispatch, feedback) = ([stack.function("dispatch")], [stack.function("feedback")]);
    let fates =
        [("success", "delivered"), ("bounce", "bounced"), ("complaint", "complained"), ("ooto", "delivered")];
    for (number, (label, _)) in fates.iter().enumerate() {
        let recipient = format!("{label}+order-{number}@simulator.amazonses.com");
        stack.orders.publish(&order(number, &recipient).to_string(), &[]).unwrap();
    }
    stack.drain_orders(&dispatch);
    stack.drain_reports(&feedback);
    let api = Api::of(&stack);
    for (number, (label, status)) in fates.iter().enumerate() {
        let shown = api.about(&id(number));
        assert_eq!(shown["status"], *status, "{label}: {shown:#}");
    }
    // Whoever bounced or complained gets nothing more.
    for (number, label) in [(10, "bounce+order-1"), (11, "complaint+order-2")] {
        let recipient = format!("{label}@simulator.amazonses.com");
        stack.orders.publish(&order(number, &recipient).to_string(), &[]).unwrap();
        stack.drain_orders(&dispatch);
        assert_eq!(api.about(&id(number))["status"], "suppressed");
    }
    assert_eq!(stack.account.sent().len(), fates.len());
}

#[test]
fn an_event_over_the_api_is_sent_within_its_request() {
    let stack = Stack::new(Delivery::Enveloped, 30);
    let api = Api::of(&stack);
    let event = json!({ "type": "order.confirmed", "data": order(1, &customer(1)) });
    let (status, answer) = api.ask("POST", "/v1/events", "", Some(&event));
    assert_eq!(status, 202, "{answer:#}");
    assert_eq!(stack.account.sent().len(), 1);
    stack.drain_reports(&[stack.function("feedback")]);
    assert_eq!(api.about(&id(1))["status"], "delivered");
    let (status, answer) = api.ask("POST", "/v1/events", "", Some(&event));
    assert_eq!((status, &answer["notifications"][0]["duplicate"]), (202, &true.into()));
    assert_eq!(stack.account.sent().len(), 1);
    let wrong = json!({ "type": "order.confirmed", "data": { "orderId": "1" } });
    let (status, problem) = api.ask("POST", "/v1/events", "", Some(&wrong));
    assert_eq!((status, &problem["code"]), (422, &"invalid_event".into()), "{problem:#}");
}

//! From the topic to the mailbox and back, with nothing but what the stack says and gives.

use std::collections::BTreeSet;

use postrider_testkit::emulator::Account;
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::installation::{VPC, account_with_artifact, deploy, parameters};
use crate::orders::{customer, id, order};
use crate::running::{Running, invoke};

const ORDERS: usize = 40;
const REPEATED: usize = 10;

/// An account for an environment, whose SES is out of its sandbox or in it.
pub fn account_of(environment: &str) -> Account {
    let account = account_with_artifact();
    account.set_ses_account(&json!({ "ProductionAccessEnabled": environment == "prod", "MaxSendRate": 200 }));
    account
}

/// A stack of an environment.
pub fn running(environment: &str, more: &[(&str, &str)]) -> (Account, Running) {
    let account = account_of(environment);
    let stack = deploy(&account, &parameters(environment, &account, more));
    (account, Running::of(&stack))
}

/// To whom an order is confirmed: some of the simulator's mailboxes are among them.
fn recipient(number: usize) -> String {
    match number {
        3 => "bounce@simulator.amazonses.com".to_owned(),
        5 => "complaint@simulator.amazonses.com".to_owned(),
        _ => customer(number),
    }
}

/// What comes of the mail to it.
fn fate(number: usize) -> &'static str {
    match number {
        3 => "bounced",
        5 => "complained",
        _ => "delivered",
    }
}

/// The values of a metric in what functions wrote.
fn metric(log: &[String], namespace: &str, name: &str) -> Vec<f64> {
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = lines.filter(|line| line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == namespace);
    ours.filter_map(|line| line[name].as_f64().or_else(|| line[name].as_array()?.first()?.as_f64())).collect()
}

#[test]
fn production_sends_every_order_once_and_hears_what_became_of_it() {
    let (account, running) = running("prod", &[]);
    let (dispatch, feedback) =
        (running.function("DispatchFunctionArn"), running.function("FeedbackFunctionArn"));
    let orders = running.source("OrderQueueUrl", &dispatch);
    let reports = running.source("FeedbackQueueUrl", &feedback);

    let topic = running.topic("OrderTopicArn");
    for number in (0..ORDERS).chain(0..REPEATED) {
        topic.publish(&order(number, &recipient(number)).to_string(), &[]).unwrap();
    }
    let poison = ["{\"orderId\": 7,".to_owned(), order(7_000, "nobody").to_string()];
    for body in &poison {
        topic.publish(body, &[]).unwrap();
    }
    // The other topic passes on what its filter names, and nothing else.
    let events = running.topic("EventTopicArn");
    let later = order(ORDERS, &customer(ORDERS)).to_string();
    events.publish(&later, &[("eventType", "order.confirmed")]).unwrap();
    events.publish(&order(8_000, &customer(8_000)).to_string(), &[("eventType", "order.packed")]).unwrap();
    orders.drain();
    reports.drain();

    let sent = account.sent();
    assert_eq!(sent.len(), ORDERS + 1);
    let tags: BTreeSet<_> = sent.iter().map(|mail| mail.tags["postrider-notification"].clone()).collect();
    assert_eq!(tags.len(), ORDERS + 1, "one message a notification");
    let set = running.output("ConfigurationSetName");
    for mail in &sent {
        assert_eq!(mail.configuration_set.as_deref(), Some(set));
        assert!(mail.from.contains("orders@shop.example"), "{}", mail.from);
    }

    let api = running.function("ApiFunctionArn");
    let gateway = Gateway::of(&running, &api);
    for number in 0..=ORDERS {
        assert_eq!(gateway.status_of(&id(number)), fate(number), "order {number}");
    }
    assert_eq!(gateway.found("limit=100").len(), ORDERS + 1);

    let dead = running.queue("OrderDlqUrl");
    let bodies: BTreeSet<String> = dead
        .take_all()
        .iter()
        .map(|message| message.json()["Message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(bodies, BTreeSet::from(poison));
    for empty in ["OrderDeliveryDlqUrl", "FeedbackDlqUrl", "FeedbackDeliveryDlqUrl", "ScheduleDlqUrl"] {
        assert_eq!(running.queue(empty).depth(), (0, 0), "{empty}");
    }

    let namespace = running.output("MetricsNamespace");
    #[expect(clippy::cast_precision_loss, reason = "a few dozens")]
    let all = (ORDERS + 1) as f64;
    assert_eq!(metric(&orders.log(), namespace, "EmailsSent").iter().sum::<f64>(), all);
    assert_eq!(metric(&reports.log(), namespace, "Deliveries").iter().sum::<f64>(), all - 1.0);
    for (output, name) in [("SweepFunctionArn", "QueueAge"), ("CostFunctionArn", "EstimatedCostUsd")] {
        let function = running.function(output);
        let process = function.start();
        invoke(&process, &running.scheduled(&function));
        process.kill();
        assert_eq!(metric(&process.log(), namespace, name).len(), 1, "{output}: {:#?}", process.log());
    }
}

/// Until it says otherwise, an installation mails nobody but its tester and the simulator.
#[test]
fn staging_in_a_network_sends_to_its_tester_and_the_simulator_alone() {
    let (account, running) = running("staging", &VPC);
    let (dispatch, feedback) =
        (running.function("DispatchFunctionArn"), running.function("FeedbackFunctionArn"));
    let topic = running.topic("OrderTopicArn");
    for number in 0..8 {
        topic.publish(&order(number, &recipient(number)).to_string(), &[]).unwrap();
    }
    running.source("OrderQueueUrl", &dispatch).drain();
    running.source("FeedbackQueueUrl", &feedback).drain();
    let recipients: BTreeSet<String> = account.sent().into_iter().flat_map(|mail| mail.recipients).collect();
    let expected = [
        "bounce@simulator.amazonses.com",
        "complaint@simulator.amazonses.com",
        "order-mail-tests@shop.example",
    ];
    assert_eq!(recipients, expected.map(str::to_owned).into());
    let api = running.function("ApiFunctionArn");
    let gateway = Gateway::of(&running, &api);
    for number in 0..8 {
        assert_eq!(gateway.status_of(&id(number)), fate(number), "order {number}");
    }
}

/// What waits in the ledger is sent by the schedule, and what fails is a dead letter that can be sent again.
#[test]
fn the_schedule_sends_what_is_due() {
    let (account, running) = running("prod", &[]);
    let dispatch = running.function("DispatchFunctionArn");
    // SES is closed: what is taken in waits in the ledger.
    account.set_ses_account(&json!({ "SendingEnabled": false }));
    let topic = running.topic("OrderTopicArn");
    topic.publish(&order(1, &customer(1)).to_string(), &[]).unwrap();
    running.source("OrderQueueUrl", &dispatch).drain();
    assert_eq!(account.sent().len(), 0);
    assert_eq!(running.queue("OrderDlqUrl").depth(), (0, 0));
    account.set_ses_account(&json!({ "SendingEnabled": true }));
    let api = running.function("ApiFunctionArn");
    let gateway = Gateway::of(&running, &api);
    let waiting = gateway.found(&format!("orderId={}", id(1)));
    let id = waiting[0]["id"].as_str().unwrap();
    // A person does not wait for the next try.
    let (status, answer) =
        gateway.ask("POST", &format!("/v1/notifications/{id}/retry"), "", Some(&json!({})));
    assert_eq!(status, 200, "{answer:#}");
    let sweep = running.function("SweepFunctionArn");
    let process = sweep.start();
    invoke(&process, &running.scheduled(&sweep));
    assert_eq!(account.sent().len(), 1, "{waiting:#?}\n{}", process.log().join("\n"));
}

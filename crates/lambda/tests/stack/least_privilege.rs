//! Each function asks IAM for what its role allows: no more, or it would fail on AWS, and no less, or the role allows
//! too much. Every call that a role allows is made here, on the way that makes it.

use postrider_testkit::emulator::{Account, Deployment, Fault, FaultKind, SentMail};
use serde_json::{Value, json};

use crate::end_to_end::account_of;
use crate::gateway::Gateway;
use crate::installation::{VPC, deploy, parameters};
use crate::of_aws;
use crate::orders::{customer, id, order};
use crate::policy::{Facts, complaints, is_of_aws, statements};
use crate::policy_mutants::every_other_role_is_complained_about;
use crate::running::{Live, Running, invoke};

/// So many reports about one message do not fit its notification's item.
const REPORTS: usize = 50;

/// SES refuses the next message for a reason that it does not tell, and the function looks whether its sender is
/// verified.
fn refuse_next(account: &Account) {
    account.fail(&Fault::next("sesv2", "SendEmail", FaultKind::MessageRejected));
}

/// The event that an order's parcels have left.
fn shipment(number: usize) -> Value {
    json!({
        "type": "order.shipped",
        "data": {
            "orderId": id(number),
            "customerEmail": customer(number),
            "customerName": "Ada Lovelace",
            "parcels": [{ "carrier": "DHL", "items": [{ "name": "Analytical Engine", "quantity": 1 }] }],
        },
    })
}

/// An order whose data is too large for the item of its notification.
fn large_order(number: usize) -> Value {
    let mut large = order(number, &customer(number));
    let items = (0..20_u64).map(|item| {
        // Text that does not become small when it is packed.
        let noise: String = (0..18_u64).map(|at| format!("{:016x}", scattered(item * 18 + at))).collect();
        json!({ "sku": format!("S-{item}"), "name": noise, "quantity": 1, "unitPrice": "1.00" })
    });
    large["items"] = items.collect();
    large["total"] = "20.00".into();
    large
}

/// A number that looks like chance, the same each time.
fn scattered(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// Numbers for orders that nobody had before.
struct Numbers(usize);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 += 1;
        self.0
    }
}

/// What sends, sends: a message that SES takes and one that it refuses.
fn exercise_sending(running: &Running, functions: &Functions, gateway: &Gateway, numbers: &mut Numbers) {
    let account = &running.account;
    let topic = running.topic("OrderTopicArn");
    let orders = running.source("OrderQueueUrl", &functions.dispatch);
    let publish = |number| topic.publish(&order(number, &customer(number)).to_string(), &[]).unwrap();
    publish(numbers.next());
    orders.drain();
    refuse_next(account);
    publish(numbers.next());
    orders.drain();

    for is_refused in [false, true] {
        if is_refused {
            refuse_next(account);
        }
        let number = numbers.next();
        let event = json!({ "type": "order.confirmed", "data": order(number, &customer(number)) });
        let (status, answer) = gateway.ask("POST", "/v1/events", "", Some(&event));
        assert_eq!(status, 202, "{answer:#}");
    }

    // What SES did not take while it was closed is due as soon as somebody says so. For what tells that parcels have left
    // somebody looks what else its order has, at once and in the sweep.
    account.set_ses_account(&json!({ "SendingEnabled": false }));
    let waiting = [numbers.next(), numbers.next(), numbers.next()];
    let [one, another, has_left] = waiting;
    let _ = [one, another].map(publish);
    topic.publish(&shipment(has_left).to_string(), &[]).unwrap();
    orders.drain();
    account.set_ses_account(&json!({ "SendingEnabled": true }));
    for number in waiting {
        let found = gateway.found(&format!("orderId={}", id(number)));
        let path = format!("/v1/notifications/{}/retry", found[0]["id"].as_str().unwrap());
        let (status, answer) = gateway.ask("POST", &path, "", Some(&json!({})));
        assert_eq!(status, 200, "{answer:#}");
    }
    let sweep = functions.sweep.start();
    refuse_next(account);
    for _ in 0..2 {
        invoke(&sweep, &running.scheduled(&functions.sweep));
    }
}

/// Reports of every kind, and an order that does not fit its notification's item.
fn exercise_queues(running: &Running, functions: &Functions, numbers: &mut Numbers) {
    let topic = running.topic("OrderTopicArn");
    let before = running.account.sent().len();
    topic.publish(&order(numbers.next(), "bounce@simulator.amazonses.com").to_string(), &[]).unwrap();
    topic.publish(&large_order(numbers.next()).to_string(), &[]).unwrap();
    running.source("OrderQueueUrl", &functions.dispatch).drain();
    let sent = running.account.sent();
    assert_eq!(sent.len(), before + 2);
    let reports = running.source("FeedbackQueueUrl", &functions.feedback);
    reports.drain();
    // So much to tell of one message that its timeline is stored in pieces, which are read when more comes.
    let topic = running.topic("FeedbackTopicArn");
    for minute in 0..REPORTS {
        topic.publish(&delay_of(&sent[before + 1], minute).to_string(), &[]).unwrap();
    }
    reports.drain();
    topic.publish(&delay_of(&sent[before + 1], REPORTS).to_string(), &[]).unwrap();
    reports.drain();
}

/// What SES tells when a mailbox does not take a message yet.
fn delay_of(sent: &SentMail, minute: usize) -> Value {
    let at = format!("2026-11-25T10:{minute:02}:00.000Z");
    json!({
        "eventType": "DeliveryDelay",
        "mail": {
            "timestamp": "2026-11-25T10:00:00.000Z",
            "messageId": sent.message_id,
            "source": sent.from,
            "destination": sent.recipients,
            "tags": sent.tags.iter().map(|(name, value)| (name.clone(), json!([value]))).collect::<serde_json::Map<_, _>>(),
        },
        "deliveryDelay": {
            "timestamp": at,
            "delayType": "MailboxFull",
            "expirationTime": "2026-11-26T10:00:00.000Z",
            "delayedRecipients": [{
                "emailAddress": sent.recipients[0],
                "status": "4.2.2",
                "diagnosticCode": format!("smtp; 452 4.2.2 minute {minute} {}", "the mailbox is full, ".repeat(40)),
            }],
        },
    })
}

/// The calls of the API that use each index, and that delete. Somebody listens afterwards, so that the sweep has
/// something to tell.
fn exercise_api(gateway: &Gateway) {
    let recipient = format!("/v1/recipients/{}", customer(1));
    for (method, path, query, body, expected) in [
        ("GET", "/v1/notifications", "limit=100".to_owned(), None, 200),
        ("GET", "/v1/notifications", format!("orderId={}", id(1)), None, 200),
        ("GET", "/v1/notifications", format!("to={}", customer(1)), None, 200),
        ("GET", "/v1/dead-letters", String::new(), None, 200),
        ("GET", "/metrics", String::new(), None, 200),
        ("DELETE", "/v1/suppressions/bounce@simulator.amazonses.com", String::new(), None, 204),
        ("DELETE", recipient.as_str(), String::new(), None, 200),
        (
            "POST",
            "/v1/webhooks",
            String::new(),
            Some(json!({ "url": "https://hooks.invalid/postrider", "events": ["notification.sent"] })),
            201,
        ),
    ] {
        let (status, answer) = gateway.ask(method, path, &query, body.as_ref());
        assert_eq!(status, expected, "{method} {path}?{query}: {answer:#}");
    }
}

/// The stack's functions, each with credentials of its role.
struct Functions {
    dispatch: Live,
    feedback: Live,
    api: Live,
    sweep: Live,
    cost: Live,
}

/// Runs everything, and holds each role to what its function asked for.
fn roles_allow_what_is_asked_for(stack: &Deployment) {
    let running = Running::of(stack);
    let [dispatch, feedback, api, sweep, cost] = ["Dispatch", "Feedback", "Api", "Sweep", "Cost"]
        .map(|name| running.function(&format!("{name}FunctionArn")));
    let functions = Functions { dispatch, feedback, api, sweep, cost };
    let mut numbers = Numbers(0);
    let gateway = Gateway::of(&running, &functions.api);
    exercise_queues(&running, &functions, &mut numbers);
    exercise_api(&gateway);
    // The sender's domain is verified, as the stack does it; then also its address, as a person may do it.
    exercise_sending(&running, &functions, &gateway, &mut numbers);
    running.account.verify_identity(&functions.dispatch.sender());
    exercise_sending(&running, &functions, &gateway, &mut numbers);
    invoke(&functions.cost.start(), &running.scheduled(&functions.cost));

    let Functions { dispatch, feedback, api, sweep, cost } = functions;
    let mut holders: Vec<(String, Facts)> = [dispatch, feedback, api, sweep, cost]
        .iter()
        .map(|function| {
            let role = function.configuration["Role"].as_str().unwrap().to_owned();
            (role, Facts::of(function, of_aws::of_function(&running, function)))
        })
        .collect();
    let shown = stack.shown();
    let resources = shown["resources"].as_object().unwrap();
    // Nobody runs these here; all they do is AWS's.
    let (role, of_aws) = of_aws::of_schedules(&running);
    holders.push((role, Facts { of_aws, ..Facts::default() }));
    for log in resources.values().filter(|one| one["type"] == "AWS::EC2::FlowLog") {
        let told = |name: &str| log["found"][name].as_str().unwrap();
        let of_aws = of_aws::of_flow_log(&running, told("LogGroupName"));
        holders.push((told("DeliverLogsPermissionArn").to_owned(), Facts { of_aws, ..Facts::default() }));
    }

    // Of the others the test knows nothing.
    let said = |one: &Value| statements(&one["found"]).iter().any(is_of_aws);
    let of_aws = resources.values().filter(|one| one["type"] == "AWS::IAM::Role" && said(one)).count();
    assert_eq!(of_aws, holders.len());

    let mut all = Vec::new();
    for (arn, facts) in &holders {
        let (name, role) = resources.iter().find(|(_, one)| one["attributes"]["Arn"] == **arn).unwrap();
        let statements = statements(&role["found"]);
        let found = complaints(&statements, facts);
        if found.is_empty() {
            every_other_role_is_complained_about(&statements, facts);
        }
        all.extend(found.into_iter().map(|complaint| format!("{name}: {complaint}")));
    }
    assert!(all.is_empty(), "{all:#?}");
}

#[test]
fn in_production_roles_allow_what_is_asked_for_and_nothing_else() {
    let account = account_of("prod");
    roles_allow_what_is_asked_for(&deploy(&account, &parameters("prod", &account, &[])));
}

#[test]
fn in_a_sandbox_and_a_network_roles_allow_what_is_asked_for_and_nothing_else() {
    let account = account_of("staging");
    roles_allow_what_is_asked_for(&deploy(&account, &parameters("staging", &account, &VPC)));
}

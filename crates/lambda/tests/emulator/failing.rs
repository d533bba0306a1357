//! What the account, the network and the table do to mail, and that it goes on by itself afterwards.

use std::collections::BTreeMap;

use postrider_testkit::emulator::lambda::{EventSource, Function, Outcome};
use postrider_testkit::emulator::{Delivery, Fault, FaultKind};
use postrider_testkit::postfix::SmtpSink;
use serde_json::{Value, json};

use crate::orders::{customer, id, order};
use crate::stack::{Api, PATIENCE, Stack};

const ORDERS: usize = 5;

pub fn publish(stack: &Stack, numbers: std::ops::Range<usize>) {
    for number in numbers {
        stack.orders.publish(&order(number, &customer(number)).to_string(), &[]).unwrap();
    }
}

/// Runs the schedule once.
pub fn sweep(function: &Function) {
    let outcome = function.invoke(&json!({ "source": "aws.scheduler" }));
    assert!(matches!(outcome, Outcome::Answered(_)), "{outcome:?}\n{}", function.log().join("\n"));
}

/// How many notifications have which status.
pub fn statuses(api: &Api) -> BTreeMap<String, usize> {
    let mut statuses = BTreeMap::new();
    for notification in api.all() {
        *statuses.entry(notification["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    statuses
}

/// Orders meet an account in trouble: none dies, the log rings, and once the trouble is over all are sent once.
fn trouble_with_the_account(begin: impl Fn(&Stack), end: impl Fn(&Stack), cause: &str) {
    let stack = Stack::new(Delivery::Enveloped, 8);
    let (dispatch, sweeper, api) = (stack.function("dispatch"), stack.function("sweep"), Api::of(&stack));
    begin(&stack);
    publish(&stack, 0..ORDERS);
    let dispatch = [dispatch];
    stack.drain_orders(&dispatch);
    sweep(&sweeper);
    assert_eq!(stack.account.sent().len(), 0);
    assert_eq!(stack.order_dead_letters.depth(), (0, 0), "the queue does not wear them out");
    let during = statuses(&api);
    let waiting = during.get("deferred").copied().unwrap_or_default()
        + during.get("queued").copied().unwrap_or_default();
    assert_eq!(waiting, ORDERS, "{during:?}");
    let log: String = dispatch[0].log().into_iter().chain(sweeper.log()).collect();
    assert!(log.contains(cause), "{cause} is not in the log:\n{log}");
    end(&stack);
    // What SES says of the account is believed for a while; a new environment asks at once.
    sweeper.kill();
    for _ in 0..20 {
        sweep(&sweeper);
        if stack.account.sent().len() == ORDERS {
            break;
        }
    }
    assert_eq!(stack.account.sent().len(), ORDERS);
    stack.drain_reports(&[stack.function("feedback")]);
    assert_eq!(statuses(&api), BTreeMap::from([("delivered".to_owned(), ORDERS)]));
}

#[test]
fn a_paused_account_parks_everything_and_resumes() {
    trouble_with_the_account(
        |stack| stack.account.set_ses_account(&json!({ "SendingEnabled": false })),
        |stack| stack.account.set_ses_account(&json!({ "SendingEnabled": true })),
        "ses_sending_paused",
    );
}

#[test]
fn an_unverified_domain_parks_everything_and_resumes() {
    let fault = |stack: &Stack| {
        stack.account.fail(&Fault::next("sesv2", "SendEmail", FaultKind::DomainUnverified).times(1_000));
    };
    trouble_with_the_account(fault, |stack| stack.account.clear_faults(), "ses_mail_from_not_verified");
}

#[test]
fn expired_credentials_park_everything_and_resume() {
    let fault = |stack: &Stack| {
        stack.account.fail(&Fault::next("sesv2", "SendEmail", FaultKind::ExpiredCredentials).times(1_000));
    };
    trouble_with_the_account(fault, |stack| stack.account.clear_faults(), "ses_credentials_expired");
}

#[test]
fn a_used_up_quota_parks_everything_and_resumes() {
    trouble_with_the_account(
        |stack| stack.account.set_ses_account(&json!({ "Max24HourSend": 0 })),
        |stack| stack.account.set_ses_account(&json!({ "Max24HourSend": 50_000 })),
        "ses_daily_quota",
    );
}

#[test]
fn another_mail_server_takes_over_while_the_account_is_paused() {
    let stack = Stack::new(Delivery::Enveloped, 8);
    let sink = SmtpSink::start().unwrap();
    let address = sink.addr();
    let dispatch = stack
        .setup("dispatch")
        .set("POSTRIDER__MAILER__FALLBACK", "smtp")
        .set("POSTRIDER__MAILER__SMTP__HOST", &address.ip().to_string())
        .set("POSTRIDER__MAILER__SMTP__PORT", &address.port().to_string())
        .set("POSTRIDER__MAILER__SMTP__TLS", "none")
        .set("POSTRIDER__MAILER__SMTP__TIMEOUT_SECS", "5")
        .build();
    stack.account.set_ses_account(&json!({ "SendingEnabled": false }));
    publish(&stack, 0..ORDERS);
    stack.drain_orders(&[dispatch]);
    let api = Api::of(&stack);
    assert_eq!(statuses(&api), BTreeMap::from([("sent".to_owned(), ORDERS)]));
    assert_eq!(stack.account.sent().len(), 0);
    assert_eq!(sink.total(), ORDERS);
    let shown = api.about(&id(0));
    let sent = shown["timeline"].as_array().unwrap().iter().find(|entry| entry["type"] == "sent");
    assert_eq!(sent.unwrap()["mailer"], "smtp", "{shown:#}");
}

/// Faults of the table at every few calls, before their effect and after it.
#[test]
fn a_table_that_fails_before_and_after_its_effect_loses_nothing_and_repeats_nothing() {
    let stack = Stack::new(Delivery::Raw, 4);
    let (dispatch, feedback) = ([stack.function("dispatch")], [stack.function("feedback")]);
    let kinds = [
        FaultKind::Throttled,
        FaultKind::ErrorBefore,
        FaultKind::ErrorAfter,
        FaultKind::CutBefore,
        FaultKind::CutAfter,
    ];
    for (round, kind) in kinds.into_iter().enumerate() {
        for action in ["PutItem", "TransactWriteItems"] {
            for skip in [0, 2, 3] {
                stack.account.fail(&Fault::next("dynamodb", action, kind).skipping(skip));
            }
        }
        publish(&stack, round * ORDERS..(round + 1) * ORDERS);
        stack.drain_orders(&dispatch);
        stack.drain_reports(&feedback);
    }
    stack.account.clear_faults();
    let expected = kinds.len() * ORDERS;
    assert_eq!(stack.account.sent().len(), expected);
    assert_eq!(statuses(&Api::of(&stack)), BTreeMap::from([("delivered".to_owned(), expected)]));
}

/// SES takes the messages and the functions die before they hear of it: the reports say what became of them.
#[test]
fn functions_killed_while_ses_answers_leave_it_to_the_reports() {
    let stack = Stack::new(Delivery::Enveloped, 2);
    stack.account.fail(&Fault::next("sesv2", "SendEmail", FaultKind::CutAfter).times(2));
    publish(&stack, 0..ORDERS);
    let dispatch = [stack.function("dispatch")];
    stack.drain_orders(&dispatch);
    // After a connection that broke the others may have been left to the schedule.
    let sweeper = stack.function("sweep");
    for _ in 0..20 {
        if stack.account.sent().len() == ORDERS {
            break;
        }
        sweep(&sweeper);
    }
    let api = Api::of(&stack);
    let before = statuses(&api);
    assert_eq!(before.get("unknown"), Some(&2), "{before:?}");
    stack.drain_reports(&[stack.function("feedback")]);
    assert_eq!(statuses(&api), BTreeMap::from([("delivered".to_owned(), ORDERS)]));
    // The sweep finds nothing left to judge, and nothing was sent twice.
    sweep(&sweeper);
    assert_eq!(stack.account.sent().len(), ORDERS);
}

#[test]
fn a_batch_handed_to_two_functions_at_once_is_sent_once() {
    let stack = Stack::new(Delivery::Enveloped, 30);
    publish(&stack, 0..ORDERS);
    let records: Vec<Value> = stack
        .order_queue
        .receive(10, 1)
        .iter()
        .map(|message| json!({ "messageId": message.id, "body": message.body, "attributes": message.attributes }))
        .collect();
    assert_eq!(records.len(), ORDERS);
    let event = json!({ "Records": records });
    let functions = [stack.function("dispatch"), stack.function("dispatch")];
    std::thread::scope(|scope| {
        for function in &functions {
            scope.spawn(|| {
                let outcome = function.invoke(&event);
                assert!(
                    matches!(&outcome, Outcome::Answered(answer) if answer["batchItemFailures"] == json!([])),
                    "{outcome:?}"
                );
            });
        }
    });
    assert_eq!(stack.account.sent().len(), ORDERS);
}

/// A function that is killed at any moment of its work, again and again.
#[test]
fn functions_killed_in_the_middle_lose_nothing() {
    let stack = Stack::new(Delivery::Raw, 2);
    publish(&stack, 0..10);
    let dispatch = stack.function("dispatch");
    std::thread::scope(|scope| {
        let killed = scope.spawn(|| {
            // Each invocation ends by itself or with its program; the queue hands the rest out again.
            for _ in 0..3 {
                stack.account.fail(
                    &Fault::next("sesv2", "SendEmail", FaultKind::Delay)
                        .delayed(std::time::Duration::from_millis(300)),
                );
                let _ = EventSource::new(&stack.order_queue).batch_size(4).poll(&dispatch, 3);
            }
        });
        let mut calls = 0;
        while !killed.is_finished() {
            let now = stack.account.counters().calls("sesv2", "SendEmail");
            if now > calls {
                calls = now;
                dispatch.kill();
            }
        }
        killed.join().unwrap();
    });
    let _ = EventSource::new(&stack.order_queue).drain(&[stack.function("dispatch")], PATIENCE);
    stack.drain_reports(&[stack.function("feedback")]);
    let api = Api::of(&stack);
    let statuses = statuses(&api);
    let held = statuses.get("sending").copied().unwrap_or_default();
    assert_eq!(statuses.values().sum::<usize>(), 10, "{statuses:?}");
    // What was claimed by a program that died waits for its lease to run out; what SES took has told so.
    assert_eq!(statuses.get("delivered").copied().unwrap_or_default() + held, 10, "{statuses:?}");
    assert!(stack.account.sent().len() <= 10);
}

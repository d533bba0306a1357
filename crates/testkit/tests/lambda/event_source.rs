use std::time::Duration;

use postrider_testkit::emulator::lambda::{EventSource, Function, Outcome};
use postrider_testkit::emulator::{Account, Delivery, Fault, FaultKind, Queue};
use serde_json::{Value, json};

use super::obedient;

/// Longer than any test takes: what is in flight stays there.
const LONG: &str = "600";
const PATIENCE: Duration = Duration::from_secs(120);

fn queue_of(account: &Account, visibility_secs: &str, messages: &[Value]) -> Queue {
    let queue = account.create_queue("orders", &[("VisibilityTimeout", visibility_secs)]);
    for message in messages {
        queue.send(&message.to_string());
    }
    queue
}

#[test]
fn a_batch_has_at_most_as_many_messages_as_it_may() {
    let account = Account::new();
    let queue = queue_of(&account, LONG, &vec![json!({ "do": "ok" }); 25]);
    let function = obedient(&account).build();
    let source = EventSource::new(&queue).batch_size(20);
    let batches: Vec<usize> = (0..3).map(|_| source.poll(&function, 0).received).collect();
    assert_eq!((batches, function.invocations(), queue.depth()), (vec![20, 5, 0], 2, (0, 0)));
}

#[test]
fn only_what_the_function_reports_as_failed_stays_until_it_is_visible_again() {
    let account = Account::new();
    let queue =
        queue_of(&account, "2", &[json!({ "do": "ok" }), json!({ "do": "fail" }), json!({ "do": "ok" })]);
    let function = obedient(&account).build();
    let source = EventSource::new(&queue);
    let polled = source.poll(&function, 0);
    assert_eq!((polled.received, polled.deleted), (3, 2));
    let again = source.poll(&function, 20);
    assert_eq!((again.received, again.deleted), (1, 0), "after its visibility");
}

#[test]
fn a_failed_function_keeps_its_whole_batch() {
    let account = Account::new();
    let function = obedient(&account).timeout(Duration::from_secs(1)).build();
    for (number, what) in ["raise", "exit", "hang"].into_iter().enumerate() {
        let queue = account.create_queue(&format!("orders-{number}"), &[("VisibilityTimeout", LONG)]);
        for message in [json!({ "do": "ok" }), json!({ "do": what })] {
            queue.send(&message.to_string());
        }
        let polled = EventSource::new(&queue).poll(&function, 0);
        assert_eq!((polled.received, polled.deleted, queue.depth()), (2, 0, (0, 2)), "{what}");
    }
}

#[test]
fn an_answer_is_understood_as_lambda_understands_it() {
    let account = Account::new();
    let function = obedient(&account).build();
    let answers = [
        ("null", 1),
        ("", 1),
        ("{}", 1),
        ("{\"batchItemFailures\":null}", 1),
        ("{\"batchItemFailures\":[]}", 1),
        ("{\"batchItemFailures\":[{\"itemIdentifier\":\"\"}]}", 0),
        ("{\"batchItemFailures\":[{\"itemIdentifier\":null}]}", 0),
        ("{\"batchItemFailures\":[{\"messageId\":\"m-1\"}]}", 0),
        ("{\"batchItemFailures\":[{\"itemIdentifier\":\"of another batch\"}]}", 0),
        ("not json", 0),
    ];
    for (number, (answer, deleted)) in answers.into_iter().enumerate() {
        let queue = account.create_queue(&format!("orders-{number}"), &[("VisibilityTimeout", LONG)]);
        queue.send(&json!({ "do": "return", "answer": answer }).to_string());
        let polled = EventSource::new(&queue).poll(&function, 0);
        assert_eq!((polled.received, polled.deleted), (1, deleted), "{answer}");
    }
}

#[test]
fn without_failure_reports_only_a_failed_function_keeps_messages() {
    let account = Account::new();
    let queue = queue_of(&account, LONG, &[json!({ "do": "fail" })]);
    let function = obedient(&account).build();
    let source = EventSource::new(&queue).without_failure_reports();
    assert_eq!(source.poll(&function, 0).deleted, 1);
}

#[test]
fn what_fails_too_often_is_in_the_dead_letters_when_the_queue_is_drained() {
    let account = Account::new();
    let queue = queue_of(&account, "1", &[json!({ "do": "fail" }), json!({ "do": "ok" })]);
    let dead = account.create_queue("orders-dead", &[]);
    queue.redrive_to(&dead, 2);
    let functions = [obedient(&account).build()];
    let drained = EventSource::new(&queue).drain(&functions, PATIENCE);
    assert_eq!((drained.received, drained.deleted), (3, 1));
    assert_eq!((queue.depth(), dead.take_all().len()), ((0, 0), 1));
}

#[test]
fn a_function_gets_what_was_published_in_the_form_that_lambda_gives_it() {
    let account = Account::new();
    let (topic, queue) = (account.create_topic("orders"), account.create_queue("orders", &[]));
    topic.subscribe(&queue, Delivery::Raw);
    let body = json!({ "do": "show" }).to_string();
    topic.publish(&body, &[("eventType", "order.confirmed")]).unwrap();
    let polled = EventSource::new(&queue).poll(&obedient(&account).build(), 0);
    let Some(Outcome::Answered(answer)) = polled.outcome else { panic!("no answer: {polled:?}") };
    let record = &answer["record"];
    assert_eq!((&record["body"], &record["eventSource"]), (&json!(body), &json!("aws:sqs")));
    assert_eq!(
        (&record["eventSourceARN"], &record["awsRegion"]),
        (&json!(queue.arn()), &json!("eu-central-1"))
    );
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(record["messageAttributes"]["eventType"]["stringValue"], "order.confirmed");
    assert_eq!(record["messageAttributes"]["eventType"]["dataType"], "String");
    assert_eq!(record["md5OfBody"].as_str().unwrap().len(), 32);
}

#[test]
fn a_delete_that_fails_brings_the_message_again() {
    let account = Account::new();
    let queue = queue_of(&account, "1", &[json!({ "do": "ok" })]);
    account.fail(&Fault::next("sqs", "DeleteMessageBatch", FaultKind::ErrorBefore));
    let drained = EventSource::new(&queue).drain(&[obedient(&account).build()], PATIENCE);
    assert_eq!((drained.invocations, drained.received, drained.deleted), (2, 2, 1));
}

#[test]
fn several_functions_share_a_queue() {
    let account = Account::new();
    let queue = queue_of(&account, LONG, &vec![json!({ "do": "ok" }); 40]);
    let functions = [obedient(&account).build(), obedient(&account).build()];
    let drained = EventSource::new(&queue).batch_size(5).drain(&functions, PATIENCE);
    assert_eq!((drained.received, drained.deleted, queue.depth()), (40, 40, (0, 0)));
    assert_eq!(functions.iter().map(Function::invocations).sum::<u64>(), drained.invocations as u64);
}

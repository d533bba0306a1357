use std::time::Duration;

use postrider_testkit::emulator::Account;
use postrider_testkit::emulator::lambda::Outcome;
use serde_json::{Value, json};

use super::obedient;

fn event(message: &Value) -> Value {
    json!({ "Records": [{ "messageId": "m-1", "body": message.to_string() }] })
}

#[test]
fn one_program_answers_one_invocation_after_another() {
    let function = obedient(&Account::new()).build();
    assert_eq!(function.starts(), 0, "nothing runs before it is invoked");
    let nothing_failed = Outcome::Answered(json!({ "batchItemFailures": [] }));
    for _ in 0..3 {
        assert_eq!(function.invoke(&event(&json!({ "do": "ok" }))), nothing_failed);
    }
    assert_eq!((function.starts(), function.invocations()), (1, 3));
    let usage = function.usage().unwrap();
    assert!(usage.first_response > Duration::ZERO && usage.peak_memory_bytes > 1024 * 1024, "{usage:?}");
}

#[test]
fn an_invocation_says_who_and_until_when_it_is() {
    let account = Account::new();
    let function = obedient(&account).timeout(Duration::from_secs(10)).build();
    let Outcome::Answered(answer) = function.invoke(&event(&json!({ "do": "show" }))) else {
        panic!("no answer")
    };
    let header =
        |name: &str| answer["headers"][format!("lambda-runtime-{name}")].as_str().unwrap().to_owned();
    assert_eq!(
        header("invoked-function-arn"),
        format!("arn:aws:lambda:eu-central-1:{}:function:obedient", account.number())
    );
    assert!(header("trace-id").starts_with("Root=1-"));
    assert_eq!(header("aws-request-id").len(), 36);
    assert!(header("deadline-ms").parse::<u64>().unwrap() > 1_700_000_000_000);
}

#[test]
fn a_failure_that_the_function_reports_leaves_its_program_running() {
    let function = obedient(&Account::new()).build();
    let failed = Outcome::Failed { kind: "Refused".to_owned(), message: "told to".to_owned() };
    assert_eq!(function.invoke(&event(&json!({ "do": "raise" }))), failed);
    assert!(matches!(function.invoke(&event(&json!({ "do": "ok" }))), Outcome::Answered(_)));
    assert_eq!(function.starts(), 1);
}

#[test]
fn what_takes_too_long_is_killed_and_the_next_invocation_has_a_new_program() {
    let function = obedient(&Account::new()).timeout(Duration::from_secs(1)).build();
    assert_eq!(function.invoke(&event(&json!({ "do": "hang" }))), Outcome::TimedOut);
    assert!(function.usage().is_none());
    assert!(matches!(function.invoke(&event(&json!({ "do": "ok" }))), Outcome::Answered(_)));
    assert_eq!(function.starts(), 2);
}

#[test]
fn a_program_that_ends_fails_the_invocation_and_is_started_again() {
    let function = obedient(&Account::new()).build();
    let Outcome::Exited(how) = function.invoke(&event(&json!({ "do": "exit" }))) else {
        panic!("it did not end")
    };
    assert!(how.contains('3'), "{how}");
    assert!(matches!(function.invoke(&event(&json!({ "do": "ok" }))), Outcome::Answered(_)));
}

#[test]
fn a_program_that_is_killed_in_an_invocation_fails_it() {
    let function = obedient(&Account::new()).build();
    std::thread::scope(|scope| {
        let invoked = scope.spawn(|| function.invoke(&event(&json!({ "do": "hang", "say": "begun" }))));
        while !function.log().iter().any(|line| line == "begun") {
            std::thread::yield_now();
        }
        function.kill();
        assert!(matches!(invoked.join().unwrap(), Outcome::Exited(_)));
    });
}

#[test]
fn a_program_that_cannot_start_says_why() {
    let function = obedient(&Account::new()).handler("broken").build();
    let outcome = function.invoke(&event(&json!({ "do": "ok" })));
    assert_eq!(outcome, Outcome::Failed { kind: "Broken".to_owned(), message: "cannot start".to_owned() });
}

#[test]
fn what_it_writes_is_its_log() {
    let function = obedient(&Account::new()).build();
    let metric = json!({ "_aws": { "CloudWatchMetrics": [] }, "EmailsSent": 1 }).to_string();
    function.invoke(&event(&json!({ "do": "ok", "say": metric })));
    function.kill();
    assert_eq!((function.log(), function.log_bytes()), (vec![metric.clone()], metric.len() as u64 + 1));
}

//! What goes wrong is told, and leaves nothing behind.

use std::collections::BTreeSet;

use postrider_testkit::emulator::{Account, Fault, FaultKind};
use serde_json::Value;

use super::removing::listed;
use super::{STACK, artifact, code, ended_badly, ended_well, installed, is_there, release};
use crate::command_line::CommandLine;
use crate::installation::{account_with_artifact, broken_template, bucket, parameters, template};

/// Everything that asks for the stack first.
const COMMANDS: [&[&str]; 5] = [
    &["plan", "staging"],
    &["deploy", "staging", "--yes"],
    &["status", "staging"],
    &["rollback", "staging", "r-0", "--yes"],
    &["destroy", "staging", "--yes"],
];

/// What failed first since the stack had so many events, as CloudFormation tells it.
fn failed_first(stack: &Value, events_before: usize) -> String {
    let events = &stack["events"].as_array().unwrap()[events_before..];
    let failed = events.iter().find(|event| event["status"].as_str().unwrap().ends_with("_FAILED")).unwrap();
    let text = |name: &str| failed[name].as_str().unwrap();
    format!("failed first: {} ({}): {}\n", text("logicalId"), text("type"), text("reason"))
}

#[test]
fn a_failed_update_names_what_failed_first_and_the_reason() {
    let account = account_with_artifact();
    let stack = installed(&account, "r-1", &[]);
    // What failed another time is not told again.
    stack.update(&broken_template(), &parameters("staging", &account, &[])).unwrap();
    assert!(stack.status().1.contains("[ApiFaultsAlarm]"), "{:?}", stack.status());
    let before = stack.shown()["events"].as_array().unwrap().len();
    // Its functions were never uploaded.
    let key = "postrider/r-2/postrider.yaml";
    account.put_object(&bucket(&account), key, template().as_bytes());
    let command_line = CommandLine::of(&account).with("RELEASE_ID", "r-2");
    let ended = command_line.stack(&["deploy", "staging", "--yes"]);
    assert_eq!(ended.status, 1, "{ended:#?}");
    assert!(ended.output.trim_end().ends_with(" UPDATE_ROLLBACK_COMPLETE"), "{}", ended.output);
    assert_eq!(ended.errors, failed_first(&stack.shown(), before));
    assert!(ended.errors.contains("NoSuchKey"), "{}", ended.errors);
    assert_eq!(code(&stack), BTreeSet::from([artifact("r-1")]));
}

/// Nothing with a name of its own stays, which a second try would find taken.
#[test]
fn a_first_deployment_that_failed_is_removed_and_deployed_again() {
    let account = account_with_artifact();
    let key = "postrider/r-1/postrider.yaml";
    account.put_object(&bucket(&account), key, template().as_bytes());
    let command_line = CommandLine::of(&account);
    let ended = command_line.stack(&["deploy", "staging", "--yes"]);
    assert_eq!(ended.status, 1, "{ended:#?}");
    let stack = account.stack(STACK);
    assert_eq!(ended.errors, failed_first(&stack, 0));
    // The table refuses to be deleted as long as it is protected. It has no name of its own.
    let left: Vec<&str> = stack["resources"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((stack["status"].as_str(), left), (Some("ROLLBACK_FAILED"), vec!["LedgerTable"]));
    assert!(stack["retained"].as_array().unwrap().is_empty(), "{:#}", stack["retained"]);

    release(&account, "r-1");
    let ended = command_line.stack(&["deploy", "staging", "--yes"]);
    ended_badly(&ended, "its first deployment came to nothing");
    assert!(ended.errors.contains("stack destroy staging"), "{}", ended.errors);
    let status = command_line.stack(&["status", "staging"]);
    ended_well(&status);
    assert!(status.output.starts_with(&format!("{STACK}: ROLLBACK_FAILED\n")), "{}", status.output);

    let ended = command_line.stack(&["destroy", "staging", "--yes"]);
    ended_well(&ended);
    let table = stack["resources"]["LedgerTable"]["physicalId"].as_str().unwrap();
    assert_eq!(listed(&ended.output), BTreeSet::from([("AWS::DynamoDB::Table", table)]));
    ended_well(&command_line.stack(&["deploy", "staging", "--yes"]));
    assert_eq!(account.stack(STACK)["status"], "CREATE_COMPLETE");
}

#[test]
fn what_needs_a_stack_says_that_there_is_none() {
    let account = account_with_artifact();
    let command_line = CommandLine::of(&account);
    for command in &COMMANDS[2..] {
        let ended = command_line.stack(command);
        assert_eq!((ended.status, &*ended.output), (1, ""), "{command:?}: {}", ended.errors);
        assert_eq!(ended.errors, format!("there is no {STACK}\n"), "{command:?}");
    }
    assert!(!is_there(&account));
}

#[test]
fn a_stack_that_cannot_be_seen_is_not_taken_for_none() {
    let account = account_with_artifact();
    release(&account, "r-1");
    let unreachable = CommandLine::of(&account).with("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let expired = CommandLine::of(&account);
    let fault = Fault::next("cloudformation", "", FaultKind::ExpiredCredentials);
    account.fail(&fault.times(100));
    for (command_line, words) in [(unreachable, "Could not connect"), (expired, "ExpiredToken")] {
        for command in COMMANDS {
            let ended = command_line.stack(command);
            ended_badly(&ended, words);
            assert_eq!(ended.output, "", "{command:?}");
            assert!(!ended.errors.contains("there is no"), "{command:?}: {}", ended.errors);
        }
    }
    let counters = account.counters();
    assert_eq!(counters.requests("cloudformation"), counters.calls("cloudformation", "DescribeStacks"));
}

#[test]
fn what_is_not_understood_is_told_how_it_is_said() {
    let command_line = CommandLine::of(&Account::new());
    for arguments in [
        &[][..],
        &["deploy"],
        &["upload", "staging"],
        &["rollback", "staging"],
        &["rollback", "staging", "--yes"],
        &["burn", "staging"],
    ] {
        let ended = command_line.in_repository(&[&["deploy/aws/stack"], arguments].concat());
        assert_eq!((ended.status, &*ended.output), (2, ""), "{arguments:?}: {}", ended.errors);
        assert!(ended.errors.contains("  stack deploy ENVIRONMENT"), "{arguments:?}: {}", ended.errors);
    }
    let ended = command_line.stack(&["plan", "nowhere"]);
    assert_eq!((ended.status, &*ended.errors), (2, "there is no environments/nowhere.json\n"));
}

//! `deploy/aws/stack`, run as an engineer runs it.

mod failing;
mod removing;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use postrider_testkit::emulator::{Account, Deployment};

use crate::command_line::{CommandLine, Ended};
use crate::installation::{account_with_artifact, bucket, deploy, parameters, template};

const STACK: &str = "postrider-staging";
const ARCHITECTURES: [&str; 2] = ["arm64", "x86_64"];

/// Where a release's functions are.
fn artifact(release: &str) -> String {
    format!("postrider/{release}/postrider-lambda-arm64.zip")
}

/// Puts a release into the bucket: the template, and functions unlike those of any other.
fn release(account: &Account, release: &str) {
    account.put_object(&bucket(account), &artifact(release), release.as_bytes());
    account.put_object(
        &bucket(account),
        &format!("postrider/{release}/postrider.yaml"),
        template().as_bytes(),
    );
}

/// Staging as `deploy/aws/stack` deploys a release, but for `more`.
fn installed(account: &Account, name: &str, more: &[(&str, &str)]) -> Deployment {
    release(account, name);
    let artifact = artifact(name);
    let mut own = vec![("ReleaseId", name), ("ArtifactKey", &*artifact), ("Architecture", "arm64")];
    own.extend(more);
    deploy(account, &parameters("staging", account, &own))
}

fn field(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

fn is_there(account: &Account) -> bool {
    match account.form("cloudformation", "DescribeStacks", &field("StackName", STACK)) {
        Ok(_) => true,
        Err(refusal) if refusal.message.contains("does not exist") => false,
        Err(refusal) => panic!("{refusal}"),
    }
}

fn change_sets(account: &Account) -> usize {
    let listed = account.form("cloudformation", "ListChangeSets", &field("StackName", STACK)).unwrap();
    listed.matches("<ChangeSetName>").count()
}

/// The stack's parameters.
fn given(command_line: &CommandLine) -> BTreeMap<String, String> {
    let query = "Stacks[0].Parameters[].[ParameterKey,ParameterValue]";
    let shown = command_line.aws(&[
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        STACK,
        "--query",
        query,
        "--output",
        "json",
    ]);
    let pairs: Vec<(String, String)> = serde_json::from_str(&shown).unwrap();
    pairs.into_iter().collect()
}

/// Each resource that a plan names, and what would be done to it.
fn planned(output: &str) -> BTreeMap<&str, &str> {
    let rows = output.lines().filter(|line| line.contains("AWS::"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[3], cells[1])
    })
    .collect()
}

/// Where every function's code is.
fn code(stack: &Deployment) -> BTreeSet<String> {
    let shown = stack.shown();
    let functions = shown["resources"].as_object().unwrap().values();
    let functions = functions.filter(|one| one["type"] == "AWS::Lambda::Function");
    functions.map(|one| one["found"]["Code"]["S3Key"].as_str().unwrap_or("elsewhere").to_owned()).collect()
}

fn ended_well(ended: &Ended) {
    assert_eq!((ended.status, &*ended.errors), (0, ""), "{}", ended.output);
}

fn ended_badly(ended: &Ended, words: &str) {
    assert_eq!(ended.status, 1, "{ended:#?}");
    assert!(ended.errors.contains(words), "{ended:#?}");
}

#[test]
fn upload_puts_functions_and_template_into_the_bucket() {
    let account = account_with_artifact();
    let command_line = CommandLine::of(&account);
    // The folder is meant as seen from where the command is given.
    let built = command_line.folder().join("built");
    fs::create_dir(&built).unwrap();
    for architecture in ARCHITECTURES {
        fs::write(built.join(format!("postrider-lambda-{architecture}.zip")), architecture).unwrap();
    }
    ended_well(&command_line.stack(&["upload", "staging", "built"]));
    let object = |name: &str| account.object(&bucket(&account), &format!("postrider/r-1/{name}")).unwrap();
    for architecture in ARCHITECTURES {
        assert_eq!(object(&format!("postrider-lambda-{architecture}.zip")), architecture.as_bytes());
    }
    assert_eq!(object("postrider.yaml"), template().as_bytes());
}

#[test]
fn plan_shows_what_would_be_made_and_leaves_nothing() {
    let account = account_with_artifact();
    release(&account, "r-1");
    let ended = CommandLine::of(&account).stack(&["plan", "staging"]);
    ended_well(&ended);
    let planned = planned(&ended.output);
    assert!(planned.contains_key("LedgerTable") && planned.contains_key("ApiFunction"), "{planned:?}");
    assert!(planned.values().all(|action| *action == "Add"), "{planned:?}");
    assert!(!is_there(&account));
}

/// A stack that somebody else holds in review, with a change set of theirs, is not this command's to take away.
#[test]
fn plan_leaves_what_somebody_else_has_in_review() {
    let account = account_with_artifact();
    release(&account, "r-1");
    let fields = [
        ("StackName", STACK),
        ("ChangeSetName", "somebodys"),
        ("ChangeSetType", "CREATE"),
        ("TemplateBody", r#"{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}"#),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    account.form("cloudformation", "CreateChangeSet", &fields).unwrap();
    ended_well(&CommandLine::of(&account).stack(&["plan", "staging"]));
    assert!(is_there(&account));
    assert_eq!(change_sets(&account), 1);
}

#[test]
fn plan_shows_what_would_change_and_leaves_everything_as_it_is() {
    let account = account_with_artifact();
    let stack = installed(&account, "r-1", &[("LogRetentionDays", "731")]);
    let before = stack.shown();
    let ended = CommandLine::of(&account).stack(&["plan", "staging"]);
    ended_well(&ended);
    let planned = planned(&ended.output);
    let template = before["template"]["Resources"].as_object().unwrap();
    let groups = before["resources"].as_object().unwrap().keys().map(String::as_str);
    let groups = groups.filter(|name| template[*name]["Type"] == "AWS::Logs::LogGroup");
    assert_eq!(planned, groups.map(|name| (name, "Modify")).collect());
    assert_eq!(stack.shown(), before);
    assert_eq!(change_sets(&account), 0);
}

#[test]
fn deploy_asks_and_makes_the_stack_of_the_environment_and_the_release() {
    let account = account_with_artifact();
    release(&account, "r-1");
    let command_line = CommandLine::of(&account);
    let ended = command_line.stack_told("yes\n", &["deploy", "staging"]);
    ended_well(&ended);
    assert_eq!(planned(&ended.output).get("LedgerTable"), Some(&"Add"));
    assert!(ended.output.trim_end().ends_with(" CREATE_COMPLETE"), "{}", ended.output);
    let (given, artifact) = (given(&command_line), artifact("r-1"));
    let own = [("ReleaseId", "r-1"), ("ArtifactKey", &*artifact), ("Architecture", "arm64")];
    for (name, value) in parameters("staging", &account, &own) {
        assert_eq!(given[&name], value, "{name}");
    }
    let stack = account.stack(STACK);
    assert_eq!(stack["template"]["Resources"]["LedgerTable"]["DeletionPolicy"], "Retain");
}

#[test]
fn deploy_says_that_nothing_would_change_and_ends_well() {
    let account = account_with_artifact();
    let stack = installed(&account, "r-1", &[]);
    let before = stack.shown();
    let ended = CommandLine::of(&account).stack(&["deploy", "staging"]);
    ended_well(&ended);
    assert_eq!(ended.output, format!("{STACK} is as it is to be: nothing would change\n"));
    assert_eq!(stack.shown(), before);
    assert_eq!(change_sets(&account), 0);
}

#[test]
fn deploy_brings_another_release_and_what_else_is_other() {
    let account = account_with_artifact();
    let stack = installed(&account, "r-1", &[("LogRetentionDays", "731")]);
    release(&account, "r-2");
    let command_line = CommandLine::of(&account).with("RELEASE_ID", "r-2");
    let ended = command_line.stack(&["deploy", "staging", "--yes"]);
    ended_well(&ended);
    assert!(ended.output.trim_end().ends_with(" UPDATE_COMPLETE"), "{}", ended.output);
    assert_eq!(code(&stack), BTreeSet::from([artifact("r-2")]));
    assert_eq!(given(&command_line)["LogRetentionDays"], "400");
}

#[test]
fn whatever_is_not_a_yes_leaves_nothing_behind() {
    let account = account_with_artifact();
    release(&account, "r-1");
    let command_line = CommandLine::of(&account);
    for answer in ["y\n", ""] {
        let ended = command_line.stack_told(answer, &["deploy", "staging"]);
        assert_eq!((ended.status, &*ended.errors), (1, ""), "{answer:?}: {}", ended.output);
        assert!(ended.output.ends_with("not done\n"), "{answer:?}: {}", ended.output);
        assert!(!is_there(&account), "{answer:?}");
    }
}

#[test]
fn a_refused_rollback_leaves_everything_as_it_is() {
    let account = account_with_artifact();
    let stack = installed(&account, "r-2", &[]);
    release(&account, "r-1");
    let before = stack.shown();
    let ended = CommandLine::of(&account).stack_told("no\n", &["rollback", "staging", "r-1"]);
    assert_eq!((ended.status, &*ended.errors), (1, ""), "{}", ended.output);
    assert!(ended.output.ends_with("not done\n"), "{}", ended.output);
    assert_eq!(planned(&ended.output).get("ApiFunction"), Some(&"Modify"));
    assert_eq!(stack.shown(), before);
    assert_eq!(change_sets(&account), 0);
}

#[test]
fn rollback_deploys_an_older_releases_functions_and_leaves_all_else() {
    let account = account_with_artifact();
    // What the environment's file does not say.
    let stack = installed(&account, "r-2", &[("MonthlyBudgetUsd", "77")]);
    release(&account, "r-1");
    let command_line = CommandLine::of(&account);
    let mut before = given(&command_line);
    ended_well(&command_line.stack(&["rollback", "staging", "r-1", "--yes"]));
    assert_eq!(code(&stack), BTreeSet::from([artifact("r-1")]));
    let mut after = given(&command_line);
    let of_release = after.remove("ReleaseId").unwrap();
    assert!(of_release.starts_with("r-1-again-"), "{of_release}");
    assert_eq!(after.remove("ArtifactKey").unwrap(), artifact("r-1"));
    before.retain(|name, _| !["ReleaseId", "ArtifactKey"].contains(&&**name));
    assert_eq!(after, before);
    assert_eq!(after["MonthlyBudgetUsd"], "77");
}

#[test]
fn status_shows_the_stack_alarms_that_ring_and_what_waits() {
    let account = account_with_artifact();
    let stack = installed(&account, "r-1", &[]);
    let command_line = CommandLine::of(&account);
    let ringing = "staging-postrider-order-dlq";
    let state = ["--alarm-name", ringing, "--state-value", "ALARM", "--state-reason", "a test"];
    command_line.aws(&[&["cloudwatch", "set-alarm-state"], &state[..]].concat());
    let outputs = stack.shown()["outputs"].clone();
    let queue = account.queue(outputs["OrderDlqUrl"].as_str().unwrap());
    queue.send("one");
    queue.send("two");

    let ended = command_line.stack(&["status", "staging"]);
    ended_well(&ended);
    let (head, queues) = ended.output.split_at(ended.output.find("OrderQueueUrl").unwrap());
    let head: Vec<&str> = head.lines().collect();
    assert_eq!(head[..2], [format!("{STACK}: CREATE_COMPLETE"), "alarms that ring:".to_owned()]);
    assert!(head.len() == 3 && head[2].starts_with(&format!("{ringing}\t")), "{head:#?}");
    let shown: BTreeMap<&str, &str> = queues
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, rest)| (name, rest.trim()))
        .collect();
    let waits = |name: &str| if name == "OrderDlqUrl" { "2 waiting" } else { "0 waiting" };
    let all = outputs
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| name.ends_with("QueueUrl") || name.ends_with("DlqUrl"));
    assert_eq!(shown, all.map(|name| (&**name, waits(name))).collect());
}

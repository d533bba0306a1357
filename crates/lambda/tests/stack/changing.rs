//! The stack is updated and deleted.

use std::collections::{BTreeMap, BTreeSet};

use postrider_testkit::emulator::Deployment;
use serde_json::{Value, json};

use crate::installation::{
    Parameters, VPC, account_with_artifact, broken_template, deploy, parameters, template, update,
};
use crate::resolver::{Resolver, differences};

/// Resources, by name, that hold data: a policy keeps them. Versions of functions are kept for going back to, and hold none.
fn holding_data(shown: &Value) -> BTreeMap<String, String> {
    let declared = shown["template"]["Resources"].as_object().unwrap();
    let kept = declared.iter().filter(|(_, one)| one["DeletionPolicy"] == "Retain");
    let kept = kept.filter(|(_, one)| one["Type"] != "AWS::Lambda::Version");
    let named = kept.filter_map(|(name, _)| Some((name, shown["resources"].get(name)?)));
    named.map(|(name, one)| (name.clone(), one["physicalId"].as_str().unwrap().to_owned())).collect()
}

/// Updates, and holds what happened to what the template means before and after: whatever reads otherwise was changed,
/// nothing else, and nothing that holds data is another. Tells the types that changed.
fn changes_only_what_is_other(
    stack: &Deployment,
    before: &Parameters,
    after: &Parameters,
) -> BTreeSet<String> {
    let old = stack.shown();
    update(stack, after);
    let new = stack.shown();
    let meant = Resolver::new(stack.account(), &old, before).resources();
    let means = Resolver::new(stack.account(), &new, after).resources();
    assert_eq!(meant.keys().collect::<Vec<_>>(), means.keys().collect::<Vec<_>>());
    let other: BTreeSet<&str> =
        means.iter().filter(|(name, one)| meant[*name] != **one).map(|(name, _)| name.as_str()).collect();
    let events = &new["events"].as_array().unwrap()[old["events"].as_array().unwrap().len()..];
    let events = events.iter().filter(|event| event["type"] != "AWS::CloudFormation::Stack");
    let changed: BTreeSet<&str> = events
        .clone()
        .filter(|event| event["status"] == "UPDATE_COMPLETE")
        .map(|event| event["logicalId"].as_str().unwrap())
        .collect();
    assert_eq!(changed, other);
    assert!(!changed.is_empty());
    assert_eq!(holding_data(&old), holding_data(&new));
    let strays: Vec<String> = means
        .iter()
        .flat_map(|(name, properties)| differences(properties, &new["resources"][name]["found"], name))
        .collect();
    assert!(strays.is_empty(), "{strays:#?}");
    changed.iter().map(|name| new["resources"][*name]["type"].as_str().unwrap().to_owned()).collect()
}

fn with(parameters: &Parameters, name: &str, value: &str) -> Parameters {
    let mut changed = parameters.clone();
    changed.insert(name.to_owned(), value.to_owned()).unwrap_or_default();
    changed
}

fn types(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn an_update_changes_only_what_is_other_and_keeps_what_holds_data() {
    let account = account_with_artifact();
    let first = parameters("prod", &account, &[]);
    let stack = deploy(&account, &first);
    let outputs = stack.shown()["outputs"].clone();
    let queue = outputs["OrderDlqUrl"].as_str().unwrap();
    let table = outputs["LedgerTableName"].as_str().unwrap();
    let item = json!({ "pk": { "B": "AA==" }, "sk": { "B": "AA==" } });
    let put = json!({ "TableName": table, "Item": item });
    account.call("dynamodb", "DynamoDB_20120810.PutItem", &put).unwrap();
    let send = json!({ "QueueUrl": queue, "MessageBody": "a dead letter" });
    account.call("sqs", "AmazonSQS.SendMessage", &send).unwrap();

    let longer = with(&first, "LogRetentionDays", "731");
    assert_eq!(changes_only_what_is_other(&stack, &first, &longer), types(&["AWS::Logs::LogGroup"]));

    // A release: each function gets a version, and each alias another one.
    let released = with(&longer, "ReleaseId", "r-2");
    assert_eq!(
        changes_only_what_is_other(&stack, &longer, &released),
        types(&["AWS::Lambda::Alias", "AWS::Lambda::Function", "AWS::Lambda::Version"])
    );
    let shown = stack.shown();
    let kept = shown["retained"].as_array().unwrap();
    assert_eq!(kept.len(), 5, "what an alias goes back to stays: {kept:#?}");
    assert!(kept.iter().all(|one| one["found"]["FunctionName"].is_string()), "{kept:#?}");

    let faster = with(&released, "SesMaxSendRate", "100");
    assert_eq!(
        changes_only_what_is_other(&stack, &released, &faster),
        types(&["AWS::Lambda::EventSourceMapping", "AWS::Lambda::Function"])
    );

    let dearer = with(&faster, "MonthlyBudgetUsd", "300");
    assert_eq!(
        changes_only_what_is_other(&stack, &faster, &dearer),
        types(&["AWS::Budgets::Budget", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"])
    );

    let got = account.call(
        "dynamodb",
        "DynamoDB_20120810.GetItem",
        &json!({ "TableName": table, "Key": item, "ConsistentRead": true }),
    );
    assert_eq!(got.unwrap()["Item"], item);
    let received = account.call("sqs", "AmazonSQS.ReceiveMessage", &json!({ "QueueUrl": queue })).unwrap();
    assert_eq!(received["Messages"][0]["Body"], "a dead letter");
}

#[test]
fn a_network_can_be_added_and_taken_away_again() {
    let account = account_with_artifact();
    let without = parameters("staging", &account, &[]);
    let stack = deploy(&account, &without);
    let first = stack.shown();
    let with = parameters("staging", &account, &VPC);
    for after in [&with, &without] {
        update(&stack, after);
        let shown = stack.shown();
        let means = Resolver::new(&account, &shown, after).resources();
        assert_eq!(
            means.keys().collect::<Vec<_>>(),
            shown["resources"].as_object().unwrap().keys().collect::<Vec<_>>()
        );
        let strays: Vec<String> = means
            .iter()
            .flat_map(|(name, properties)| differences(properties, &shown["resources"][name]["found"], name))
            .collect();
        assert!(strays.is_empty(), "{strays:#?}");
        let failed = shown["events"].as_array().unwrap().iter().filter(|it| it["status"] == "DELETE_FAILED");
        assert_eq!(failed.count(), 0);
    }
    let last = stack.shown();
    assert_eq!(first["resources"].as_object().unwrap().len(), last["resources"].as_object().unwrap().len());
    // What was logged of the network stays.
    let kept: Vec<&Value> =
        last["retained"].as_array().unwrap().iter().map(|one| &one["logicalId"]).collect();
    assert_eq!(kept, ["FlowLogGroup"]);
}

#[test]
fn an_update_that_fails_puts_everything_back() {
    let account = account_with_artifact();
    let first = parameters("staging", &account, &[]);
    let stack = deploy(&account, &first);
    let before = stack.shown();
    stack.update(&broken_template(), &with(&first, "LogRetentionDays", "731")).unwrap();
    let (status, reason) = stack.status();
    assert_eq!(status, "UPDATE_ROLLBACK_COMPLETE");
    assert!(reason.contains("[ApiFaultsAlarm]") && reason.contains("Colour"), "{reason}");
    let after = stack.shown();
    assert_eq!(before["resources"], after["resources"]);
    assert_eq!(before["outputs"], after["outputs"]);
}

#[test]
fn a_delete_leaves_what_holds_data_and_nothing_else() {
    let account = account_with_artifact();
    let given = parameters("staging", &account, &VPC);
    let stack = deploy(&account, &given);
    let before = stack.shown();
    let id = before["id"].as_str().unwrap();
    stack.delete().unwrap();
    // Deleted stacks are known by their id.
    let after = account.stack(id);
    assert_eq!(after["status"], "DELETE_COMPLETE", "{}", after["reason"]);
    assert!(after["resources"].as_object().unwrap().is_empty());
    let declared = before["template"]["Resources"].as_object().unwrap();
    let by_policy = |keeps: bool| -> BTreeSet<&str> {
        let resources = before["resources"].as_object().unwrap().keys();
        resources
            .map(String::as_str)
            .filter(|it| (declared[*it]["DeletionPolicy"] == "Retain") == keeps)
            .collect()
    };
    let names = |list: &str| -> BTreeSet<String> {
        after[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["logicalId"].as_str().unwrap().to_owned())
            .collect()
    };
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(names("retained"), owned(by_policy(true)));
    assert_eq!(names("deleted"), owned(by_policy(false)));
    for one in after["retained"].as_array().unwrap() {
        let name = one["logicalId"].as_str().unwrap();
        // Versions go with their function, as on AWS.
        if one["type"] != "AWS::Lambda::Version" {
            assert_eq!(one["found"], before["resources"][name]["found"], "{name}");
        }
    }
    for one in after["deleted"].as_array().unwrap() {
        let found = &one["found"];
        let is_gone = found["refused"].is_string()
            || one["recorded"].as_array().is_some_and(|recorded| !recorded.is_empty())
            || found.as_object().is_some_and(serde_json::Map::is_empty)
            // The queues stay, without it.
            || one["type"] == "AWS::SQS::QueuePolicy" && found["PolicyDocument"].is_null();
        assert!(is_gone, "{one:#}");
    }
}

#[test]
fn a_change_set_shows_what_would_change_and_changes_nothing_before_it_is_executed() {
    let account = account_with_artifact();
    let first = parameters("prod", &account, &[]);
    let stack = deploy(&account, &first);
    let before = stack.shown();
    let longer = with(&first, "LogRetentionDays", "731");
    let described = stack.plan("longer", &template(), &longer).unwrap();
    assert!(described.contains("<Status>CREATE_COMPLETE</Status>"), "{described}");
    let changes: Vec<&str> = described.split("<ResourceChange>").skip(1).collect();
    assert!(!changes.is_empty());
    for change in changes {
        assert!(change.contains("<Action>Modify</Action><Replacement>False</Replacement>"), "{change}");
        assert!(change.contains("<ResourceType>AWS::Logs::LogGroup</ResourceType>"), "{change}");
    }
    assert_eq!(stack.shown(), before);
    stack.execute("longer").unwrap();
    assert_eq!(stack.status().0, "UPDATE_COMPLETE");
    assert_eq!(stack.shown()["resources"]["DispatchLogGroup"]["found"]["RetentionInDays"], json!("731"));
    let described = stack.plan("again", &template(), &longer).unwrap();
    assert!(described.contains("<Status>FAILED</Status>") && described.contains("didn't contain changes"));
    assert!(stack.execute("again").is_err());
}

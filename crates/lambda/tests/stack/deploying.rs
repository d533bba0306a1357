//! The template comes up in every shape, and everything in it is there afterwards.

use std::collections::BTreeSet;

use postrider_testkit::emulator::Account;
use serde_json::Value;

use crate::installation::{Parameters, VPC, account_with_artifact, deploy, everything, parameters};
use crate::resolver::{Resolver, differences};

/// Deploys, and reads back every property of every resource from the service that has it.
fn comes_up_whole(account: &Account, parameters: &Parameters) -> Value {
    let stack = deploy(account, parameters);
    let shown = stack.shown();
    let expected = Resolver::new(account, &shown, parameters).resources();
    let found = shown["resources"].as_object().unwrap();
    assert_eq!(
        expected.keys().collect::<BTreeSet<_>>(),
        found.keys().collect(),
        "exactly the resources whose conditions hold"
    );
    let strays: Vec<String> = expected
        .iter()
        .flat_map(|(name, properties)| differences(properties, &found[name]["found"], name))
        .collect();
    assert!(strays.is_empty(), "{strays:#?}");
    let declared = shown["template"]["Outputs"].as_object().unwrap();
    for (name, value) in shown["outputs"].as_object().unwrap() {
        assert!(
            declared.contains_key(name) && value.as_str().is_some_and(|it| !it.is_empty()),
            "{name}: {value}"
        );
    }
    shown
}

#[test]
fn staging_comes_up_with_every_property() {
    let account = account_with_artifact();
    let _ = comes_up_whole(&account, &parameters("staging", &account, &[]));
}

#[test]
fn staging_in_a_network_comes_up_with_every_property() {
    let account = account_with_artifact();
    let _ = comes_up_whole(&account, &parameters("staging", &account, &VPC));
}

#[test]
fn production_comes_up_with_every_property() {
    let account = account_with_artifact();
    let _ = comes_up_whole(&account, &parameters("prod", &account, &[]));
}

#[test]
fn production_in_a_network_comes_up_with_every_property() {
    let account = account_with_artifact();
    let _ = comes_up_whole(&account, &parameters("prod", &account, &VPC));
}

/// Tokens, copies, replicas, a boundary and records in DNS.
#[test]
fn everything_that_parameters_can_switch_on_comes_up_at_once() {
    let account = account_with_artifact();
    let zone = account.create_hosted_zone("shop.example");
    let mut more = everything();
    more.push(("HostedZoneId", &zone));
    let shown = comes_up_whole(&account, &parameters("prod", &account, &more));
    let declared = shown["template"]["Resources"].as_object().unwrap();
    for (name, one) in declared.iter().filter(|(name, _)| shown["resources"].get(name.as_str()).is_none()) {
        assert_eq!(one["Condition"], "OwnsTestIdentity", "{name} comes up in no test");
    }
}

/// What no service of the emulator keeps is told, so that nobody takes it for tested.
#[test]
fn what_only_stands_in_the_record_of_the_deployment_is_known() {
    let account = account_with_artifact();
    let stack = deploy(&account, &parameters("staging", &account, &VPC));
    let mut recorded: BTreeSet<String> = BTreeSet::new();
    for resource in stack.shown()["resources"].as_object().unwrap().values() {
        let kind = resource["type"].as_str().unwrap();
        let names = resource["recorded"].as_array().unwrap().iter().filter_map(Value::as_str);
        recorded.extend(names.map(|name| format!("{kind} {name}")));
    }
    let expected = [
        "AWS::Backup::BackupSelection BackupPlanId",
        "AWS::Backup::BackupSelection BackupSelection",
        "AWS::Backup::BackupVault Notifications",
        "AWS::Budgets::Budget NotificationsWithSubscribers",
        "AWS::Budgets::Budget ResourceTags",
        "AWS::CloudWatch::CompositeAlarm ActionsEnabled",
        "AWS::CloudWatch::CompositeAlarm AlarmActions",
        "AWS::CloudWatch::CompositeAlarm AlarmDescription",
        "AWS::CloudWatch::CompositeAlarm AlarmName",
        "AWS::CloudWatch::CompositeAlarm AlarmRule",
        "AWS::CloudWatch::CompositeAlarm OKActions",
        "AWS::CloudWatch::CompositeAlarm Tags",
        "AWS::CloudWatch::Dashboard Tags",
        "AWS::CodeDeploy::Application ComputePlatform",
        "AWS::CodeDeploy::Application Tags",
        "AWS::CodeDeploy::DeploymentGroup AlarmConfiguration",
        "AWS::CodeDeploy::DeploymentGroup ApplicationName",
        "AWS::CodeDeploy::DeploymentGroup AutoRollbackConfiguration",
        "AWS::CodeDeploy::DeploymentGroup DeploymentConfigName",
        "AWS::CodeDeploy::DeploymentGroup DeploymentGroupName",
        "AWS::CodeDeploy::DeploymentGroup DeploymentStyle",
        "AWS::CodeDeploy::DeploymentGroup ServiceRoleArn",
        "AWS::CodeDeploy::DeploymentGroup Tags",
        "AWS::EC2::FlowLog ResourceType",
        "AWS::KMS::Key PendingWindowInDays",
        "AWS::Lambda::EventInvokeConfig FunctionName",
        "AWS::Lambda::EventInvokeConfig MaximumEventAgeInSeconds",
        "AWS::Lambda::EventInvokeConfig MaximumRetryAttempts",
        "AWS::Lambda::EventInvokeConfig Qualifier",
    ];
    assert_eq!(recorded, expected.map(str::to_owned).into());
}

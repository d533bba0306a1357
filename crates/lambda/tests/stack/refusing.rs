//! What the emulator does not understand fails a deployment, with the resource in the words.

use std::collections::BTreeMap;

use postrider_testkit::emulator::{Account, Deployment};

use crate::installation::{account_with_artifact, parameters, template};

/// Why a template is refused before anything is made.
fn refused(template: &str, parameters: &[(&str, &str)]) -> String {
    let account = Account::new();
    let given = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Deployment::create(&account, "small", template, &given).unwrap_err().message
}

/// Why a deployment fails, after which nothing is left of it.
fn failed(template: &str) -> String {
    let account = Account::new();
    let stack = Deployment::create(&account, "small", template, &BTreeMap::new()).unwrap();
    let (status, reason) = stack.status();
    assert_eq!(status, "ROLLBACK_COMPLETE", "{reason}");
    assert!(stack.shown()["resources"].as_object().unwrap().is_empty());
    reason
}

#[test]
fn an_unknown_resource_type_is_refused() {
    let words = refused("Resources: { Ledger: { Type: AWS::QLDB::Ledger, Properties: {} } }", &[]);
    assert!(words.contains("Unrecognized resource types: [AWS::QLDB::Ledger]"), "{words}");
}

#[test]
fn an_unknown_parameter_or_one_without_a_value_is_refused() {
    let account = account_with_artifact();
    let stranger = parameters("staging", &account, &[("Colour", "blue")]);
    let words = Deployment::create(&account, "s", &template(), &stranger).unwrap_err().message;
    assert!(words.contains("[Colour] do not exist"), "{words}");
    let mut without = parameters("staging", &account, &[]);
    without.remove("AlarmEmail");
    let words = Deployment::create(&account, "s", &template(), &without).unwrap_err().message;
    assert!(words.contains("[AlarmEmail] must have values"), "{words}");
}

#[test]
fn constraints_of_parameters_and_rules_are_held() {
    let account = account_with_artifact();
    for (name, value, expected) in [
        ("VerifiedDomain", "Shop.Example", "Parameter VerifiedDomain failed to satisfy constraint"),
        ("Architecture", "sparc", "Parameter Architecture failed to satisfy constraint"),
        ("ApiBurst", "5001", "Parameter ApiBurst failed to satisfy constraint"),
        ("ApiBurst", "0", "Parameter ApiBurst failed to satisfy constraint"),
        ("ApiBurst", "many", "'ApiBurst' must be a number"),
        ("LogRetentionDays", "30", "Parameter LogRetentionDays failed to satisfy constraint"),
        ("TestEmailAddress", "", "SandboxHasSomewhereToSend"),
        ("ApiAuthorization", "JWT", "TokensHaveAnIssuer"),
        ("EnableVpc", "true", "ClosedNetworkReachesTheLedger"),
        ("Environment", "prod", "ProductionSendsToEverybody"),
    ] {
        let given = parameters("staging", &account, &[(name, value)]);
        let words = Deployment::create(&account, "s", &template(), &given).unwrap_err().message;
        assert!(words.contains(expected), "{name}={value}: {words}");
    }
    let length = "Parameters: { Name: { Type: String, MinLength: 3, MaxLength: 5 } }\n\
                  Resources: { Q: { Type: AWS::SQS::Queue, Properties: { QueueName: !Ref Name } } }";
    for wrong in ["ab", "abcdef"] {
        assert!(refused(length, &[("Name", wrong)]).contains("must have length from 3 to 5"), "{wrong}");
    }
}

#[test]
fn a_property_that_would_not_be_applied_fails_its_resource() {
    let words = failed("Resources: { Waiting: { Type: AWS::SQS::Queue, Properties: { Priority: 7 } } }");
    assert!(words.contains("[Waiting]") && words.contains("unsupported property Priority"), "{words}");
    // Of what is applied, also what stands deeper.
    let words = failed(
        "Resources: { Table: { Type: AWS::DynamoDB::Table, Properties: { BillingMode: PAY_PER_REQUEST, \
         AttributeDefinitions: [{ AttributeName: a, AttributeType: S }], \
         KeySchema: [{ AttributeName: a, KeyType: HASH, Order: up }] } } }",
    );
    assert!(words.contains("[Table]") && words.contains("Order"), "{words}");
}

/// moto answers that all is well, and has forgotten the account of another metric.
#[test]
fn a_property_that_a_service_drops_in_silence_fails_its_resource() {
    let words = failed(
        "Resources: { Bounces: { Type: AWS::CloudWatch::Alarm, Properties: { ComparisonOperator: GreaterThanThreshold, \
         EvaluationPeriods: 1, Threshold: 1, Metrics: [{ Id: a, AccountId: '111122223333', ReturnData: true, \
         MetricStat: { Stat: Sum, Period: 60, Metric: { Namespace: N, MetricName: M } } }] } } }",
    );
    assert!(words.contains("[Bounces]") && words.contains("did not keep /Metrics"), "{words}");
}

#[test]
fn what_a_service_refuses_fails_its_resource_and_takes_the_others_back() {
    let words = failed(
        "Resources: { First: { Type: AWS::SQS::Queue, Properties: { QueueName: same } }, \
         Second: { Type: AWS::SNS::Subscription, DependsOn: First, Properties: \
         { Protocol: sqs, Endpoint: !GetAtt First.Arn, TopicArn: 'arn:aws:sns:eu-central-1:111122223333:none' } } }",
    );
    assert!(words.contains("[Second]"), "{words}");
}

#[test]
fn attributes_that_a_type_does_not_have_and_circles_are_refused() {
    let words = failed(
        "Resources: { A: { Type: AWS::SNS::Topic }, \
         B: { Type: AWS::SQS::Queue, Properties: { QueueName: !GetAtt A.Colour } } }",
    );
    assert!(words.contains("[B]") && words.contains("A has no attribute Colour"), "{words}");
    let words = refused(
        "Resources: { A: { Type: AWS::SNS::Topic, DependsOn: B }, B: { Type: AWS::SNS::Topic, DependsOn: A } }",
        &[],
    );
    assert!(words.contains("Circular dependency between resources: [A, B]"), "{words}");
}

/// As on AWS, where nobody says that a policy to stay is not to count before the first success.
#[test]
fn what_has_a_policy_to_stay_stays_also_when_its_first_deployment_fails() {
    let template = "Resources: { Kept: { Type: AWS::SQS::Queue, DeletionPolicy: Retain }, \
                    Taken: { Type: AWS::SQS::Queue, DependsOn: Kept, Properties: { Priority: 7 } } }";
    let account = Account::new();
    let stack = Deployment::create(&account, "small", template, &BTreeMap::new()).unwrap();
    assert_eq!(stack.status().0, "ROLLBACK_COMPLETE");
    let shown = stack.shown();
    let retained: Vec<&str> =
        shown["retained"].as_array().unwrap().iter().map(|one| one["logicalId"].as_str().unwrap()).collect();
    assert_eq!(retained, ["Kept"]);
    assert!(shown["retained"][0]["found"]["refused"].is_null(), "{shown:#}");
}

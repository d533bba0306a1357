//! Whom functions, queues and roles let in: exactly those that the services say have to do with them.

use std::collections::BTreeSet;

use postrider_testkit::emulator::{Deployment, REGION};
use serde_json::{Value, json};

use crate::end_to_end::account_of;
use crate::installation::{deploy, parameters};
use crate::policy::listed;
use crate::running::Running;

fn deployed() -> (Deployment, Running) {
    let account = account_of("prod");
    let stack = deploy(&account, &parameters("prod", &account, &[]));
    let running = Running::of(&stack);
    (stack, running)
}

/// The policy of a function by its alias; none where nobody is let in.
fn policy_of(running: &Running, function: &str) -> Option<Vec<Value>> {
    let path = format!("/2015-03-31/functions/{function}/policy?Qualifier=live");
    let policy = running.account.rest("lambda", "GET", &path, &Value::Null).ok()?;
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    Some(policy["Statement"].as_array().unwrap().clone()).filter(|statements| !statements.is_empty())
}

/// One API, in its one stage, invokes one function by its alias. Schedules and queues need no policy: they have roles.
#[test]
fn only_its_api_in_its_stage_is_let_in_to_a_function() {
    let (_stack, running) = deployed();
    let api = running.output("ApiUrl").trim_start_matches("https://").split('.').next().unwrap().to_owned();
    let path = format!("/v2/apis/{api}/stages");
    let stages = running.account.rest("apigateway", "GET", &path, &Value::Null).unwrap();
    let [stage] = &stages["items"].as_array().unwrap()[..] else { panic!("{stages:#}") };
    let stage = stage["stageName"].as_str().unwrap();
    let number = running.account.number();
    for name in ["Dispatch", "Feedback", "Api", "Sweep", "Cost"] {
        let function = running.function(&format!("{name}FunctionArn"));
        let own = function.configuration["FunctionName"].as_str().unwrap();
        let Some(mut found) = policy_of(&running, own) else {
            assert_ne!(name, "Api");
            continue;
        };
        for statement in &mut found {
            // A name and nothing else.
            let _ = statement.as_object_mut().unwrap().remove("Sid");
        }
        let expected = json!([{
            "Effect": "Allow",
            "Principal": { "Service": "apigateway.amazonaws.com" },
            "Action": "lambda:InvokeFunction",
            "Resource": function.alias(),
            "Condition": {
                "StringEquals": { "AWS:SourceAccount": number },
                "ArnLike": { "AWS:SourceArn": format!("arn:aws:execute-api:{REGION}:{number}:{api}/{stage}/*") },
            },
        }]);
        assert_eq!((name, Value::from(found)), ("Api", expected));
    }
}

/// Topics put into a queue what they deliver to it, or could not deliver elsewhere; nobody else puts in anything.
#[test]
fn only_the_topics_that_deliver_to_a_queue_are_let_in_to_it() {
    let (stack, running) = deployed();
    let shown = stack.shown();
    let resources = shown["resources"].as_object().unwrap();
    let of_type = |kind: &'static str| resources.values().filter(move |one| one["type"] == kind);
    let queues: Vec<&Value> = of_type("AWS::SQS::Queue").collect();
    assert_eq!(queues.len(), 7);
    let mut delivered_to = 0;
    for queue in queues {
        let queue = running.account.queue(queue["physicalId"].as_str().unwrap());
        let topics: BTreeSet<&str> = of_type("AWS::SNS::Subscription")
            .map(|one| &one["found"])
            .filter(|one| {
                one["Endpoint"] == queue.arn() || one["RedrivePolicy"]["deadLetterTargetArn"] == queue.arn()
            })
            .map(|one| one["TopicArn"].as_str().unwrap())
            .collect();
        let policy: Value = serde_json::from_str(&queue.attribute("Policy")).unwrap();
        let about_it = policy["Statement"].as_array().unwrap().iter();
        let about_it: Vec<&Value> =
            about_it.filter(|one| listed(&one["Resource"]).any(|it| it == queue.arn())).collect();
        let allowing = about_it.iter().filter(|one| one["Effect"] == "Allow");
        let mut sources = BTreeSet::new();
        for statement in allowing {
            assert_eq!(statement["Principal"], json!({ "Service": "sns.amazonaws.com" }));
            assert_eq!(statement["Action"], "sqs:SendMessage");
            let condition = &statement["Condition"];
            assert_eq!(condition["StringEquals"], json!({ "aws:SourceAccount": running.account.number() }));
            sources.extend(listed(&condition["ArnEquals"]["aws:SourceArn"]));
        }
        assert_eq!(sources, topics, "{}", queue.arn());
        delivered_to += usize::from(!topics.is_empty());
        let refusing = about_it.iter().filter(|one| one["Effect"] == "Deny");
        let conditions: Vec<&Value> = refusing.map(|one| &one["Condition"]).collect();
        assert_eq!(conditions, [&json!({ "Bool": { "aws:SecureTransport": "false" } })], "{}", queue.arn());
    }
    assert_eq!(delivered_to, 4, "two queues, and what could not be delivered to each");
}

/// The scheduler takes on its role for this installation's schedules alone.
#[test]
fn only_the_installations_schedules_take_on_their_role() {
    let (stack, running) = deployed();
    let schedules = running.schedules();
    let groups: BTreeSet<&str> = schedules.iter().map(|one| one["GroupName"].as_str().unwrap()).collect();
    let roles: BTreeSet<&str> =
        schedules.iter().map(|one| one["Target"]["RoleArn"].as_str().unwrap()).collect();
    assert_eq!((schedules.len(), groups.len(), roles.len()), (2, 1, 1), "{schedules:#?}");
    let (group, role, number) = (groups.first().unwrap(), roles.first().unwrap(), running.account.number());
    let shown = stack.shown();
    let mut resources = shown["resources"].as_object().unwrap().values();
    let role = resources.find(|one| one["attributes"]["Arn"] == **role).unwrap();
    let expected = json!([{
        "Effect": "Allow",
        "Principal": { "Service": "scheduler.amazonaws.com" },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": {
            "aws:SourceAccount": number,
            "aws:SourceArn": format!("arn:aws:scheduler:{REGION}:{number}:schedule-group/{group}"),
        } },
    }]);
    assert_eq!(role["found"]["AssumeRolePolicyDocument"]["Statement"], expected);
}

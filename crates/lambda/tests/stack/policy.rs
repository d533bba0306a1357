//! A role's policy, held to what a function was seen asking IAM for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// What is known of a function beside its role.
pub struct Facts {
    /// What it asked IAM for: `action`, `resource`, `context`.
    pub asked: Vec<Value>,
    /// What Lambda says of it.
    pub configuration: Value,
    /// Whether Lambda polls a queue for it.
    pub has_source: bool,
}

impl Facts {
    fn asks(&self, service: &str) -> bool {
        self.asked.iter().any(|one| text(&one["action"]).starts_with(&format!("{service}:")))
    }
}

/// What AWS does in a function's name, so that no call of the function shows it: the statement's Sid, its actions, when
/// a function needs it, and why.
type OfAws = (&'static str, &'static [&'static str], fn(&Facts) -> bool, &'static str);

const OF_AWS: [OfAws; 10] = [
    (
        "ServiceTableKey",
        &["kms:Decrypt"],
        |facts| facts.asks("dynamodb"),
        "DynamoDB decrypts the table's key in its caller's name",
    ),
    (
        "ServiceSecretKey",
        &["kms:Decrypt"],
        |facts| facts.asks("secretsmanager"),
        "Secrets Manager decrypts the secret in its reader's name",
    ),
    (
        "ServicePolls",
        &["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        |facts| facts.has_source,
        "the event source mapping polls the queue with the function's role",
    ),
    (
        "ServiceQueueKey",
        &["kms:Decrypt"],
        |facts| facts.has_source,
        "SQS decrypts messages in the poller's name",
    ),
    (
        "ServiceSettingsKey",
        &["kms:Decrypt"],
        |facts| facts.configuration["KMSKeyArn"].is_string(),
        "Lambda decrypts the environment with the function's role",
    ),
    (
        "ServiceSendsDeadLetters",
        &["sqs:SendMessage"],
        |facts| facts.configuration["DeadLetterConfig"].is_object(),
        "Lambda puts invocations that failed into the dead-letter queue with the function's role",
    ),
    (
        "ServiceEncryptsDeadLetters",
        &["kms:Decrypt", "kms:GenerateDataKey"],
        |facts| facts.configuration["DeadLetterConfig"].is_object(),
        "SQS encrypts those in the sender's name",
    ),
    (
        "ServiceLogs",
        &["logs:CreateLogStream", "logs:PutLogEvents"],
        |_| true,
        "Lambda writes what the function prints",
    ),
    (
        "ServiceTraces",
        &["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
        |facts| facts.configuration["TracingConfig"]["Mode"] == "Active",
        "Lambda's own X-Ray daemon sends traces",
    ),
    (
        "ServiceNetwork",
        &[
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ],
        |facts| facts.configuration["VpcConfig"]["SubnetIds"].as_array().is_some_and(|it| !it.is_empty()),
        "Lambda makes the function's network interfaces",
    ),
];

/// The statements of a role's inline policies.
pub fn statements(role: &Value) -> Vec<Value> {
    let policies = role["Policies"].as_array().unwrap().iter();
    policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap().clone()).collect()
}

/// Whether a statement is about what AWS does in the function's name.
pub fn is_of_aws(statement: &Value) -> bool {
    text(&statement["Sid"]).starts_with("Service")
}

/// What a role allows too much or too little, in words.
pub fn complaints(statements: &[Value], facts: &Facts) -> Vec<String> {
    let mut complaints = Vec::new();
    let (of_aws, own): (Vec<&Value>, Vec<&Value>) = statements.iter().partition(|it| is_of_aws(it));

    let needed = OF_AWS.iter().filter(|(_, _, when, _)| when(facts));
    let needed: BTreeSet<&str> = needed.map(|(sid, ..)| *sid).collect();
    let given: BTreeSet<&str> = of_aws.iter().map(|statement| text(&statement["Sid"])).collect();
    for sid in needed.symmetric_difference(&given) {
        complaints.push(format!("{sid} is needed or given, and not both"));
    }
    for statement in of_aws {
        let sid = text(&statement["Sid"]);
        let known = OF_AWS.iter().find(|(known, ..)| *known == sid);
        let expected = known.map(|(_, actions, ..)| actions.iter().copied().collect()).unwrap_or_default();
        let actions: BTreeSet<&str> = listed(&statement["Action"]).collect();
        if actions != expected {
            complaints.push(format!("{sid} has other actions than AWS needs: {actions:?}"));
        }
        if actions.iter().any(|action| action.starts_with("kms:")) && !statement["Condition"].is_object() {
            complaints.push(format!("{sid} lets anybody use the key, not one service alone"));
        }
    }

    let allowed: BTreeSet<&str> = own.iter().flat_map(|statement| listed(&statement["Action"])).collect();
    let asked: BTreeSet<&str> = facts.asked.iter().map(|one| text(&one["action"])).collect();
    for action in allowed.difference(&asked) {
        complaints.push(format!("{action} is allowed and was never asked for"));
    }
    for one in &facts.asked {
        if !own.iter().any(|statement| allows(statement, one)) {
            complaints
                .push(format!("{} on {} was asked for and is not allowed", one["action"], one["resource"]));
        }
    }
    for statement in own {
        for resource in listed(&statement["Resource"]) {
            let mut only_this = statement.clone();
            only_this["Resource"] = json!(resource);
            if !facts.asked.iter().any(|one| allows(&only_this, one)) {
                complaints.push(format!("{} names {resource}, which was never asked for", statement["Sid"]));
            }
        }
    }
    complaints
}

fn allows(statement: &Value, asked: &Value) -> bool {
    assert_eq!(statement["Effect"], "Allow");
    let action = text(&asked["action"]);
    let resource = text(&asked["resource"]);
    let is_named = |names: &Value, name: &str| listed(names).any(|pattern| matches(pattern, name));
    is_named(&statement["Action"], action)
        && is_named(&statement["Resource"], resource)
        && conditions_hold(&statement["Condition"], &asked["context"])
}

fn conditions_hold(conditions: &Value, context: &Value) -> bool {
    conditions.as_object().into_iter().flatten().all(|(operator, keys)| {
        keys.as_object().unwrap().iter().all(|(key, wanted)| match operator.as_str() {
            "StringEquals" => listed(wanted).any(|one| context[key] == one),
            // True also where there is no value at all.
            "ForAllValues:StringLike" => {
                listed(&context[key]).all(|value| listed(wanted).any(|pattern| matches(pattern, value)))
            }
            other => panic!("the test does not know the condition {other}"),
        })
    })
}

/// A pattern of IAM: `*` is any text, nothing else is special here.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// One text or several.
fn listed(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().into_iter().flatten();
    several.chain(Some(value).filter(|it| it.is_string())).map(text)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

//! What AWS does in a role's name, so that no call of anybody's shows it: the statements it needs, to the letter. They
//! are worked out from what the services tell of the functions, queues and keys, and from nothing that a role says.

use std::collections::BTreeSet;

use postrider_testkit::emulator::REGION;
use serde_json::{Value, json};

use crate::running::{Live, Running};

/// A statement that a role needs.
pub struct Needed {
    /// Its Sid.
    pub sid: &'static str,
    /// Its actions.
    pub actions: BTreeSet<&'static str>,
    /// Its resources.
    pub resources: BTreeSet<String>,
    /// Its condition; null where AWS tells nothing by which it could be narrower.
    pub condition: Value,
}

/// No resource but each: AWS offers nothing narrower for these actions.
const ANY: &str = "*";

fn needed(sid: &'static str, actions: &[&'static str], resource: &str) -> Needed {
    Needed {
        sid,
        actions: actions.iter().copied().collect(),
        resources: BTreeSet::from([resource.to_owned()]),
        condition: Value::Null,
    }
}

/// The use of a key, in one service's hands alone.
fn key_by(sid: &'static str, actions: &[&'static str], key: &str, service: &str) -> Needed {
    let condition =
        json!({ "StringEquals": { "kms:ViaService": format!("{service}.{REGION}.amazonaws.com") } });
    Needed { condition, ..needed(sid, actions, key) }
}

const DECRYPT: [&str; 1] = ["kms:Decrypt"];
const ENCRYPT: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];

/// In the name of a function.
pub fn of_function(running: &Running, function: &Live) -> Vec<Needed> {
    let configuration = &function.configuration;
    let name = text(&configuration["FunctionName"]);
    let setting = |name: &str| configuration["Environment"]["Variables"][name].as_str();
    let mut all = Vec::new();

    if let Some(table) = setting("POSTRIDER__LEDGER__TABLE") {
        // DynamoDB decrypts the table's key in its caller's name.
        all.push(key_by("ServiceTableKey", &DECRYPT, &key_of_table(running, table), "dynamodb"));
    }
    if let Some(secret) = setting("POSTRIDER__SERVER__SECRET") {
        // Secrets Manager decrypts the secret in its reader's name.
        all.push(key_by("ServiceSecretKey", &DECRYPT, &key_of_secret(running, secret), "secretsmanager"));
    }
    if let Some(queue) = running.polled_for(function) {
        // The event source mapping polls the queue with the function's role, and SQS decrypts in the poller's name.
        let polling = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
        all.push(needed("ServicePolls", &polling, &queue));
        all.push(key_by("ServiceQueueKey", &DECRYPT, &key_of_queue(running, &queue), "sqs"));
    }
    if let Some(key) = configuration["KMSKeyArn"].as_str() {
        // Lambda decrypts the environment with the function's role, and tells KMS whose it is.
        let arn = format!("arn:aws:lambda:{REGION}:{}:function:{name}", running.account.number());
        let condition = json!({ "StringEquals": { "kms:EncryptionContext:aws:lambda:FunctionArn": arn } });
        let key = key_named(running, key);
        all.push(Needed { condition, ..needed("ServiceSettingsKey", &DECRYPT, &key) });
    }
    if let Some(queue) = configuration["DeadLetterConfig"]["TargetArn"].as_str() {
        // Lambda puts invocations that failed there with the function's role.
        all.extend(dead_letters(running, queue));
    }
    let group = format!("/aws/lambda/{name}");
    assert_eq!(configuration["LoggingConfig"]["LogGroup"], *group, "{name}");
    // Lambda writes what the function prints, and makes a stream for each process.
    all.push(needed(
        "ServiceLogs",
        &["logs:CreateLogStream", "logs:PutLogEvents"],
        &streams_of(running, &group),
    ));
    if configuration["TracingConfig"]["Mode"] == "Active" {
        // Lambda's own X-Ray daemon sends traces.
        all.push(needed("ServiceTraces", &["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ANY));
    }
    if configuration["VpcConfig"]["SubnetIds"].as_array().is_some_and(|it| !it.is_empty()) {
        // Lambda makes the function's network interfaces.
        let actions = [
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ];
        all.push(needed("ServiceNetwork", &actions, ANY));
    }
    all
}

/// In the name of the role that schedules invoke functions with; tells its ARN too.
pub fn of_schedules(running: &Running) -> (String, Vec<Needed>) {
    let schedules = running.schedules();
    let one_of = |pointer: &str| {
        let all: BTreeSet<&str> = schedules.iter().map(|one| text(one.pointer(pointer).unwrap())).collect();
        assert_eq!(all.len(), 1, "{pointer}: {all:?}");
        all.first().copied().unwrap().to_owned()
    };
    let mut invoking = needed("ServiceInvokes", &["lambda:InvokeFunction"], ANY);
    invoking.resources = schedules.iter().map(|one| text(&one["Target"]["Arn"]).to_owned()).collect();
    let mut all = vec![invoking];
    all.extend(dead_letters(running, &one_of("/Target/DeadLetterConfig/Arn")));
    // The scheduler decrypts what a schedule says.
    let key = key_named(running, &one_of("/KmsKeyArn"));
    all.push(key_by("ServiceDecryptsSchedules", &DECRYPT, &key, "scheduler"));
    (one_of("/Target/RoleArn"), all)
}

/// In the name of the role that a network's flow log is written with.
pub fn of_flow_log(running: &Running, group: &str) -> Vec<Needed> {
    let actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"];
    vec![needed("ServiceLogs", &actions, &streams_of(running, group))]
}

/// Sending dead letters, which SQS encrypts in the sender's name.
fn dead_letters(running: &Running, queue: &str) -> [Needed; 2] {
    [
        needed("ServiceSendsDeadLetters", &["sqs:SendMessage"], queue),
        key_by("ServiceEncryptsDeadLetters", &ENCRYPT, &key_of_queue(running, queue), "sqs"),
    ]
}

fn streams_of(running: &Running, group: &str) -> String {
    format!("arn:aws:logs:{REGION}:{}:log-group:{group}:*", running.account.number())
}

fn key_of_table(running: &Running, table: &str) -> String {
    let asked = json!({ "TableName": table });
    let shown = running.account.call("dynamodb", "DynamoDB_20120810.DescribeTable", &asked).unwrap();
    key_named(running, text(&shown["Table"]["SSEDescription"]["KMSMasterKeyArn"]))
}

fn key_of_secret(running: &Running, reference: &str) -> String {
    let asked = json!({ "SecretId": reference.strip_prefix("aws-secretsmanager:").unwrap() });
    let shown = running.account.call("secretsmanager", "secretsmanager.DescribeSecret", &asked).unwrap();
    key_named(running, text(&shown["KmsKeyId"]))
}

fn key_of_queue(running: &Running, queue: &str) -> String {
    let asked = json!({ "QueueName": queue.rsplit(':').next() });
    let found = running.account.call("sqs", "AmazonSQS.GetQueueUrl", &asked).unwrap();
    let queue = running.account.queue(text(&found["QueueUrl"]));
    key_named(running, &queue.attribute("KmsMasterKeyId"))
}

/// The ARN of a key, whatever it is called by.
fn key_named(running: &Running, name: &str) -> String {
    let shown = running.account.call("kms", "TrentService.DescribeKey", &json!({ "KeyId": name })).unwrap();
    text(&shown["KeyMetadata"]["Arn"]).to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

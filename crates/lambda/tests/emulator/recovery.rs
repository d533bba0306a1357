//! The table is restored to a moment by `deploy/aws/drill`, and everything is published again: nobody gets two e-mails.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use postrider_core::ports::clock::Clock as _;
use postrider_environment::system::SystemClock;
use postrider_testkit::emulator::lambda::{EventSource, Function};
use postrider_testkit::emulator::{Delivery, Fault, FaultKind, python};
use serde_json::{Value, json};

use crate::lambda_service::LambdaService;
use crate::orders::{customer, order};
use crate::stack::{Api, PATIENCE, Stack, TABLE};

const DRILL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/aws/drill");
const ROLES: [&str; 4] = ["dispatch", "feedback", "sweep", "api"];

/// A stack whose functions Lambda runs, and a folder for the drill.
struct Drill {
    stack: Stack,
    lambda: LambdaService,
    folder: tempfile::TempDir,
    shipped: Mutex<BTreeMap<String, usize>>,
}

impl Drill {
    fn new() -> Self {
        let stack = Stack::new(Delivery::Enveloped, 8);
        prepare_table(&stack);
        let drill = Self {
            stack,
            lambda: LambdaService::start(),
            folder: tempfile::tempdir().unwrap(),
            shipped: Mutex::default(),
        };
        drill.use_table(TABLE);
        for role in ROLES {
            drill.logs("CreateLogGroup", &json!({ "logGroupName": group(role) }));
            drill.logs("CreateLogStream", &json!({ "logGroupName": group(role), "logStreamName": "all" }));
        }
        let number = drill.stack.account.number();
        let mut outputs = json!({ "LedgerTableName": TABLE });
        for role in ROLES {
            let name = format!("{}{}", role[..1].to_uppercase(), &role[1..]);
            outputs[format!("{name}FunctionArn")] =
                format!("arn:aws:lambda:eu-central-1:{number}:function:{role}:live").into();
            outputs[format!("{name}LogGroupName")] = group(role).into();
        }
        std::fs::write(drill.path("outputs.json"), outputs.to_string()).unwrap();
        drill
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn logs(&self, action: &str, body: &Value) {
        self.stack.account.call("logs", &format!("Logs_20140328.{action}"), body).unwrap();
    }

    /// What the next release does: all functions are new, with this table.
    fn use_table(&self, table: &str) {
        for role in ROLES {
            self.lambda.put(role, self.function(role, table));
        }
    }

    fn function(&self, role: &str, table: &str) -> Function {
        self.stack.setup(role).set("POSTRIDER__LEDGER__TABLE", table).build()
    }

    /// Runs a step of the drill.
    fn step(&self, arguments: &[&str]) -> Output {
        self.ship_logs();
        let state = self.path("state.json");
        Command::new(python())
            .arg(DRILL)
            .arg("test")
            .args(arguments)
            .args(["--wait-secs", "0", "--state"])
            .arg(&state)
            .arg("--outputs")
            .arg(self.path("outputs.json"))
            .envs(self.stack.account.environment())
            .env("AWS_ENDPOINT_URL_LAMBDA", self.lambda.url())
            .env("HOME", self.folder.path())
            .output()
            .unwrap()
    }

    fn done(&self, arguments: &[&str]) {
        let output = self.step(arguments);
        assert!(output.status.success(), "drill {arguments:?}: {}", said(&output));
    }

    fn refused(&self, arguments: &[&str], words: &str) {
        let output = self.step(arguments);
        assert_eq!(output.status.code(), Some(1), "drill {arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{}", said(&output));
    }

    /// Brings what the functions said to CloudWatch Logs, as Lambda does.
    fn ship_logs(&self) {
        let mut shipped = self.shipped.lock().unwrap();
        for role in ROLES {
            let Some(function) = self.lambda.running(role) else { continue };
            let lines = function.log();
            let first = shipped.insert(role.to_owned(), lines.len()).unwrap_or(0);
            // A function that was deployed anew begins a log of its own.
            self.ship(role, lines.get(first..).unwrap_or(&lines));
        }
    }

    fn ship(&self, role: &str, lines: &[String]) {
        let at = millis();
        let events: Vec<Value> =
            lines.iter().map(|line| json!({ "timestamp": at, "message": line })).collect();
        for some in events.chunks(500) {
            let body = json!({ "logGroupName": group(role), "logStreamName": "all", "logEvents": some });
            self.logs("PutLogEvents", &body);
        }
    }

    fn publish(&self, numbers: Range<usize>) {
        for number in numbers {
            let body = order(number, &customer(number)).to_string();
            self.stack.orders.publish(&body, &[]).unwrap();
        }
    }

    fn publish_for_tomorrow(&self, number: usize) {
        let tomorrow = rfc3339(millis() / 1_000 + 24 * 60 * 60);
        let data = order(number, &customer(number));
        let event = json!({ "type": "order.confirmed", "data": data, "sendAt": tomorrow });
        self.stack.orders.publish(&event.to_string(), &[]).unwrap();
    }

    /// The orders about which something may still be sent.
    fn waiting(&self) -> Vec<String> {
        let api = Api::over(self.function("api", &self.restored()));
        let open = ["queued", "sending", "deferred", "unknown", "held"];
        let all = api.all().into_iter();
        let waiting = all.filter(|shown| open.contains(&shown["status"].as_str().unwrap()));
        waiting.map(|shown| shown["orderId"].as_str().unwrap().to_owned()).collect()
    }

    /// Does what triggers do, of those that are on, until nothing is left to do.
    fn run(&self) {
        if let Some(dispatch) = self.lambda.running("dispatch") {
            self.drain(&dispatch);
        }
        if let Some(sweep) = self.lambda.running("sweep") {
            for _ in 0..5 {
                sweep.invoke(&json!({ "source": "aws.scheduler" }));
            }
        }
    }

    fn drain(&self, dispatch: &Function) {
        let source = EventSource::new(&self.stack.order_queue);
        let deadline = Instant::now() + PATIENCE;
        while self.stack.order_queue.depth() != (0, 0) {
            source.poll(dispatch, 1);
            assert!(Instant::now() < deadline, "the order queue is not empty");
        }
    }

    /// Order `number` is taken by SES, and `dispatch` dies before it can record that.
    fn die_after_sending(&self, number: usize, table: &str) {
        let before = self.stack.account.sent().len();
        // The first put takes and claims the order, the second would say what came of it.
        let recording = Fault::next("dynamodb", "PutItem", FaultKind::CutBefore).skipping(1);
        self.stack.account.fail(&recording.delayed(Duration::from_secs(20)));
        let doomed = self.function("dispatch", table);
        let event = json!({ "Records": [{
            "messageId": format!("doomed-{number}"),
            "receiptHandle": "none",
            "body": order(number, &customer(number)).to_string(),
            "attributes": { "ApproximateReceiveCount": "1" },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": self.stack.order_queue.arn(),
            "awsRegion": "eu-central-1",
        }] });
        thread::scope(|scope| {
            scope.spawn(|| doomed.invoke(&event));
            let deadline = Instant::now() + PATIENCE;
            while self.stack.account.sent().len() == before {
                assert!(Instant::now() < deadline, "SES was not asked for order {number}");
                thread::sleep(Duration::from_millis(20));
            }
            doomed.kill();
        });
        self.stack.account.clear_faults();
        self.ship("dispatch", &doomed.log());
    }

    /// SES takes nothing any more.
    fn pause_ses(&self) {
        self.set_ses(false);
    }

    fn resume_ses(&self) {
        self.set_ses(true);
    }

    fn set_ses(&self, enabled: bool) {
        self.stack.account.set_ses_account(&json!({ "SendingEnabled": enabled }));
        // What SES says of the account is believed for a while; a new environment asks at once.
        for role in ["dispatch", "sweep"] {
            if let Some(function) = self.lambda.running(role) {
                function.kill();
            }
        }
    }

    /// The table that the drill has made.
    fn restored(&self) -> String {
        let state = std::fs::read(self.path("state.json")).unwrap();
        let state: Value = serde_json::from_slice(&state).unwrap();
        state["table"].as_str().unwrap().to_owned()
    }

    /// How many e-mails each customer got.
    fn mails(&self) -> BTreeMap<String, usize> {
        let mut mails = BTreeMap::new();
        for mail in self.stack.account.sent() {
            *mails.entry(mail.recipients[0].clone()).or_default() += 1;
        }
        mails
    }
}

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

fn group(role: &str) -> String {
    format!("/aws/lambda/test-postrider-{role}")
}

fn millis() -> u64 {
    u64::try_from(SystemClock.now().as_millis()).unwrap()
}

/// A full second that lies between what was and what comes: tables are restored to full seconds.
fn moment() -> u64 {
    let second = millis() / 1_000 + 1;
    while millis() <= second * 1_000 {
        thread::sleep(Duration::from_millis(5));
    }
    second
}

fn one_each(numbers: impl IntoIterator<Item = usize>) -> BTreeMap<String, usize> {
    numbers.into_iter().map(|number| (customer(number), 1)).collect()
}

/// What the template gives the table, and a restore does not carry over.
fn prepare_table(stack: &Stack) {
    let dynamodb = |action: &str, body: Value| {
        stack.account.call("dynamodb", &format!("DynamoDB_20120810.{action}"), &body).unwrap()
    };
    let recovery = json!({ "PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 35 });
    dynamodb(
        "UpdateContinuousBackups",
        json!({ "TableName": TABLE, "PointInTimeRecoverySpecification": recovery }),
    );
    let expiry = json!({ "Enabled": true, "AttributeName": "x" });
    dynamodb("UpdateTimeToLive", json!({ "TableName": TABLE, "TimeToLiveSpecification": expiry }));
    dynamodb("UpdateTable", json!({ "TableName": TABLE, "DeletionProtectionEnabled": true }));
    let described = dynamodb("DescribeTable", json!({ "TableName": TABLE }));
    let tags =
        json!([{ "Key": "Service", "Value": "postrider" }, { "Key": "Owner", "Value": "shop-platform" }]);
    dynamodb("TagResource", json!({ "ResourceArn": described["Table"]["TableArn"], "Tags": tags }));
}

/// What a restored table must have, asked for here and not by the drill.
fn settings(stack: &Stack, table: &str) -> Value {
    let dynamodb = |action: &str, body: Value| {
        stack.account.call("dynamodb", &format!("DynamoDB_20120810.{action}"), &body).unwrap()
    };
    let name = json!({ "TableName": table });
    let described = dynamodb("DescribeTable", name.clone())["Table"].take();
    let recovery =
        dynamodb("DescribeContinuousBackups", name.clone())["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
            .take();
    let tags = dynamodb("ListTagsOfResource", json!({ "ResourceArn": described["TableArn"] }));
    let tags: BTreeMap<&str, &str> = tags["Tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| (tag["Key"].as_str().unwrap(), tag["Value"].as_str().unwrap()))
        .collect();
    json!({
        "keys": described["KeySchema"],
        "indexes": described["GlobalSecondaryIndexes"].as_array().unwrap().len(),
        "billing": described["BillingModeSummary"]["BillingMode"],
        "stream": described["StreamSpecification"],
        "protected": described["DeletionProtectionEnabled"],
        "expiry": dynamodb("DescribeTimeToLive", name)["TimeToLiveDescription"],
        "recovery": [recovery["PointInTimeRecoveryStatus"], recovery["RecoveryPeriodInDays"]],
        "tags": tags,
    })
}

#[test]
fn a_table_restored_to_the_stop_has_lost_nothing_and_nothing_is_sent_twice() {
    let drill = Drill::new();
    drill.publish(0..8);
    drill.run();
    drill.pause_ses();
    drill.publish(8..12);
    drill.run();
    assert_eq!(drill.mails(), one_each(0..8), "four wait");
    drill.refused(&["restore"], "stop first");
    drill.done(&["stop"]);
    assert!(["dispatch", "feedback", "sweep"].iter().all(|role| drill.lambda.running(role).is_none()));
    drill.publish(12..14);
    drill.done(&["restore"]);
    let restored = drill.restored();
    // The same for a table that was restored by other means, and for whoever runs a step again.
    drill.done(&["restore", "--table", &restored]);
    assert_eq!(drill.restored(), restored);
    assert_eq!(settings(&drill.stack, &restored), settings(&drill.stack, TABLE));
    drill.use_table(&restored);
    drill.done(&["start"]);
    drill.resume_ses();
    drill.publish(0..14);
    drill.run();
    assert_eq!(drill.mails(), one_each(0..14));
}

#[test]
fn a_table_restored_to_an_earlier_moment_is_settled_by_the_log_and_nothing_is_sent_twice() {
    let drill = Drill::new();
    // Sent, of unknown outcome, and waiting.
    drill.publish(0..5);
    drill.run();
    drill.stack.account.fail(&Fault::next("sesv2", "SendEmail", FaultKind::CutAfter));
    drill.publish(5..6);
    drill.run();
    drill.pause_ses();
    drill.publish(6..11);
    drill.publish_for_tomorrow(40);
    drill.run();
    assert_eq!(drill.mails(), one_each(0..6), "six wait");
    let second = moment();
    // After that moment: what waited is sent, orders come and are sent, one dies being sent, and some are not sent.
    drill.resume_ses();
    drill.run();
    drill.publish(20..24);
    drill.run();
    drill.die_after_sending(24, TABLE);
    assert_eq!(drill.mails(), one_each((0..11).chain(20..25)));
    drill.pause_ses();
    drill.publish(25..28);
    drill.run();

    drill.done(&["stop"]);
    let at = rfc3339(second);
    drill.done(&["restore", "--at", &at]);
    drill.use_table(&drill.restored());
    drill.refused(&["start"], "settle first");
    // As an update of the stack would let it run again.
    drill.lambda.set_concurrency("sweep", 5);
    drill.refused(&["settle"], "may run");
    drill.lambda.set_concurrency("sweep", 0);
    drill.done(&["settle"]);
    drill.refused(&["start"], "replay first");
    let events = |numbers: &[usize]| {
        let lines = numbers.iter().map(|&number| order(number, &customer(number)).to_string());
        std::fs::write(drill.path("events.jsonl"), lines.collect::<Vec<_>>().join("\n")).unwrap();
        drill.path("events.jsonl").to_str().unwrap().to_owned()
    };
    drill.refused(&["replay", &events(&[20, 21])], "find them");
    drill.done(&["replay", &events(&(0..11).chain(20..28).collect::<Vec<_>>())]);
    drill.resume_ses();
    drill.done(&["start"]);
    drill.run();
    drill.publish(0..11);
    drill.publish(20..28);
    drill.run();
    assert_eq!(drill.mails(), one_each((0..11).chain(20..28)));
    assert_eq!(drill.waiting(), [crate::orders::id(40)], "only what is for tomorrow");
}

fn rfc3339(second: u64) -> String {
    postrider_core::domain::time::Timestamp::from_millis(i64::try_from(second * 1_000).unwrap()).to_string()
}

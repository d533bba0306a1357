//! `deploy/aws/drill` at work on a deployed stack, with nothing but the name of the environment, and what the stack does
//! meanwhile.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, Output};

use postrider_core::ports::clock::Clock as _;
use postrider_environment::system::SystemClock;
use postrider_testkit::emulator::{Account, Deployment, python, unique};
use serde_json::{Value, json};

use crate::end_to_end::account_of;
use crate::gateway::Gateway;
use crate::installation::{VPC, deploy, parameters, template};
use crate::lambda_front::LambdaFront;
use crate::orders::{customer, id, order};
use crate::resolver::differences;
use crate::running::{Running, invoke};

const DRILL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/aws/drill");
pub const FUNCTIONS: [&str; 5] = ["Dispatch", "Feedback", "Api", "Sweep", "Cost"];

/// A stack in use, and a folder for the drill.
pub struct Drill {
    account: Account,
    stack: Deployment,
    lambda: LambdaFront,
    folder: tempfile::TempDir,
}

impl Drill {
    pub fn new(more: &[(&str, &str)]) -> Self {
        let account = account_of("prod");
        let stack = deploy(&account, &parameters("prod", &account, more));
        let lambda = LambdaFront::of(&account);
        Self { account, stack, lambda, folder: tempfile::tempdir().unwrap() }
    }

    /// Whose stack it is.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// What is deployed.
    pub fn shown(&self) -> Value {
        self.stack.shown()
    }

    /// The stack as it is now.
    pub fn running(&self) -> Running {
        Running::of(&self.stack)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn step(&self, arguments: &[&str]) -> Output {
        Command::new(python())
            .arg(DRILL)
            .arg("prod")
            .args(arguments)
            .args(["--wait-secs", "0", "--state"])
            .arg(self.path("state.json"))
            .envs(self.account.environment())
            .env("AWS_ENDPOINT_URL_LAMBDA", self.lambda.url())
            .env("HOME", self.folder.path())
            .output()
            .unwrap()
    }

    pub fn done(&self, arguments: &[&str]) {
        let output = self.step(arguments);
        assert!(output.status.success(), "drill {arguments:?}: {}", said(&output));
    }

    pub fn refused(&self, arguments: &[&str], words: &str) {
        let output = self.step(arguments);
        assert_eq!(output.status.code(), Some(1), "drill {arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{}", said(&output));
    }

    /// The table that the drill has made.
    pub fn restored(&self) -> String {
        let state = std::fs::read(self.path("state.json")).unwrap();
        let state: Value = serde_json::from_slice(&state).unwrap();
        state["table"].as_str().unwrap().to_owned()
    }

    pub fn publish(&self, numbers: Range<usize>) {
        let topic = self.running().topic("OrderTopicArn");
        for number in numbers {
            topic.publish(&order(number, &customer(number)).to_string(), &[]).unwrap();
        }
    }

    pub fn set_ses(&self, enabled: bool) {
        self.account.set_ses_account(&json!({ "SendingEnabled": enabled }));
    }

    /// Does what triggers do, of those that are on, with functions as they are deployed now.
    pub fn run(&self) {
        let running = self.running();
        let now = self.triggers();
        let [dispatch, sweep] =
            ["Dispatch", "Sweep"].map(|name| running.function(&format!("{name}FunctionArn")));
        let may_run = |name: &str| now["concurrency"][name] != 0;
        if may_run("Dispatch") && now["mappings"][running.queue("OrderQueueUrl").arn()] == "Enabled" {
            let orders = running.source("OrderQueueUrl", &dispatch);
            orders.drain();
            self.ship("Dispatch", &orders.log());
        }
        if may_run("Sweep") && now["schedules"][running.output("SweepScheduleName")]["State"] == "ENABLED" {
            let process = sweep.start();
            invoke(&process, &running.scheduled(&sweep));
            self.ship("Sweep", &process.log());
        }
    }

    /// Brings what a function wrote to CloudWatch Logs, as Lambda does: a stream for each process.
    fn ship(&self, name: &str, lines: &[String]) {
        let logs = |action: &str, body: Value| {
            self.account.call("logs", &format!("Logs_20140328.{action}"), &body).unwrap();
        };
        let at = SystemClock.now().as_millis();
        let group = self.running().output(&format!("{name}LogGroupName")).to_owned();
        let stream = unique("process");
        logs("CreateLogStream", json!({ "logGroupName": group, "logStreamName": stream }));
        let events: Vec<Value> =
            lines.iter().map(|line| json!({ "timestamp": at, "message": line })).collect();
        for some in events.chunks(500) {
            logs(
                "PutLogEvents",
                json!({ "logGroupName": group, "logStreamName": stream, "logEvents": some }),
            );
        }
    }

    /// What waits is due at once: these tests wait for nobody's clock.
    pub fn hasten(&self, numbers: Range<usize>) {
        let running = self.running();
        let gateway = Gateway::of(&running, &running.function("ApiFunctionArn"));
        for number in numbers {
            let found = gateway.found(&format!("orderId={}", id(number)));
            let path = format!("/v1/notifications/{}/retry", found[0]["id"].as_str().unwrap());
            let (status, answer) = gateway.ask("POST", &path, "", Some(&json!({})));
            assert_eq!(status, 200, "{answer:#}");
        }
    }

    /// How many e-mails each customer got.
    pub fn mails(&self) -> BTreeMap<String, usize> {
        let mut mails = BTreeMap::new();
        for mail in self.account.sent() {
            *mails.entry(mail.recipients[0].clone()).or_default() += 1;
        }
        mails
    }

    /// Everything that makes functions run, as its service tells it.
    pub fn triggers(&self) -> Value {
        let running = self.running();
        let get = |service: &str, path: &str| self.account.rest(service, "GET", path, &Value::Null).unwrap();
        let concurrency = |name: &str| {
            let function =
                running.output(&format!("{name}FunctionArn")).split(':').nth(6).unwrap().to_owned();
            let shown = get("lambda", &format!("/2019-09-30/functions/{function}/concurrency"));
            (name.to_owned(), shown["ReservedConcurrentExecutions"].clone())
        };
        let mapping =
            |one: &Value| (one["EventSourceArn"].as_str().unwrap().to_owned(), one["State"].clone());
        let schedule = |mut one: Value| {
            let fields = one.as_object_mut().unwrap();
            let when = ["CreationDate", "LastModificationDate"];
            fields.retain(|name, value| !when.contains(&name.as_str()) && !value.is_null());
            (one["Name"].as_str().unwrap().to_owned(), one)
        };
        let api =
            running.output("ApiUrl").trim_start_matches("https://").split('.').next().unwrap().to_owned();
        let stage = get("apigateway", &format!("/v2/apis/{api}/stages/$default"));
        let kept = ["accessLogSettings", "autoDeploy", "defaultRouteSettings", "routeSettings"];
        json!({
            "concurrency": FUNCTIONS.map(concurrency).into_iter().collect::<BTreeMap<_, _>>(),
            "mappings": running.mappings().iter().map(mapping).collect::<BTreeMap<_, _>>(),
            "schedules": running.schedules().into_iter().map(schedule).collect::<BTreeMap<_, _>>(),
            "routes": kept.map(|name| stage[name].clone()),
        })
    }

    /// Whether `stop` has done what it is for, and nothing else is otherwise than in `before`.
    pub fn is_stopped_from(&self, before: &Value) {
        let running = self.running();
        let mut expected = before.clone();
        for name in ["Dispatch", "Sweep"] {
            expected["concurrency"][name] = 0.into();
        }
        for state in expected["mappings"].as_object_mut().unwrap().values_mut() {
            *state = "Disabled".into();
        }
        expected["schedules"][running.output("SweepScheduleName")]["State"] = "DISABLED".into();
        for limits in expected["routes"].as_array_mut().unwrap() {
            turn_away(limits);
        }
        self.runs_as(&expected);
    }

    pub fn runs_as(&self, expected: &Value) {
        let found = self.triggers();
        let mut other = differences(expected, &found, "expected first");
        other.extend(differences(&found, expected, "found first"));
        assert!(other.is_empty(), "{other:#?}");
    }

    /// Releases with alarms that undo it, as `deploy/aws/stack` does, one of which rings from now on.
    pub fn release_under_alarms(&self) {
        let running = self.running();
        let alarms: Vec<&str> = running.output("RollbackTriggerArns").split(',').collect();
        let mut fields = vec![
            ("StackName".to_owned(), "postrider-prod".to_owned()),
            ("UsePreviousTemplate".to_owned(), "true".to_owned()),
            ("Capabilities.member.1".to_owned(), "CAPABILITY_IAM".to_owned()),
        ];
        let values = parameters("prod", &self.account, &[("ReleaseId", "r-2"), VPC[0], VPC[1]]);
        for (at, (name, value)) in values.into_iter().enumerate() {
            fields.push((format!("Parameters.member.{}.ParameterKey", at + 1), name));
            fields.push((format!("Parameters.member.{}.ParameterValue", at + 1), value));
        }
        for (at, alarm) in alarms.iter().enumerate() {
            let member = format!("RollbackConfiguration.RollbackTriggers.member.{}", at + 1);
            fields.push((format!("{member}.Arn"), (*alarm).to_owned()));
            fields.push((format!("{member}.Type"), "AWS::CloudWatch::Alarm".to_owned()));
        }
        self.account.form("cloudformation", "UpdateStack", &fields).unwrap();
        assert_eq!(self.stack.status(), ("UPDATE_COMPLETE".to_owned(), String::new()));
        let name = alarms[0].rsplit(':').next().unwrap();
        let rings = [("AlarmName", name), ("StateValue", "ALARM"), ("StateReason", "nothing is sent")];
        let rings = rings.map(|(field, value)| (field.to_owned(), value.to_owned()));
        self.account.form("monitoring", "SetAlarmState", &rings).unwrap();
        // Whoever says nothing of them has his update turned back by them.
        let next = parameters("prod", &self.account, &[("ReleaseId", "r-3"), VPC[0], VPC[1]]);
        self.stack.update(&template(), &next).unwrap();
        assert_eq!(self.stack.status().0, "UPDATE_ROLLBACK_COMPLETE");
    }

    /// Switches the schedules and the queue of reports, as a person does.
    pub fn switch(&self, on: bool) {
        let running = self.running();
        for mut schedule in running.schedules() {
            let path = format!("/schedules/{}", schedule["Name"].as_str().unwrap());
            schedule["State"] = if on { "ENABLED" } else { "DISABLED" }.into();
            let fields = schedule.as_object_mut().unwrap();
            fields.retain(|name, value| !name.ends_with("Date") && name != "Arn" && !value.is_null());
            self.account.rest("scheduler", "PUT", &path, &schedule).unwrap();
        }
        let reports = running.queue("FeedbackQueueUrl");
        let mappings = running.mappings();
        let mapping = mappings.iter().find(|one| one["EventSourceArn"] == reports.arn()).unwrap();
        let path = format!("/2015-03-31/event-source-mappings/{}", mapping["UUID"].as_str().unwrap());
        self.account.rest("lambda", "PUT", &path, &json!({ "Enabled": on })).unwrap();
    }
}

/// Sets limits, of a stage or of each of its routes, to nothing.
fn turn_away(limits: &mut Value) {
    for (name, value) in limits.as_object_mut().into_iter().flatten() {
        if name.starts_with("throttling") {
            *value = 0.into();
        } else {
            turn_away(value);
        }
    }
}

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

//! Functions that run with nothing but what the stack gives them, and the ways by which AWS calls them.

use std::path::Path;
use std::time::Duration;

use postrider_testkit::emulator::lambda::{EventSource, Function, Outcome, Setup};
use postrider_testkit::emulator::{Account, Deployment, Queue, REGION, Topic};
use serde_json::{Value, json};

/// How often a queue is looked into before it must be empty: more than a message is handed out, and once to move it.
const ROUNDS_MAX: usize = 8;
/// How many batches one function gets in a round; far more than the tests publish.
const POLLS_MAX: usize = 1_000;

/// A stack in use. Everything is found by its outputs.
pub struct Running {
    /// Whose it is.
    pub account: Account,
    outputs: Value,
}

/// A function as its alias stands.
pub struct Live {
    /// What Lambda says of it.
    pub configuration: Value,
    alias: String,
    account: Account,
    key: String,
}

impl Running {
    /// Of a stack that came up.
    pub fn of(stack: &Deployment) -> Self {
        let outputs = stack.shown()["outputs"].clone();
        Self { account: stack.account().clone(), outputs }
    }

    /// An output of the stack.
    pub fn output(&self, name: &str) -> &str {
        self.outputs[name].as_str().unwrap_or_else(|| panic!("the stack has no output {name}"))
    }

    pub fn topic(&self, output: &str) -> Topic {
        self.account.topic(self.output(output))
    }

    pub fn queue(&self, output: &str) -> Queue {
        self.account.queue(self.output(output))
    }

    /// The function of an output, by its alias, with credentials of its role.
    pub fn function(&self, output: &str) -> Live {
        Live::of(&self.account, self.output(output))
    }

    /// The one event source mapping between a queue and a function.
    pub fn source(&self, queue: &str, function: &Live) -> Source {
        let queue = self.queue(queue);
        let all = self.mappings();
        let mut fitting = all.iter().filter(|mapping| {
            mapping["EventSourceArn"] == queue.arn() && mapping["FunctionArn"] == *function.alias
        });
        let (Some(mapping), None) = (fitting.next(), fitting.next()) else {
            panic!("not one mapping between {} and {}: {all:#?}", queue.arn(), function.alias);
        };
        let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        let events = EventSource::new(&queue).batch_size(number(&mapping["BatchSize"]));
        let reports = mapping["FunctionResponseTypes"].as_array().into_iter().flatten();
        let events = if reports.clone().any(|kind| kind == "ReportBatchItemFailures") {
            events
        } else {
            events.without_failure_reports()
        };
        let at_once = number(&mapping["ScalingConfig"]["MaximumConcurrency"]);
        Source { queue, events, functions: (0..at_once).map(|_| function.start()).collect() }
    }

    /// The queue that is polled for a function, its ARN.
    pub fn polled_for(&self, function: &Live) -> Option<String> {
        let fitting = self.mappings().into_iter().filter(|one| one["FunctionArn"] == *function.alias);
        let queues: Vec<String> =
            fitting.map(|one| one["EventSourceArn"].as_str().unwrap().to_owned()).collect();
        assert!(queues.len() < 2, "{}: {queues:?}", function.alias);
        queues.into_iter().next()
    }

    /// Every event source mapping.
    pub fn mappings(&self) -> Vec<Value> {
        let path = "/2015-03-31/event-source-mappings/";
        let all = self.account.rest("lambda", "GET", path, &Value::Null).unwrap();
        all["EventSourceMappings"].as_array().unwrap().clone()
    }

    /// Every schedule, with all that the scheduler tells of it.
    pub fn schedules(&self) -> Vec<Value> {
        let all = self.account.rest("scheduler", "GET", "/schedules", &Value::Null).unwrap();
        let shown = |one: &Value| {
            let [name, group] = ["Name", "GroupName"].map(|field| one[field].as_str().unwrap());
            let path = format!("/schedules/{name}?groupName={group}");
            self.account.rest("scheduler", "GET", &path, &Value::Null).unwrap()
        };
        all["Schedules"].as_array().unwrap().iter().map(shown).collect()
    }

    /// The event by which its schedule invokes a function.
    pub fn scheduled(&self, function: &Live) -> Value {
        let schedules = self.schedules();
        let mut fitting = schedules.iter().filter(|one| one["Target"]["Arn"] == *function.alias);
        let (Some(schedule), None) = (fitting.next(), fitting.next()) else {
            panic!("not one schedule of {}: {schedules:#?}", function.alias);
        };
        // What the scheduler sends where a target has no input of its own.
        json!({
            "version": "0",
            "id": "d5a3f2c7-1d0b-4b47-9f0a-6a2b9c1f7e10",
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": self.account.number(),
            "time": "2026-11-25T09:00:00Z",
            "region": REGION,
            "resources": [schedule["Arn"]],
            "detail": "{}",
        })
    }
}

impl Live {
    /// The function of an alias, with credentials of its role.
    pub fn of(account: &Account, alias: &str) -> Self {
        let parts: Vec<&str> = alias.split(':').collect();
        let (name, qualifier) = (parts[6], parts[7]);
        let path = format!("/2015-03-31/functions/{name}/configuration?Qualifier={qualifier}");
        let configuration = account.rest("lambda", "GET", &path, &Value::Null).unwrap();
        let key = account.role_key(configuration["Role"].as_str().unwrap(), "lambda.amazonaws.com");
        Self { configuration, alias: alias.to_owned(), account: account.clone(), key }
    }

    /// A process of it: the program that was built, with its handler, time-out, memory and environment. Only where the
    /// emulator is, and who it is there, are added.
    pub fn start(&self) -> Function {
        let text = |name: &str| self.configuration[name].as_str().unwrap();
        let number = |name: &str| self.configuration[name].as_u64().unwrap();
        let setup = Setup::new(&self.account, Path::new(env!("CARGO_BIN_EXE_bootstrap")))
            .handler(text("Handler"))
            .named(text("FunctionName"))
            .timeout(Duration::from_secs(number("Timeout")))
            .memory_mb(u32::try_from(number("MemorySize")).unwrap())
            .signing_with(&self.key);
        let given = self.configuration["Environment"]["Variables"].as_object().unwrap();
        given.iter().fold(setup, |setup, (name, value)| setup.set(name, value.as_str().unwrap())).build()
    }

    /// Its alias.
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The address from which it sends.
    pub fn sender(&self) -> String {
        let from =
            self.configuration["Environment"]["Variables"]["POSTRIDER__SENDER__FROM"].as_str().unwrap();
        from.split_once('<').unwrap().1.trim_end_matches('>').to_owned()
    }

    /// What IAM was asked for in its name.
    pub fn asked(&self) -> Vec<Value> {
        self.account.asked(&self.key)
    }
}

/// A queue whose messages Lambda brings to functions, as many at once as the mapping allows.
pub struct Source {
    queue: Queue,
    events: EventSource,
    functions: Vec<Function>,
}

impl Source {
    /// Brings everything, again and again as long as there is something, and lets the visibility time-out pass between.
    pub fn drain(&self) {
        let visibility: u64 = self.queue.attribute("VisibilityTimeout").parse().unwrap();
        for _ in 0..ROUNDS_MAX {
            std::thread::scope(|scope| {
                for function in &self.functions {
                    scope.spawn(move || (0..POLLS_MAX).any(|_| self.events.poll(function, 0).received == 0));
                }
            });
            match self.queue.depth() {
                (0, 0) => return,
                (0, _) => self.queue.elapse(visibility),
                (visible, _) => {
                    panic!("{visible} messages are visible in {} and not received", self.queue.arn())
                }
            }
        }
        panic!("{} is not empty after {ROUNDS_MAX} visibility time-outs", self.queue.arn());
    }

    /// What the functions wrote.
    pub fn log(&self) -> Vec<String> {
        self.functions.iter().flat_map(Function::log).collect()
    }
}

/// Invokes a function that must not fail.
pub fn invoke(function: &Function, event: &Value) -> Value {
    match function.invoke(event) {
        Outcome::Answered(answer) => answer,
        other => panic!("{other:?}\n{}", function.log().join("\n")),
    }
}

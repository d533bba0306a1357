//! A function: its program is started when it is first invoked, and again after it has died or was killed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::output::Output;
use super::process::{Process, Usage};
use super::runtime_api::{Invocation, Progress, Report, RuntimeApi};
use crate::emulator::account::random;
use crate::emulator::{Account, REGION};

/// How long a program may take until it asks for its first invocation. Lambda gives ten seconds; machines that run
/// many tests at once are slower.
const INIT_TIMEOUT: Duration = Duration::from_secs(60);
/// How often one looks whether a program has died that should report.
const LOOK: Duration = Duration::from_millis(20);

/// What a function is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    program: PathBuf,
    arguments: Vec<OsString>,
    name: String,
    environment: Vec<(String, String)>,
    timeout: Duration,
    memory_mb: u32,
    account: Account,
}

impl Setup {
    /// A function of `account` whose program is `program`, with 30 seconds an invocation and 256 MB.
    #[must_use]
    pub fn new(account: &Account, program: &Path) -> Self {
        Self {
            program: program.to_owned(),
            arguments: Vec::new(),
            name: "function".to_owned(),
            environment: account.environment(),
            timeout: Duration::from_secs(30),
            memory_mb: 256,
            account: account.clone(),
        }
    }

    /// An argument of the program; where the program is an interpreter.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The handler, as `_HANDLER` tells the program, which is also the function's name.
    #[must_use]
    pub fn handler(mut self, handler: &str) -> Self {
        handler.clone_into(&mut self.name);
        self.set("_HANDLER", handler)
    }

    /// The function's name, where it is not its handler's.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// How much memory its program is told to have. It may take more here.
    #[must_use]
    pub fn memory_mb(mut self, megabytes: u32) -> Self {
        self.memory_mb = megabytes;
        self
    }

    /// Signs its calls with an access key of its role.
    #[must_use]
    pub fn signing_with(self, key: &str) -> Self {
        // The last of a name counts.
        self.set("AWS_ACCESS_KEY_ID", key).set("AWS_SESSION_TOKEN", "token")
    }

    /// A variable of its environment, which has nothing of this process's own.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How long an invocation may take before the program is killed.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The function. Its program is not started before the first invocation.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn build(self) -> Function {
        let api =
            RuntimeApi::start().unwrap_or_else(|error| panic!("the Runtime API does not start: {error}"));
        Function {
            setup: self,
            api,
            output: Output::default(),
            turn: Mutex::new(()),
            process: Mutex::new(None),
            starts: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
        }
    }
}

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The function returned this value; `null` also for an empty answer.
    Answered(Value),
    /// The function returned something that is not JSON.
    Unreadable(Vec<u8>),
    /// The function said that it failed.
    Failed {
        /// `errorType`.
        kind: String,
        /// `errorMessage`.
        message: String,
    },
    /// It took too long and was killed.
    TimedOut,
    /// The program ended, or was killed, before it said anything. In words.
    Exited(String),
}

/// A function with at most one program, that takes one invocation at a time, as one environment of Lambda does.
#[derive(Debug)]
pub struct Function {
    setup: Setup,
    api: RuntimeApi,
    output: Output,
    /// Held during an invocation.
    turn: Mutex<()>,
    process: Mutex<Option<Process>>,
    starts: AtomicU64,
    invocations: AtomicU64,
}

impl Function {
    /// Invokes it with an event and waits for what becomes of it.
    ///
    /// # Panics
    /// If its program cannot be started at all.
    pub fn invoke(&self, event: &Value) -> Outcome {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.start_if_needed();
        self.invocations.fetch_add(1, Ordering::Relaxed);
        self.api.offer(self.invocation(event));
        let offered = std::time::Instant::now();
        loop {
            match self.api.progress(LOOK) {
                Progress::Reported(report, at) => {
                    if let Some(process) = self.process().as_mut() {
                        let since_start = at.duration_since(process.started);
                        process.first_response.get_or_insert(since_start);
                    }
                    return outcome(report);
                }
                Progress::InitError(error) => {
                    self.kill();
                    return failed(&error);
                }
                Progress::RunningSince(since) if since.elapsed() >= self.setup.timeout => {
                    self.kill();
                    return Outcome::TimedOut;
                }
                Progress::Waiting if offered.elapsed() >= INIT_TIMEOUT => {
                    self.kill();
                    return Outcome::TimedOut;
                }
                Progress::RunningSince(_) | Progress::Waiting => {
                    if let Some(how) = self.ended() {
                        return Outcome::Exited(how);
                    }
                }
            }
        }
    }

    /// Kills its program, whatever it does. The next invocation starts another.
    pub fn kill(&self) {
        *self.process() = None;
    }

    /// What its program has used so far; nothing where none runs.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.process().as_ref().map(Process::usage)
    }

    /// How often its program was started.
    #[must_use]
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// How often it was invoked.
    #[must_use]
    pub fn invocations(&self) -> u64 {
        self.invocations.load(Ordering::Relaxed)
    }

    /// What it wrote so far, line by line: logs and metrics. What was written just before an answer may still be on
    /// its way; after [`Self::kill`] all is there.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.output.lines()
    }

    /// How many bytes it wrote.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.output.bytes()
    }

    fn invocation(&self, event: &Value) -> Invocation {
        let Setup { account, name, timeout, .. } = &self.setup;
        let (high, low) = (random(), random());
        Invocation {
            request_id: format!(
                "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                high >> 32,
                high >> 16 & 0xffff,
                high & 0xfff,
                low >> 52,
                low & 0xffff_ffff_ffff
            ),
            trace_id: format!("Root=1-{:08x}-{:024x};Parent={:016x};Sampled=1", high >> 32, low, high),
            arn: format!("arn:aws:lambda:{REGION}:{}:function:{name}", account.number()),
            event: event.to_string().into_bytes(),
            timeout: *timeout,
        }
    }

    fn start_if_needed(&self) {
        let mut process = self.process();
        if process.as_mut().is_some_and(|process| process.ended().is_none()) {
            return;
        }
        *process = None;
        self.api.begin_generation();
        let Setup { program, arguments, name, environment, memory_mb, .. } = &self.setup;
        let mut command = Command::new(program);
        // Where the artifact lies is what is called its root, and where the program starts.
        let root = program.parent().unwrap_or(Path::new("/"));
        command.current_dir(root).env_clear().env("LAMBDA_TASK_ROOT", root);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "en_US.UTF-8").env("TZ", ":UTC");
        command
            .env("AWS_LAMBDA_RUNTIME_API", self.api.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory_mb.to_string())
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("[$LATEST]{:016x}", random()))
            .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let started = Process::start(&mut command, &self.output);
        *process =
            Some(started.unwrap_or_else(|error| panic!("{} does not start: {error}", program.display())));
        self.starts.fetch_add(1, Ordering::Relaxed);
    }

    /// In words how the program ended, if it has.
    fn ended(&self) -> Option<String> {
        let mut process = self.process();
        let how = match process.as_mut() {
            None => "it was killed".to_owned(),
            Some(running) => running.ended()?.to_string(),
        };
        *process = None;
        Some(how)
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outcome(report: Report) -> Outcome {
    match report {
        Report::Response(body) if body.is_empty() => Outcome::Answered(Value::Null),
        Report::Response(body) => {
            serde_json::from_slice(&body).map_or(Outcome::Unreadable(body), Outcome::Answered)
        }
        Report::Error(error) => failed(&error),
    }
}

fn failed(error: &Value) -> Outcome {
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    Outcome::Failed { kind: text("errorType"), message: text("errorMessage") }
}

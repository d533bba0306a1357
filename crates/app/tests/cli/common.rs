//! The program as one test runs it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub const ORDER: &str = include_str!("../../../../examples/order.json");

pub fn postrider(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.current_dir(directory).args(arguments).env_clear().stdin(Stdio::null());
    command
}

pub fn run(directory: &Path, arguments: &[&str]) -> Output {
    postrider(directory, arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A server of one test, killed when the test ends however it ends.
pub struct Serving(pub Child);

impl Serving {
    /// Starts on a free port and returns once the server has said where it listens.
    pub fn start(directory: &Path) -> Self {
        Self::start_with(directory, &[])
    }

    /// The same, with settings beside the defaults.
    pub fn start_with(directory: &Path, environment: &[(&str, &str)]) -> Self {
        Self::spawn(directory, "127.0.0.1:0", environment)
    }

    /// The same on an address of the test's own.
    pub fn start_at(directory: &Path, listen: &str) -> Self {
        Self::spawn(directory, listen, &[])
    }

    fn spawn(directory: &Path, listen: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = postrider(directory, &["serve", "--listen", listen]);
        command.envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut greeting).unwrap();
        assert!(greeting.contains("listens on http://"), "{greeting}");
        Self(child)
    }

    /// Sends SIGTERM and waits for the end, for as long as a test has patience.
    pub fn terminate(&mut self) -> (i32, Duration) {
        let started = Instant::now();
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return (status.code().unwrap(), started.elapsed());
            }
            assert!(started.elapsed() < Duration::from_secs(30), "it does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn write_order(directory: &TempDir) {
    std::fs::write(directory.path().join("order.json"), ORDER).unwrap();
}

/// The status of an order, asked for until it is the one awaited.
pub fn await_status(directory: &Path, order: &str, awaited: &str) -> Value {
    let started = Instant::now();
    loop {
        let output = run(directory, &["status", order, "--json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if answer["notifications"][0]["status"] == awaited {
            return answer;
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }
}

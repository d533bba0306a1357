//! A command line at which the programs of `deploy/aws` run as they are, with the AWS CLI, in an account of the emulator.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use postrider_testkit::emulator::{Account, REGION, python};
use tempfile::TempDir;

use crate::installation::{bucket, deploy_folder};

/// Stands first in `PATH`: `aws`, `curl` and `sleep` as they must be here.
const PATH_FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stack/path");

/// Somebody's command line: credentials of an account, an empty home, and what the programs are told in variables.
pub struct CommandLine {
    variables: Vec<(String, String)>,
    folder: TempDir,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: i32,
    /// What it wrote to standard output.
    pub output: String,
    /// What it wrote to standard error.
    pub errors: String,
}

impl CommandLine {
    /// With the credentials of an account, and its bucket for artifacts.
    pub fn of(account: &Account) -> Self {
        let python = python();
        let tools = python.parent().unwrap();
        assert!(
            tools.join("aws").exists(),
            "this test needs the AWS CLI in {}: run `scripts/test`, which installs it",
            tools.display()
        );
        let folder = tempfile::tempdir().unwrap();
        let path = format!("{PATH_FOLDER}:{}:{}", tools.display(), std::env::var("PATH").unwrap());
        let home = folder.path().to_str().unwrap();
        let more = [
            ("PATH", &*path),
            ("HOME", home),
            ("POSTRIDER_TEST_PYTHON", python.to_str().unwrap()),
            // Version 1 of the CLI does not know the variable without DEFAULT.
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_MAX_ATTEMPTS", "1"),
            ("ARTIFACT_BUCKET", &*bucket(account)),
            ("RELEASE_ID", "r-1"),
            ("WATCH_EVERY_SECS", "0"),
        ];
        let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { variables: account.environment().into_iter().chain(more).collect(), folder }
    }

    /// The same, with a variable set.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where commands are given.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `deploy/aws/stack`, which asks nothing or hears nothing.
    pub fn stack(&self, arguments: &[&str]) -> Ended {
        self.stack_told("", arguments)
    }

    /// Runs `deploy/aws/stack` and tells it something on standard input.
    pub fn stack_told(&self, answer: &str, arguments: &[&str]) -> Ended {
        self.run(&deploy_folder().join("stack"), answer, arguments)
    }

    /// Runs `deploy/aws/smoke` for an environment.
    pub fn smoke(&self, environment: &str) -> Ended {
        self.run(&deploy_folder().join("smoke"), "", &[environment])
    }

    /// Gives a command in the repository, as the documentation writes it.
    pub fn in_repository(&self, command: &[&str]) -> Ended {
        let root = deploy_folder().join("../..");
        let go = ["-c", "cd \"$1\" && shift && \"$@\"", "bash", root.to_str().unwrap()];
        self.run(Path::new("bash"), "", &[&go, command].concat())
    }

    /// Runs the AWS CLI, which must succeed.
    pub fn aws(&self, arguments: &[&str]) -> String {
        let ended = self.run(&PathBuf::from(PATH_FOLDER).join("aws"), "", arguments);
        assert_eq!(ended.status, 0, "{arguments:?}: {ended:#?}");
        ended.output
    }

    /// Runs a program, and waits for its end.
    pub fn run(&self, program: &Path, input: &str, arguments: &[&str]) -> Ended {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        // A program that ends without reading it has closed the pipe.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended {
            status: output.status.code().unwrap(),
            output: text(output.stdout),
            errors: text(output.stderr),
        }
    }
}

//! The running emulator: the one the test command started, or one for this process.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::http;

/// Says where an emulator already listens.
const URL_VARIABLE: &str = "POSTRIDER_TEST_EMULATOR";
/// Says where the Python is that has moto.
const PYTHON_VARIABLE: &str = "POSTRIDER_TEST_PYTHON";
/// Where `scripts/test` makes that Python, below the user's cache.
const PYTHON_IN_CACHE: &str = "postrider/python/bin/python";
/// Where the emulator's package is.
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/emulator");

/// An emulator and, if this process started it, its process. The pipe to its standard input ends with this process,
/// and the emulator with it.
struct Running {
    url: String,
    _process: Option<Child>,
}

static RUNNING: OnceLock<Running> = OnceLock::new();

/// Where the emulator listens, such as `http://127.0.0.1:41237`: the one of the test command, or one that is started
/// for this process and ends with it.
///
/// # Panics
/// If there is none and none can be started, in words that say what to run.
#[must_use]
pub fn endpoint() -> &'static str {
    &RUNNING.get_or_init(running).url
}

fn running() -> Running {
    let running = match std::env::var(URL_VARIABLE) {
        Ok(url) if !url.is_empty() => Running { url, _process: None },
        Ok(_) | Err(_) => started(),
    };
    let health = http::get(&running.url, "/emulator/health");
    assert!(
        health.as_ref().is_ok_and(|answer| answer.status == 200),
        "no emulator answers at {}: {health:?}. Unset {URL_VARIABLE} to have one started, or run `scripts/test`",
        running.url
    );
    running
}

fn started() -> Running {
    let python = python();
    let process = Command::new(&python)
        .args(["-m", "postrider_emulator", "--until-stdin-ends"])
        .env("PYTHONPATH", PACKAGE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut process = process.unwrap_or_else(|error| panic!("{} does not start: {error}", python.display()));
    let mut line = String::new();
    if let Some(output) = process.stdout.take() {
        // It says where it listens once it listens, and nothing else. Where it cannot start, the output ends.
        let _ = BufReader::new(output).read_line(&mut line);
    }
    let said: Value = serde_json::from_str(&line).unwrap_or_default();
    let Some(url) = said["url"].as_str() else {
        panic!(
            "the emulator did not start (its words are above). {} needs moto as \
             crates/testkit/emulator/requirements.txt pins it: run `scripts/test`, which installs it",
            python.display()
        );
    };
    Running { url: url.to_owned(), _process: Some(process) }
}

/// The Python that has moto, boto3 and Jinja2: what the test command says, or what it made before.
///
/// # Panics
/// If there is none, in words that say what to run.
#[must_use]
pub fn python() -> PathBuf {
    let told = std::env::var_os(PYTHON_VARIABLE).map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let made = cache.map(|cache| cache.join(PYTHON_IN_CACHE));
    told.or(made).filter(|path| path.exists()).unwrap_or_else(|| {
        panic!(
            "this test needs a Python with moto, and {PYTHON_VARIABLE} does not say where one is: run `scripts/test`, \
             which makes one, or leave these tests out with `cargo test -- --skip emulator`"
        )
    })
}

//! The program as its users run it: exit codes, streams, and what commands say with and without a server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const ORDER: &str = include_str!("../../../examples/order.json");

fn postrider(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.current_dir(directory).args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    postrider(directory, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A server of one test, killed when the test ends however it ends.
struct Serving(Child);

impl Serving {
    /// Starts on a free port and returns once the server has said where it listens.
    fn start(directory: &Path) -> Self {
        let mut command = postrider(directory, &["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut greeting).unwrap();
        assert!(greeting.contains("listens on http://127.0.0.1:"), "{greeting}");
        Self(child)
    }

    fn terminate(&mut self) -> (i32, Duration) {
        let started = Instant::now();
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        (self.0.wait().unwrap().code().unwrap(), started.elapsed())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write_order(directory: &TempDir) {
    std::fs::write(directory.path().join("order.json"), ORDER).unwrap();
}

/// The status of an order, asked for until it is the one awaited.
fn await_status(directory: &Path, order: &str, awaited: &str) -> Value {
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

#[test]
fn usage_errors_exit_with_two_and_help_with_zero() {
    let directory = TempDir::new().unwrap();
    for arguments in [&["fly"][..], &["send"], &["serve", "--prot", "1"], &[]] {
        let output = run(directory.path(), arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    for arguments in [&["--help"][..], &["--version"], &["dead-letters", "redrive", "--help"]] {
        assert_eq!(code(&run(directory.path(), arguments)), 0, "{arguments:?}");
    }
}

#[test]
fn a_failure_exits_with_one_and_says_why_on_standard_error() {
    let directory = TempDir::new().unwrap();
    let missing = run(directory.path(), &["send", "nothing.json"]);
    assert_eq!((code(&missing), text(&missing.stdout)), (1, String::new()));
    assert!(text(&missing.stderr).contains("nothing.json cannot be read"));
    write_order(&directory);
    let alone = run(directory.path(), &["--listen", "127.0.0.1:1", "send", "order.json"]);
    assert_eq!(code(&alone), 1);
    assert!(text(&alone.stderr).contains("postrider serve"), "{}", text(&alone.stderr));
}

#[test]
fn a_server_takes_an_order_tells_its_story_and_stops_in_time() {
    let directory = TempDir::new().unwrap();
    write_order(&directory);
    let mut server = Serving::start(directory.path());
    let sent = run(directory.path(), &["send", "order.json"]);
    assert_eq!(code(&sent), 0, "{}", text(&sent.stderr));
    await_status(directory.path(), "1042", "sent");
    let again = run(directory.path(), &["send", "order.json", "--json"]);
    let answer: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(answer["notifications"][0]["duplicate"], true);
    let (exit, took) = server.terminate();
    assert_eq!(exit, 0);
    assert!(took < Duration::from_secs(10), "{took:?}");
    // The ledger still tells the story when nobody serves it.
    let offline = run(directory.path(), &["status", "1042"]);
    assert!(text(&offline.stdout).contains("captured in outbox/"), "{}", text(&offline.stderr));
    let unknown = run(directory.path(), &["status", "1043"]);
    assert_eq!((code(&unknown), text(&unknown.stderr).contains("1043")), (1, true));
}

#[test]
fn events_sent_while_no_server_runs_go_out_with_the_next_one() {
    let directory = TempDir::new().unwrap();
    write_order(&directory);
    drop(Serving::start(directory.path()));
    let sent = run(directory.path(), &["send", "order.json"]);
    assert_eq!(code(&sent), 0, "{}", text(&sent.stderr));
    assert!(text(&sent.stderr).contains("no server runs"));
    let _server = Serving::start(directory.path());
    await_status(directory.path(), "1042", "sent");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let directory = TempDir::new().unwrap();
    let _first = Serving::start(directory.path());
    let second = run(directory.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code(&second), 1);
    assert!(text(&second.stderr).contains("already open"), "{}", text(&second.stderr));
}

#[test]
fn many_events_are_read_from_standard_input_and_every_refused_one_is_named() {
    let directory = TempDir::new().unwrap();
    let _server = Serving::start(directory.path());
    let mut lines = String::new();
    for n in 0..600 {
        lines.push_str(&ORDER.replace('\n', "").replace("1042", &format!("o-{n}")));
        lines.push('\n');
    }
    lines.push_str(&ORDER.replace('\n', "").replace("\"total\": \"129.00\"", "\"total\": -1"));
    let mut command = postrider(directory.path(), &["send", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 1);
    assert!(text(&output.stdout).contains("600 of 601 events accepted"), "{}", text(&output.stdout));
    let failures = text(&output.stderr);
    assert!(failures.contains("event 601") && failures.contains("/data/total"), "{failures}");
}

#[test]
fn a_file_that_is_not_what_the_server_would_take_is_not_sent() {
    let directory = TempDir::new().unwrap();
    let _server = Serving::start(directory.path());
    let twice = r#"{"orderId":"1","orderId":"2"}"#;
    let wrong = [("{\"a\":", "not valid JSON"), (twice, "appears twice"), ("", "not valid JSON")];
    for (contents, expected) in wrong {
        std::fs::write(directory.path().join("wrong.json"), contents).unwrap();
        let output = run(directory.path(), &["send", "wrong.json"]);
        assert_eq!(code(&output), 1);
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
    std::fs::write(directory.path().join("lines.ndjson"), format!("{{\"a\":1}}\n{twice}\n")).unwrap();
    let output = run(directory.path(), &["send", "lines.ndjson"]);
    assert!(text(&output.stderr).contains("line 2"), "{}", text(&output.stderr));
}

#[test]
fn configuration_errors_name_the_setting_and_the_nearest_one() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("p.toml"), "[mailer.smtp]\nprot = 25\n").unwrap();
    let output = run(directory.path(), &["--config", "p.toml", "config", "check"]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("did you mean mailer.smtp.port?"), "{}", text(&output.stderr));
}

#[test]
fn what_init_writes_is_a_good_configuration_and_is_never_overwritten() {
    let directory = TempDir::new().unwrap();
    assert_eq!(code(&run(directory.path(), &["init", "shop"])), 0);
    let shop = directory.path().join("shop");
    let check = run(&shop, &["--config", "postrider.toml", "config", "check", "--json"]);
    assert_eq!(code(&check), 0, "{}", text(&check.stderr));
    let types = run(&shop, &["--config", "postrider.toml", "types", "check"]);
    assert!(text(&types.stdout).contains("order_confirmation"), "{}", text(&types.stderr));
    let again = run(directory.path(), &["init", "shop"]);
    assert_eq!((code(&again), text(&again.stderr).contains("not empty")), (1, true));
}

#[test]
fn a_preview_writes_html_and_text_and_a_broken_type_is_explained() {
    let directory = TempDir::new().unwrap();
    let preview =
        run(directory.path(), &["types", "preview", "order_confirmation", "--sample", "long", "--out", "p"]);
    assert_eq!(code(&preview), 0, "{}", text(&preview.stderr));
    assert!(
        std::fs::read_to_string(directory.path().join("p/order_confirmation.html"))
            .unwrap()
            .contains("<html")
    );
    run(directory.path(), &["init", "shop"]);
    let subject = directory.path().join("shop/notifications/order_confirmation/type.toml");
    let broken = std::fs::read_to_string(&subject).unwrap().replace("orderId", "oderId");
    std::fs::write(&subject, broken).unwrap();
    let check = run(directory.path(), &["types", "check", "shop/notifications"]);
    assert_eq!(code(&check), 1);
    let words = text(&check.stderr);
    assert!(words.contains("oderId") && words.contains("orderId"), "{words}");
}

#[test]
fn dead_letters_are_listed_grouped_and_redriven_from_the_command_line() {
    let directory = TempDir::new().unwrap();
    write_order(&directory);
    let mut command = postrider(directory.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command.envs([
        ("POSTRIDER__MAILER__KIND", "smtp"),
        ("POSTRIDER__MAILER__SMTP__TLS", "none"),
        ("POSTRIDER__MAILER__SMTP__PORT", "1"),
        ("POSTRIDER__RETRY__MAX_ATTEMPTS", "1"),
    ]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut greeting = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut greeting).unwrap();
    let server = Serving(child);
    run(directory.path(), &["send", "order.json"]);
    await_status(directory.path(), "1042", "dead");
    let groups = run(directory.path(), &["dead-letters", "list", "--group-by", "cause"]);
    assert!(text(&groups.stdout).contains("connect_refused"));
    let dry = run(
        directory.path(),
        &["dead-letters", "redrive", "--cause", "connect_refused", "--dry-run", "--json"],
    );
    let dry: Value = serde_json::from_slice(&dry.stdout).unwrap();
    assert_eq!((dry["matched"].as_u64(), dry["redriven"].as_u64()), (Some(1), Some(0)));
    assert_eq!(code(&run(directory.path(), &["dead-letters", "redrive"])), 1);
    drop(server);
    // With a mailer that works, the redriven one goes out, once.
    let _server = Serving::start(directory.path());
    let done = run(directory.path(), &["dead-letters", "redrive", "--all"]);
    assert!(text(&done.stdout).contains("1 dead letters queued again"), "{}", text(&done.stdout));
    await_status(directory.path(), "1042", "sent");
    assert_eq!(std::fs::read_dir(directory.path().join("postrider-data/outbox")).unwrap().count(), 1);
}

//! `send`: what is read, how it is cut into requests, and what is said when something goes wrong midway.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{ORDER, Serving, code, postrider, run, text};
use crate::fake_server::FakeServer;

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

/// One order a line, numbered from one, each with a note of this many bytes.
fn lines(count: usize, note_bytes: usize) -> String {
    let note = "x".repeat(note_bytes);
    (1..=count).map(|n| format!("{{\"orderId\":\"{n}\",\"note\":\"{note}\"}}\n")).collect()
}

fn accepted(count: usize) -> Value {
    let item = json!({ "status": 202, "eventId": "e", "notifications": [{ "duplicate": false }] });
    json!({ "data": vec![item; count] })
}

#[test]
fn a_batch_is_cut_before_it_is_larger_than_the_server_takes() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("large.ndjson"), lines(50, 200_000)).unwrap();
    let server = FakeServer::start_answering(|body| (202, accepted(body.as_array().unwrap().len())));
    let output = run(directory.path(), &["--server", server.url(), "send", "large.ndjson"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("50 of 50 events accepted"), "{}", text(&output.stdout));
    let bodies = server.bodies();
    assert_eq!(bodies.iter().map(|body| body.as_array().unwrap().len()).sum::<usize>(), 50);
    assert!(bodies.iter().all(|body| body.to_string().len() <= 8 * 1024 * 1024));
    assert_eq!(bodies.len(), 2, "a batch is as large as it may be");
}

#[test]
fn a_failure_midway_tells_what_was_accepted_and_where_to_go_on() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("many.ndjson"), format!("\n{}", lines(700, 1))).unwrap();
    let refusal = json!({ "detail": "the ledger is not available" });
    let server = FakeServer::start(vec![(202, accepted(500)), (503, refusal)]);
    let output = run(directory.path(), &["--server", server.url(), "send", "many.ndjson", "--json"]);
    assert_eq!(code(&output), 1);
    let words = text(&output.stderr);
    for expected in ["not available", "500 of the first 500", "at event 501 (line 502)"] {
        assert!(words.contains(expected), "{words}");
    }
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results["data"].as_array().unwrap().len(), 500);
}

#[test]
fn lines_are_sent_while_the_others_are_still_to_come() {
    let directory = TempDir::new().unwrap();
    let server = FakeServer::start_answering(|body| (202, accepted(body.as_array().unwrap().len())));
    let mut command = postrider(directory.path(), &["--server", server.url(), "send", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(lines(501, 1).as_bytes()).unwrap();
    server.wait_for_requests(1);
    input.write_all(b"{\"orderId\":").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let words = text(&output.stderr);
    assert!(words.contains("line 502") && words.contains("500 of the first 500 events"), "{words}");
}

#[test]
fn a_file_that_is_wrong_at_its_end_is_not_sent_by_halves() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("wrong.ndjson"), lines(600, 1) + "{\"orderId\":\n").unwrap();
    let server = FakeServer::start(Vec::new());
    let output = run(directory.path(), &["--server", server.url(), "send", "wrong.ndjson"]);
    assert!(text(&output.stderr).contains("line 601"), "{}", text(&output.stderr));
    assert!(server.bodies().is_empty());
}

#[test]
fn a_document_too_large_to_be_read_whole_is_refused_in_words() {
    let directory = TempDir::new().unwrap();
    let file = std::fs::File::create(directory.path().join("huge.json")).unwrap();
    // Sparse: it takes no room on the disk.
    file.set_len(64 * 1024 * 1024 + 1).unwrap();
    let output = run(directory.path(), &["send", "huge.json"]);
    assert_eq!(code(&output), 1);
    let words = text(&output.stderr);
    assert!(words.contains("more than 64 MiB") && words.contains("one event a line"), "{words}");
}

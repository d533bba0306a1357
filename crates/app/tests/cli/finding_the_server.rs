//! Which server a command talks to, and that it is the one of this data directory.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Serving, code, run, text, write_order};

fn server_file(directory: &Path) -> (std::path::PathBuf, Value) {
    let path = directory.join("postrider-data/server.json");
    let file = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    (path, file)
}

#[test]
fn a_file_left_by_a_killed_server_does_not_lead_to_another_one_on_its_port() {
    let (ours, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write_order(&ours);
    drop(Serving::start(ours.path()));
    let _other = Serving::start(other.path());
    let (path, mut left_behind) = server_file(ours.path());
    left_behind["url"] = server_file(other.path()).1["url"].clone();
    std::fs::write(path, left_behind.to_string()).unwrap();
    let sent = run(ours.path(), &["send", "order.json"]);
    assert_eq!(code(&sent), 0, "{}", text(&sent.stderr));
    assert!(text(&sent.stderr).contains("no server runs here"), "{}", text(&sent.stderr));
    assert_eq!(code(&run(other.path(), &["status", "1042"])), 1);
    assert_eq!(code(&run(ours.path(), &["status", "1042"])), 0);
}

#[test]
fn a_server_that_does_not_answer_is_told_apart_from_none() {
    let directory = TempDir::new().unwrap();
    let server = Serving::start(directory.path());
    let (path, mut file) = server_file(directory.path());
    file["instance"] = json!("another start");
    std::fs::write(path, file.to_string()).unwrap();
    let status = run(directory.path(), &["status", "1042"]);
    assert_eq!(code(&status), 1);
    let words = text(&status.stderr);
    assert!(words.contains(&format!("process {}", server.0.id())) && words.contains("--server"), "{words}");
}

#[test]
fn a_port_where_no_postrider_answers_is_sent_nothing() {
    let directory = TempDir::new().unwrap();
    write_order(&directory);
    let stranger = crate::fake_server::FakeServer::start_answering(|_| (202, json!({})));
    let listen = stranger.url().strip_prefix("http://").unwrap();
    let sent = run(directory.path(), &["--listen", listen, "send", "order.json"]);
    assert_eq!(code(&sent), 1);
    assert!(text(&sent.stderr).contains("no server answers"), "{}", text(&sent.stderr));
    assert!(stranger.bodies().iter().all(Value::is_null), "only asked who it is: {:?}", stranger.bodies());
}

#[test]
fn what_happened_can_be_told_while_a_type_is_broken() {
    let directory = TempDir::new().unwrap();
    write_order(&directory);
    drop(Serving::start(directory.path()));
    assert_eq!(code(&run(directory.path(), &["send", "order.json"])), 0);
    run(directory.path(), &["init", "shop"]);
    let subject = directory.path().join("shop/notifications/order_confirmation/type.toml");
    std::fs::write(&subject, "broken").unwrap();
    let config = ["--config", "shop/postrider.toml"];
    let with_config = |arguments: &[&str]| run(directory.path(), &[&config[..], arguments].concat());
    let status = with_config(&["status", "1042"]);
    assert_eq!(code(&status), 0, "{}", text(&status.stderr));
    assert_eq!(code(&with_config(&["dead-letters", "list"])), 0);
    let sent = with_config(&["send", "order.json"]);
    assert!(text(&sent.stderr).contains("notification types cannot be used"), "{}", text(&sent.stderr));
}

#[test]
fn a_ledger_that_cannot_be_opened_is_explained_with_the_cause() {
    let directory = TempDir::new().unwrap();
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    std::fs::write(directory.path().join("p.toml"), "[ledger]\npath = \"nowhere/ledger.sqlite\"\n").unwrap();
    let output = run(directory.path(), &[&["--config", "p.toml"], &listen[..]].concat());
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("No such file or directory"), "{}", text(&output.stderr));
}

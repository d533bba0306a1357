//! Keys on the real program: made before and while it runs, asked for, and needed to listen elsewhere.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Serving, await_status, code, postrider, run, text, write_order};

fn json(directory: &Path, arguments: &[&str]) -> Value {
    let output = run(directory, &[arguments, &["--json"]].concat());
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn server_file(directory: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(directory.join("postrider-data/server.json")).unwrap()).unwrap()
}

/// The status a program gets that shows `key`.
fn status_with(directory: &Path, key: Option<&str>) -> String {
    let url = server_file(directory)["url"].as_str().unwrap().to_owned();
    let authority = url.strip_prefix("http://").unwrap();
    let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    let mut stream = TcpStream::connect(authority).unwrap();
    let request = format!("GET /v1/types HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n{key}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn the_first_key_made_while_serving_is_asked_for_at_once_and_commands_go_on() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    write_order(&directory);
    let mut server = Serving::start(path);
    assert_eq!(status_with(path, None), "200");
    let made = json(path, &["keys", "create", "shop", "--scopes", "read,send"]);
    let key = made["key"].as_str().unwrap();
    assert_eq!(made["scopes"], serde_json::json!(["send", "read"]));
    assert_eq!((status_with(path, None), status_with(path, Some(key))), ("401".to_owned(), "200".to_owned()));
    // Whoever may read the data directory needs no key; nobody else may read what lets them in.
    let file = path.join("postrider-data/server.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(code(&run(path, &["send", "order.json"])), 0);
    await_status(path, "1042", "sent");
    let token = server_file(path)["token"].as_str().unwrap().to_owned();
    let id = made["id"].as_str().unwrap();
    assert_eq!(code(&run(path, &["keys", "revoke", id])), 0);
    assert_eq!((status_with(path, None), status_with(path, Some(key))), ("401".to_owned(), "401".to_owned()));
    let listed = text(&run(path, &["keys", "list"]).stdout);
    assert!(listed.contains(id) && listed.contains("revoked") && listed.contains("shop"), "{listed}");
    server.terminate();
    assert!(!file.exists());
    let _next = Serving::start(path);
    assert_eq!(status_with(path, Some(&token)), "401", "what let commands in was good for one run");
}

#[test]
fn keys_are_made_without_a_server_and_let_one_listen_anywhere() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let refused = run(path, &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(code(&refused), 1);
    assert!(text(&refused.stderr).contains("postrider keys create"), "{}", text(&refused.stderr));
    let doctor = text(&run(path, &["--listen", "0.0.0.0:1", "doctor"]).stdout);
    assert!(doctor.contains("failed   keys"), "{doctor}");
    let key = json(path, &["keys", "create"])["key"].as_str().unwrap().to_owned();
    assert_eq!(json(path, &["keys", "list"])["data"].as_array().unwrap().len(), 1);
    let _server = Serving::start_at(path, "0.0.0.0:0");
    assert_eq!(
        (status_with(path, None), status_with(path, Some(&key))),
        ("401".to_owned(), "200".to_owned())
    );
    assert!(text(&run(path, &["doctor"]).stdout).contains("ok       keys"));
    // Another data directory has no token; it takes the key from the environment.
    let elsewhere = TempDir::new().unwrap();
    let url = server_file(path)["url"].as_str().unwrap().to_owned();
    let list = ["--server", &url, "keys", "list"];
    let without = run(elsewhere.path(), &list);
    assert_eq!(code(&without), 1);
    assert!(text(&without.stderr).contains("POSTRIDER_API_KEY"), "{}", text(&without.stderr));
    let with_key = postrider(elsewhere.path(), &list).env("POSTRIDER_API_KEY", &key).output().unwrap();
    assert_eq!(code(&with_key), 0, "{}", text(&with_key.stderr));
    let shown = format!("{}{}", text(&without.stderr), text(&with_key.stdout));
    assert!(!shown.contains(key.rsplit('_').next().unwrap()), "{shown}");
}

#[test]
fn a_first_key_makes_the_ledger_it_is_kept_in() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let made = run(path, &["--listen", "127.0.0.1:0", "keys", "create", "first"]);
    assert_eq!(code(&made), 0, "{}", text(&made.stderr));
    assert!(text(&made.stdout).starts_with("pr_"), "{}", text(&made.stdout));
    assert_eq!(code(&run(path, &["verify"])), 0);
    let ledger = std::fs::read(path.join("postrider-data/ledger.sqlite")).unwrap();
    let secret = text(&made.stdout).lines().next().unwrap().rsplit('_').next().unwrap().to_owned();
    assert!(!ledger.windows(secret.len()).any(|window| window == secret.as_bytes()), "it is kept nowhere");
    let none = run(path, &["keys", "revoke", "key_0"]);
    assert!(
        code(&none) == 1 && text(&none.stderr).contains("there is no key key_0"),
        "{}",
        text(&none.stderr)
    );
    let wrong = run(path, &["keys", "create", "--scopes", "all"]);
    assert!(
        code(&wrong) == 1 && text(&wrong.stderr).contains("send, read, manage"),
        "{}",
        text(&wrong.stderr)
    );
}

#[test]
fn keys_come_back_from_a_backup() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let id = json(path, &["--listen", "127.0.0.1:0", "keys", "create", "shop"])["id"].clone();
    for arguments in [&["backup", "b"][..], &["verify", "b"], &["--data-dir", "new", "restore", "b"]] {
        let output = run(path, arguments);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    }
    assert_eq!(json(path, &["--data-dir", "new", "keys", "list"])["data"][0]["id"], id);
}

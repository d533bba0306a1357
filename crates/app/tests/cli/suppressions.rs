//! `suppressions` on a server, on the ledger itself, and against servers that break off.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Serving, code, run, text};
use crate::fake_server::FakeServer;

fn suppressions(directory: &Path, arguments: &[&str]) -> std::process::Output {
    run(directory, &[&["suppressions"], arguments].concat())
}

fn list(directory: &Path) -> Vec<Value> {
    let output = suppressions(directory, &["list", "--json"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["data"].as_array().unwrap().clone()
}

#[test]
fn an_address_is_put_on_the_list_shown_and_taken_off_with_and_without_a_server() {
    let directory = TempDir::new().unwrap();
    let mut server = Some(Serving::start(directory.path()));
    for address in ["Ada+orders@example.com", "jörg@bücher.example"] {
        let arguments = ["add", address, "--reason", "complaint", "--category", "news"];
        let added = suppressions(
            directory.path(),
            &[&arguments[..], &["--expires-at", "2099-01-01T00:00:00Z"]].concat(),
        );
        assert_eq!(code(&added), 0, "{}", text(&added.stderr));
        assert!(text(&added.stdout).contains("news mail, until 2099-01-01"), "{}", text(&added.stdout));
        let listed = list(directory.path());
        assert_eq!((listed.len(), &listed[0]["reason"]), (1, &json!("complaint")));
        let text_list = suppressions(directory.path(), &["list", "--reason", "complaint"]);
        let name = address.split('@').next().unwrap();
        assert!(text(&text_list.stdout).contains(name), "{}", text(&text_list.stdout));
        assert_eq!(code(&suppressions(directory.path(), &["remove", &address.to_uppercase()])), 0);
        let again = suppressions(directory.path(), &["remove", address]);
        assert_eq!((code(&again), text(&again.stderr).contains("not on the suppression list")), (1, true));
        assert!(list(directory.path()).is_empty());
        drop(server.take());
    }
    let wrong = suppressions(directory.path(), &["add", "nobody", "--reason", "dislike"]);
    assert_eq!(code(&wrong), 1);
    let words = text(&wrong.stderr);
    assert!(words.contains("/address") && words.contains("/reason"), "{words}");
}

#[test]
fn the_list_goes_out_as_a_file_for_its_owner_alone_and_comes_back_elsewhere() {
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    drop((Serving::start(here.path()), Serving::start(there.path())));
    let addresses: Vec<_> = (0..650).map(|n| format!("=user{n}@example.com\r\n")).collect();
    std::fs::write(here.path().join("in.csv"), format!("address\r\n{}", addresses.concat())).unwrap();
    let imported = suppressions(here.path(), &["import", "in.csv"]);
    assert_eq!(text(&imported.stdout), "650 of 650 rows are on the suppression list now\n");
    let exported = suppressions(here.path(), &["export", "out.csv", "--json"]);
    let answer: Value = serde_json::from_slice(&exported.stdout).unwrap();
    assert_eq!(answer, json!({ "file": "out.csv", "entries": 650 }), "{}", text(&exported.stderr));
    let file = here.path().join("out.csv");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let printed = suppressions(here.path(), &["export"]);
    assert_eq!(printed.stdout, std::fs::read(&file).unwrap());
    let printed = suppressions(here.path(), &["export", "--json"]);
    let entries: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(entries["data"].as_array().unwrap().len(), 650);
    std::fs::copy(&file, there.path().join("in.csv")).unwrap();
    assert_eq!(code(&suppressions(there.path(), &["import", "in.csv"])), 0);
    assert_eq!(
        suppressions(there.path(), &["list", "--limit", "1000"])
            .stdout
            .iter()
            .filter(|b| **b == b'\n')
            .count(),
        650
    );
    let again = suppressions(here.path(), &["export", "out.csv"]);
    assert_eq!((code(&again), text(&again.stderr).contains("there already")), (1, true));
}

#[test]
fn rows_that_are_wrong_are_named_by_their_line_and_spoil_no_others() {
    let directory = TempDir::new().unwrap();
    drop(Serving::start(directory.path()));
    let file = "address,source\r\n\r\na@example.com,\"two\r\nlines\"\r\nnobody,\r\nb@example.com,\r\n";
    std::fs::write(directory.path().join("in.csv"), file).unwrap();
    let output = suppressions(directory.path(), &["import", "in.csv", "--json"]);
    assert_eq!(code(&output), 1);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines: Vec<_> = answer["failed"].as_array().unwrap().iter().map(|row| row["line"].clone()).collect();
    assert_eq!((&answer["imported"], lines), (&json!(1), vec![json!(3), json!(5)]), "{answer:#}");
    let words = text(&output.stderr);
    assert!(words.contains("2 rows were not imported") && words.contains("line 5: address"), "{words}");
    std::fs::write(directory.path().join("in.csv"), "email\na@example.com\n").unwrap();
    let output = suppressions(directory.path(), &["import", "in.csv"]);
    assert!(text(&output.stderr).contains("email"), "{}", text(&output.stderr));
}

#[test]
fn a_long_file_goes_in_parts_and_lines_are_those_of_the_file() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("in.csv"), format!("address\n{}", "a@x.example\n".repeat(100_001)))
        .unwrap();
    let wrong = json!([{ "line": 2, "message": "address is wrong" }]);
    let server = FakeServer::start(vec![
        (200, json!({ "imported": 99_999, "failed": wrong })),
        (200, json!({ "imported": 0, "failed": wrong })),
    ]);
    let output =
        run(directory.path(), &["--server", server.url(), "suppressions", "import", "in.csv", "--json"]);
    assert_eq!(code(&output), 1);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines: Vec<_> = answer["failed"].as_array().unwrap().iter().map(|row| row["line"].clone()).collect();
    assert_eq!(lines, [json!(2), json!(100_002)]);
}

#[test]
fn an_import_that_breaks_off_tells_how_far_it_came() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("in.csv"), format!("address\n{}", "a@x.example\n".repeat(100_001)))
        .unwrap();
    let server = FakeServer::start(vec![
        (200, json!({ "imported": 100_000, "failed": [] })),
        (503, json!({ "detail": "the ledger is not available" })),
    ]);
    let output = run(directory.path(), &["--server", server.url(), "suppressions", "import", "in.csv"]);
    assert_eq!(code(&output), 1);
    let words = text(&output.stderr);
    assert!(
        words.contains("not available") && words.contains("first 100000 rows were dealt with"),
        "{words}"
    );
}

/// A server that ends every connection in the middle of a list.
fn breaking_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A connection without a request only looks whether somebody is there.
            if stream.read(&mut [0; 4096]).unwrap_or(0) == 0 {
                continue;
            }
            let rows = "address\r\na@example.com\nb@example.com\n";
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ntransfer-encoding: chunked\r\n\r\n";
            let _ = stream.write_all(format!("{head}{:x}\r\n{rows}\r\n", rows.len()).as_bytes());
        }
    });
    url
}

#[test]
fn an_export_that_breaks_off_says_so_and_leaves_no_file_behind() {
    let directory = TempDir::new().unwrap();
    let url = breaking_server();
    let export = ["--server", &url, "suppressions", "export"];
    let printed = run(directory.path(), &export);
    assert_eq!(code(&printed), 1);
    assert!(text(&printed.stdout).contains("b@example.com"));
    let words = text(&printed.stderr);
    assert!(words.contains("broke off") && words.contains("2 entries, is not the whole list"), "{words}");
    let filed = run(directory.path(), &[&export[..], &["out.csv"]].concat());
    assert_eq!((code(&filed), text(&filed.stderr).contains("out.csv was not written")), (1, true));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

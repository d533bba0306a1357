//! `dead-letters` against a server, and against one that says what a test wants.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Serving, await_status, code, run, text, write_order};
use crate::fake_server::FakeServer;

#[test]
fn dead_letters_are_listed_grouped_and_redriven_from_the_command_line() {
    let directory = TempDir::new().unwrap();
    write_order(&directory);
    let settings = [
        ("POSTRIDER__MAILER__KIND", "smtp"),
        ("POSTRIDER__MAILER__SMTP__TLS", "none"),
        ("POSTRIDER__MAILER__SMTP__PORT", "1"),
        ("POSTRIDER__RETRY__MAX_ATTEMPTS", "1"),
    ];
    let server = Serving::start_with(directory.path(), &settings);
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

fn redriven(range: std::ops::Range<usize>, next: Option<&str>) -> Value {
    let ids: Vec<_> = range.map(|n| format!("ntf_{n}")).collect();
    json!({ "dryRun": false, "ids": ids, "skipped": [], "hasMore": next.is_some(), "next": next })
}

#[test]
fn a_redrive_goes_on_where_the_step_before_ended_so_that_what_dies_again_is_not_met_again() {
    for dry_run in [false, true] {
        let directory = TempDir::new().unwrap();
        let server = FakeServer::start(vec![
            (200, redriven(0..500, Some("ntf_499"))),
            (200, redriven(500..1000, Some("ntf_999"))),
            (200, redriven(1000..1200, None)),
        ]);
        let mut arguments = vec!["--server", server.url(), "dead-letters", "redrive", "--all", "--json"];
        arguments.extend(dry_run.then_some("--dry-run"));
        let output = run(directory.path(), &arguments);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((answer["matched"].as_u64(), answer["hasMore"].as_bool()), (Some(1200), Some(false)));
        assert_eq!(answer["ids"].as_array().unwrap().len(), 1200);
        let bodies = server.bodies();
        let after: Vec<_> = bodies.iter().map(|body| body["after"].clone()).collect();
        assert_eq!(after, [Value::Null, json!("ntf_499"), json!("ntf_999")]);
        assert!(bodies.iter().all(|body| body["dryRun"] == dry_run), "{bodies:?}");
    }
}

#[test]
fn a_limit_is_kept_over_several_steps_and_what_is_left_is_told() {
    let directory = TempDir::new().unwrap();
    let server = FakeServer::start(vec![
        (200, redriven(0..500, Some("ntf_499"))),
        (200, redriven(500..700, Some("ntf_699"))),
    ]);
    let output = run(
        directory.path(),
        &["--server", server.url(), "dead-letters", "redrive", "--all", "--limit", "700"],
    );
    let limits: Vec<_> = server.bodies().iter().map(|body| body["limit"].as_u64()).collect();
    assert_eq!(limits, [Some(500), Some(200)]);
    let words = text(&output.stdout);
    assert!(words.contains("700 dead letters queued again") && words.contains("more match"), "{words}");
}

#[test]
fn more_ids_than_one_request_takes_are_asked_for_in_several() {
    let directory = TempDir::new().unwrap();
    let server = FakeServer::start(vec![(200, redriven(0..500, None)), (200, redriven(500..501, None))]);
    let ids: Vec<_> = (0..501).flat_map(|n| ["--id".to_owned(), format!("ntf_{n}")]).collect();
    let mut arguments = vec!["--server", server.url(), "dead-letters", "redrive", "--dry-run"];
    arguments.extend(ids.iter().map(String::as_str));
    let output = run(directory.path(), &arguments);
    assert!(text(&output.stdout).contains("501 dead letters would be"), "{}", text(&output.stderr));
    let asked: Vec<_> = server.bodies().iter().map(|body| body["ids"].as_array().unwrap().len()).collect();
    assert_eq!(asked, [500, 1]);
}

#[test]
fn a_redrive_that_breaks_off_tells_how_far_it_came() {
    let directory = TempDir::new().unwrap();
    let server = FakeServer::start(vec![
        (200, redriven(0..500, Some("ntf_499"))),
        (503, json!({ "detail": "the ledger is not available" })),
    ]);
    let output = run(directory.path(), &["--server", server.url(), "dead-letters", "redrive", "--all"]);
    assert_eq!(code(&output), 1);
    let words = text(&output.stderr);
    assert!(words.contains("not available") && words.contains("500 dead letters had been"), "{words}");
}

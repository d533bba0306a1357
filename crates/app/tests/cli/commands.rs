//! What each command does, says and returns.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Serving, await_status, code, run, text, write_order};

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

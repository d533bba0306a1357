//! `feedback import` from everything that holds mail.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Serving, await_status, code, postrider, run, text, write_order};
use crate::fake_server::FakeServer;

const AUTO_REPLY: &str =
    "From: ada@example.com\nAuto-Submitted: auto-replied\nSubject: Out of office\n\nI am away.\n";
const ANSWER: &str = "From: bob@example.com\nSubject: Hello\n\nHow are you?\n";

/// A directory with one order sent and nobody serving it, and the bounce of its mail.
fn sent_order() -> (TempDir, String) {
    let directory = TempDir::new().unwrap();
    write_order(&directory);
    let server = Serving::start(directory.path());
    assert_eq!(code(&run(directory.path(), &["send", "order.json"])), 0);
    let status = await_status(directory.path(), "1042", "sent");
    let id = status["notifications"][0]["id"].as_str().unwrap();
    drop(server);
    let bounce = format!(
        "From: MAILER-DAEMON@mx.example.com\nTo: orders@shop.example\nContent-Type: multipart/report; boundary=b\n\n\
         --b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n\
         Final-Recipient: rfc822; ada@example.com\nAction: failed\nStatus: 5.1.1\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such user\n\n--b\nContent-Type: text/rfc822-headers\n\n\
         X-Postrider-Notification: {id}\n\n--b--\n"
    );
    (directory, bounce)
}

fn import(directory: &Path, mailbox: &str) -> Value {
    let output = run(directory, &["feedback", "import", mailbox, "--json"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_maildir_is_read_and_left_as_it_is() {
    let (directory, bounce) = sent_order();
    let maildir = directory.path().join("Maildir");
    for folder in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(maildir.join(folder)).unwrap();
    }
    std::fs::write(maildir.join("new/1.mx"), &bounce).unwrap();
    std::fs::write(maildir.join("cur/2.mx:2,S"), AUTO_REPLY).unwrap();
    std::fs::write(maildir.join("cur/3.mx:2,S"), ANSWER).unwrap();
    std::fs::write(maildir.join("tmp/4.mx"), &bounce).unwrap();
    let _server = Serving::start(directory.path());
    let summed = import(directory.path(), "Maildir");
    let kinds = json!({ "deliveryStatus": 1, "bounce": 0, "complaint": 0, "autoReply": 1, "other": 1 });
    let reports = json!({ "recorded": 1, "repeated": 0, "orphan": 2, "kept": 0, "dropped": 0 });
    assert_eq!((&summed["mails"], &summed["kinds"], &summed["reports"]), (&json!(3), &kinds, &reports));
    assert_eq!(summed["suppressed"], 1);
    await_status(directory.path(), "1042", "bounced");
    assert_eq!(std::fs::read_to_string(maildir.join("new/1.mx")).unwrap(), bounce);
    let again = run(directory.path(), &["feedback", "import", "Maildir"]);
    let words = text(&again.stdout);
    assert!(words.contains("3 mails read") && words.contains("1  known before"), "{words}");
    assert!(words.contains("0 of them put"), "{words}");
}

#[test]
fn an_mbox_is_read_mail_by_mail_without_a_server() {
    let (directory, bounce) = sent_order();
    let from = "From MAILER-DAEMON Tue Nov 24 03:31:54 2026\n";
    let mbox = format!("{from}{ANSWER}\n{from}{bounce}\n{from}{AUTO_REPLY}");
    std::fs::write(directory.path().join("mbox"), &mbox).unwrap();
    let summed = import(directory.path(), "mbox");
    assert_eq!((&summed["mails"], &summed["reports"]["recorded"]), (&json!(3), &json!(1)), "{summed:#}");
    await_status(directory.path(), "1042", "bounced");
    let mut command = postrider(directory.path(), &["feedback", "import", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(mbox.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let summed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summed["mails"], &summed["reports"]["repeated"]), (&json!(3), &json!(1)), "{summed:#}");
}

#[test]
fn a_single_mail_and_a_folder_of_them_are_read() {
    let (directory, bounce) = sent_order();
    std::fs::create_dir(directory.path().join("mails")).unwrap();
    std::fs::write(directory.path().join("mails/1.eml"), &bounce).unwrap();
    std::fs::write(directory.path().join("mails/2.EML"), ANSWER).unwrap();
    std::fs::write(directory.path().join("mails/notes.txt"), ANSWER).unwrap();
    assert_eq!(import(directory.path(), "mails/1.eml")["reports"]["recorded"], 1);
    let summed = import(directory.path(), "mails");
    assert_eq!((&summed["mails"], &summed["reports"]["repeated"]), (&json!(2), &json!(1)), "{summed:#}");
}

#[test]
fn a_mailbox_that_is_not_there_is_named() {
    let directory = TempDir::new().unwrap();
    let output = run(directory.path(), &["feedback", "import", "nothing"]);
    assert_eq!((code(&output), text(&output.stderr).contains("nothing cannot be read")), (1, true));
}

#[test]
fn one_mail_that_cannot_be_read_spoils_no_others_and_is_named() {
    let (directory, bounce) = sent_order();
    std::fs::create_dir(directory.path().join("mails")).unwrap();
    std::fs::write(directory.path().join("mails/1.eml"), &bounce).unwrap();
    std::os::unix::fs::symlink("nowhere", directory.path().join("mails/2.eml")).unwrap();
    let output = run(directory.path(), &["feedback", "import", "mails", "--json"]);
    assert_eq!(code(&output), 1);
    let summed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summed["mails"], &summed["failedCount"]), (&json!(1), &json!(1)));
    assert!(text(&output.stderr).contains("mails/2.eml cannot be read"), "{}", text(&output.stderr));
}

#[test]
fn an_import_that_breaks_off_tells_how_far_it_came() {
    let directory = TempDir::new().unwrap();
    let from = "From a Tue Nov 24 03:31:54 2026\n";
    std::fs::write(directory.path().join("mbox"), format!("{from}{ANSWER}\n{from}{ANSWER}")).unwrap();
    let taken = json!({ "kind": "other", "reports": [{ "result": "orphan", "suppressed": null }] });
    let server =
        FakeServer::start(vec![(200, taken), (503, json!({ "detail": "the ledger is not available" }))]);
    let output = run(directory.path(), &["--server", server.url(), "feedback", "import", "mbox"]);
    assert_eq!(code(&output), 1);
    let words = text(&output.stderr);
    assert!(words.contains("not available") && words.contains("1 mails were taken in before"), "{words}");
    assert!(text(&output.stdout).contains("1 mails read"), "{}", text(&output.stdout));
}

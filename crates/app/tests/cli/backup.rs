//! `backup`, `restore` and `verify`, on the program that runs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use postrider_testkit::smtp_server::{Action, Phase, Script, SmtpServer};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::common::{ORDER, Serving, await_status, code, postrider, run, text, write_order};

/// A mail server that nobody runs, so that whatever is accepted waits.
const NOBODY_TAKES_MAIL: [(&str, &str); 6] = [
    ("POSTRIDER__MAILER__KIND", "smtp"),
    ("POSTRIDER__MAILER__SMTP__HOST", "127.0.0.1"),
    ("POSTRIDER__MAILER__SMTP__PORT", "1"),
    ("POSTRIDER__MAILER__SMTP__TLS", "none"),
    ("POSTRIDER__RETRY__BASE_DELAY_MS", "100"),
    ("POSTRIDER__RETRY__MAX_DELAY_MS", "100"),
];

fn serve_without_mail(directory: &Path) -> Serving {
    Serving::start_with(directory, &NOBODY_TAKES_MAIL)
}

fn serve_at(directory: &Path, data_dir: &str) -> Serving {
    Serving::start_with(directory, &[("POSTRIDER__SERVER__DATA_DIR", data_dir)])
}

fn at(directory: &Path, data_dir: &str, arguments: &[&str]) -> Output {
    run(directory, &[&["--data-dir", data_dir], arguments].concat())
}

fn done(output: &Output) -> String {
    assert_eq!(code(output), 0, "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn refused(output: &Output) -> String {
    assert_eq!(code(output), 1, "{}", text(&output.stdout));
    text(&output.stderr)
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn orders(directory: &Path, name: &str, first: usize, count: usize) {
    let line = ORDER.replace('\n', "");
    let lines: String =
        (first..first + count).map(|n| format!("{}\n", line.replace("1042", &format!("o-{n}")))).collect();
    std::fs::write(directory.join(name), lines).unwrap();
}

fn entries(path: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_was_acknowledged_before_a_backup_under_load_is_in_it() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let _server = Serving::start(path);
    orders(path, "before.ndjson", 0, 200);
    orders(path, "during.ndjson", 200, 2_000);
    done(&run(path, &["send", "before.ndjson"]));
    let mut load = postrider(path, &["send", "during.ndjson"]);
    let mut load = load.stdout(std::process::Stdio::null()).spawn().unwrap();
    for n in 0..3 {
        let file = format!("backup-{n}");
        done(&run(path, &["backup", &file]));
        assert_eq!(std::fs::metadata(path.join(&file)).unwrap().permissions().mode() & 0o777, 0o600);
        let verified = run(path, &["verify", &file, "--json"]);
        done(&verified);
        let verified = json(&verified);
        assert_eq!(verified["ok"], true);
        assert!(verified["notifications"].as_u64().unwrap() >= 200, "{verified}");
        done(&run(path, &["verify"]));
        let restored = format!("restored-{n}");
        done(&at(path, &restored, &["restore", &file]));
        for order in ["o-0", "o-199"] {
            done(&at(path, &restored, &["status", order]));
        }
    }
    assert!(load.wait().unwrap().success());
    assert!(entries(path).iter().all(|name| !name.contains(".part")), "{:?}", entries(path));
}

#[test]
fn after_a_restore_what_may_have_been_sent_since_waits_for_a_person_and_no_order_is_mailed_twice() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    write_order(&directory);
    let server = serve_without_mail(path);
    done(&run(path, &["send", "order.json"]));
    done(&run(path, &["backup", "backup"]));
    drop(server);
    // Since then it was sent.
    let server = Serving::start(path);
    await_status(path, "1042", "sent");
    drop(server);

    let restored = done(&at(path, "new", &["restore", "backup"]));
    assert!(restored.contains("1 waited then") || restored.contains("1 were on their way"), "{restored}");
    let _server = serve_at(path, "new");
    let status = json(&at(path, "new", &["status", "1042", "--json"]));
    assert_eq!(status["notifications"][0]["status"], "held", "{status}");
    let cause = status["notifications"][0]["cause"].as_str().unwrap().to_owned();
    assert!(cause.ends_with("maybe_sent"), "{cause}");
    let again = done(&at(path, "new", &["send", "order.json"]));
    assert!(again.contains("held") && again.contains("duplicate"), "{again}");
    assert_eq!(entries(&path.join("new/outbox")), Vec::<String>::new());
    // A person has decided.
    done(&at(path, "new", &["dead-letters", "redrive", "--cause", &cause]));
    let mut patience = 0..3_000;
    while json(&at(path, "new", &["status", "1042", "--json"]))["notifications"][0]["status"] != "sent" {
        assert!(patience.next().is_some(), "it was not sent");
    }
    assert_eq!(entries(&path.join("new/outbox")).len(), 1);
}

#[test]
fn what_waited_goes_out_when_nothing_was_sent_since() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    write_order(&directory);
    let mut server = serve_without_mail(path);
    done(&run(path, &["send", "order.json"]));
    server.terminate();
    done(&run(path, &["backup", "backup"]));
    let restored = json(&at(path, "new", &["restore", "backup", "--nothing-sent-since", "--json"]));
    assert_eq!(restored["held"]["restored_maybe_sent"], 0, "{restored}");
    let before = json(&at(path, "new", &["status", "1042", "--json"]));
    assert!(
        ["queued", "deferred"].iter().any(|status| before["notifications"][0]["status"] == *status),
        "{before}"
    );
    let secret = |data_dir: &str| std::fs::read_to_string(path.join(data_dir).join("secret.key")).unwrap();
    assert_eq!(secret("new"), secret("postrider-data"));
    assert_eq!(std::fs::metadata(path.join("new")).unwrap().permissions().mode() & 0o777, 0o700);
    for file in ["ledger.sqlite", "secret.key"] {
        assert_eq!(
            std::fs::metadata(path.join("new").join(file)).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn what_was_on_its_way_is_unknown_or_held_apart_from_what_waited() {
    let runtime = Runtime::new().unwrap();
    let script = Script::new().on(Phase::FinalDot, Action::Stall);
    let mail_server = runtime.block_on(SmtpServer::start(script));
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    write_order(&directory);
    let port = mail_server.port().to_string();
    let settings = [
        ("POSTRIDER__MAILER__KIND", "smtp"),
        ("POSTRIDER__MAILER__SMTP__HOST", "127.0.0.1"),
        ("POSTRIDER__MAILER__SMTP__TLS", "none"),
        ("POSTRIDER__MAILER__SMTP__PORT", port.as_str()),
    ];
    let server = Serving::start_with(path, &settings);
    done(&run(path, &["send", "order.json"]));
    await_status(path, "1042", "sending");
    done(&run(path, &["backup", "backup"]));
    drop(server);
    let status = |data_dir: &str| {
        let told = json(&at(path, data_dir, &["status", "1042", "--json"]));
        let of = |name: &str| told["notifications"][0][name].as_str().unwrap_or_default().to_owned();
        (of("status"), of("cause"))
    };
    let held = json(&at(path, "held", &["restore", "backup", "--json"]));
    assert_eq!(held["held"]["held_by_person_maybe_sent"], 1, "{held}");
    assert_eq!(status("held"), ("held".to_owned(), "held_by_person_maybe_sent".to_owned()));
    // What waited may be queued again together without it.
    done(&at(path, "held", &["dead-letters", "redrive", "--cause", "restored_maybe_sent"]));
    assert_eq!(status("held").0, "held");

    done(&at(path, "same", &["restore", "backup", "--nothing-sent-since"]));
    let _server = serve_at(path, "same");
    assert_eq!(status("same"), ("unknown".to_owned(), "sender_lost".to_owned()));
}

#[test]
fn a_backup_replaces_nothing_and_needs_a_ledger_with_its_secret() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let words = refused(&run(path, &["backup", "backup"]));
    assert!(words.contains("there is no ledger at"), "{words}");
    assert_eq!(entries(path), Vec::<String>::new());
    Serving::start(path).terminate();
    std::fs::write(path.join("backup"), "mine").unwrap();
    let words = refused(&run(path, &["backup", "backup"]));
    assert!(words.contains("is there already"), "{words}");
    assert_eq!(std::fs::read_to_string(path.join("backup")).unwrap(), "mine");
    std::fs::write(path.join("postrider-data/secret.key"), "5a".repeat(32)).unwrap();
    let words = refused(&run(path, &["backup", "other"]));
    assert!(words.contains("another secret"), "{words}");
    std::fs::remove_file(path.join("postrider-data/secret.key")).unwrap();
    let words = refused(&run(path, &["backup", "other"]));
    assert!(words.contains("secret.key is missing"), "{words}");
    let mut left = entries(path);
    left.sort();
    assert_eq!(left, ["backup", "postrider-data"]);
}

#[test]
fn a_backup_is_restored_only_where_nothing_is_and_nobody_works() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let mut server = Serving::start(path);
    done(&run(path, &["backup", "backup"]));
    let words = refused(&run(path, &["restore", "backup"]));
    assert!(words.contains(&format!("process {} uses", server.0.id())), "{words}");
    server.terminate();
    let before = entries(&path.join("postrider-data"));
    let words = refused(&run(path, &["restore", "backup"]));
    assert!(words.contains("is not empty"), "{words}");
    assert_eq!(entries(&path.join("postrider-data")), before);
    std::fs::create_dir(path.join("empty")).unwrap();
    done(&at(path, "empty", &["restore", "backup"]));
    // A setting may keep the ledger elsewhere.
    std::fs::write(path.join("ledger.sqlite"), "mine").unwrap();
    let mut elsewhere = postrider(path, &["--data-dir", "new", "restore", "backup"]);
    let words = refused(&elsewhere.env("POSTRIDER__LEDGER__PATH", "ledger.sqlite").output().unwrap());
    assert!(words.contains("ledger.sqlite is there already"), "{words}");
    assert!(!path.join("new").exists());
}

#[test]
fn what_cannot_be_restored_is_refused_in_words_and_leaves_nothing_behind() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    Serving::start(path).terminate();
    done(&run(path, &["backup", "backup"]));
    let whole = std::fs::read(path.join("backup")).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let block = whole.len() - 4096;
    let mut newer = whole.clone();
    newer.splice(block..block + 19, *b"postrider backup 2\n");
    let cases: [(&[u8], &str); 6] = [
        (&whole[..whole.len() - 1], "cut short"),
        (&whole[..whole.len() / 2], "cut short"),
        (&flipped, "is damaged: its ledger is not what its checksum says"),
        (&newer, "has the backup format 2, this program reads 1"),
        (b"PK and so on", "is no backup of Postrider"),
        (b"", "is no backup of Postrider"),
    ];
    for (bytes, expected) in cases {
        std::fs::write(path.join("spoilt"), bytes).unwrap();
        for arguments in [&["restore", "spoilt"][..], &["verify", "spoilt"]] {
            let words = refused(&at(path, "new", arguments));
            assert!(words.contains(expected), "{words}");
            assert!(!path.join("new").exists(), "{expected}");
        }
    }
    let words = refused(&at(path, "new", &["restore", "nowhere"]));
    assert!(words.contains("nowhere"), "{words}");
    // Another secret than the one that the configuration names.
    let mut other = postrider(path, &["--data-dir", "new", "restore", "backup"]);
    let words = refused(&other.env("POSTRIDER__SERVER__SECRET", "5a".repeat(32)).output().unwrap());
    assert!(words.contains("another secret"), "{words}");
    assert!(!path.join("new").exists());
    // A directory that was there is left as it was: empty.
    std::fs::create_dir(path.join("new")).unwrap();
    std::fs::write(path.join("spoilt"), &flipped).unwrap();
    refused(&at(path, "new", &["restore", "spoilt"]));
    assert_eq!(entries(&path.join("new")), Vec::<String>::new());
}

#[test]
fn a_secret_that_is_kept_elsewhere_is_not_in_the_backup() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let secret = ("POSTRIDER__SERVER__SECRET", "5a".repeat(32));
    let secret = (secret.0, secret.1.as_str());
    Serving::start_with(path, &[secret]).terminate();
    let with_secret =
        |arguments: &[&str]| postrider(path, arguments).env(secret.0, secret.1).output().unwrap();
    done(&with_secret(&["backup", "backup"]));
    let bytes = std::fs::read(path.join("backup")).unwrap();
    assert!(!bytes.windows(64).any(|part| part == secret.1.as_bytes()));
    let words = refused(&at(path, "new", &["restore", "backup"]));
    assert!(words.contains("server.secret"), "{words}");
    done(&with_secret(&["--data-dir", "new", "restore", "backup"]));
    assert!(!path.join("new/secret.key").exists());
    done(&with_secret(&["--data-dir", "new", "verify"]));
}

#[test]
fn damage_is_named_with_what_it_hit_and_a_damaged_ledger_is_not_backed_up() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    write_order(&directory);
    let server = Serving::start(path);
    done(&run(path, &["send", "order.json"]));
    await_status(path, "1042", "sent");
    drop(server);
    done(&run(path, &["verify"]));
    // As a failing disk would: a page in the midst of the file is another one.
    run(path, &["suppressions", "list"]);
    let ledger = path.join("postrider-data/ledger.sqlite");
    let mut bytes = std::fs::read(&ledger).unwrap();
    assert!(bytes.len() > 20 * 4096, "{}", bytes.len());
    bytes[4096..].fill(0xa5);
    std::fs::write(&ledger, bytes).unwrap();
    let verified = run(path, &["verify"]);
    assert_eq!(code(&verified), 1);
    let words = format!("{}{}", text(&verified.stdout), text(&verified.stderr));
    assert!(words.contains("damaged") || words.contains("FAULTY"), "{words}");
    assert!(!words.contains("ada@example.com"), "{words}");
    refused(&run(path, &["backup", "backup"]));
    assert_eq!(entries(path).iter().filter(|name| name.starts_with("backup")).count(), 0);
}

#[test]
fn a_lost_secret_is_a_fault_that_verify_names() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    Serving::start(path).terminate();
    std::fs::remove_file(path.join("postrider-data/secret.key")).unwrap();
    let verified = run(path, &["verify", "--json"]);
    assert_eq!(code(&verified), 1);
    let report = json(&verified);
    assert_eq!(report["ok"], false);
    let faulty: Vec<&str> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["faults"] != 0)
        .filter_map(|check| check["name"].as_str())
        .collect();
    assert_eq!(faulty, ["secret"]);
}

#[test]
fn a_table_is_kept_safe_by_others() {
    let directory = TempDir::new().unwrap();
    for arguments in [&["backup", "b"][..], &["restore", "b"], &["verify"]] {
        let mut command = postrider(directory.path(), arguments);
        command.env("POSTRIDER__LEDGER__KIND", "dynamodb").env("POSTRIDER__LEDGER__TABLE", "orders");
        let words = refused(&command.output().unwrap());
        assert!(words.contains("deploy/aws/drill") && words.contains("AWS Backup"), "{words}");
    }
    assert_eq!(code(&run(directory.path(), &["backup"])), 2);
}

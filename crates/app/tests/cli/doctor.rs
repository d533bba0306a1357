//! `doctor`: what somebody reads who asks why no mail is going out.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use postrider_testkit::http_endpoint::{Answer, Endpoint, Script as HttpScript};
use postrider_testkit::ses_answers::account;
use postrider_testkit::smtp_server::{Script, SmtpServer};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::common::{Serving, await_status, code, postrider, run, text, write_order};

const SHOP: (&str, &str) = ("POSTRIDER__SENDER__FROM", "orders@example.com");

fn doctor(directory: &Path, settings: &[(&str, &str)]) -> Output {
    postrider(directory, &["doctor", "--json"]).envs(settings.iter().copied()).output().unwrap()
}

/// What was found about `name`, and how it is.
fn exam(output: &Output, name: &str) -> (String, String) {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let exams = report["checks"].as_array().unwrap();
    let exam = exams.iter().rfind(|exam| exam["name"] == name);
    let exam = exam.unwrap_or_else(|| panic!("nothing about {name}: {report}"));
    let is_well = exam["verdict"] == "ok";
    assert_eq!(exam["cure"].is_null(), is_well, "{exam}");
    (exam["verdict"].as_str().unwrap().to_owned(), exam["found"].as_str().unwrap().to_owned())
}

fn smtp(port: &str) -> Vec<(&'static str, &str)> {
    vec![
        SHOP,
        ("POSTRIDER__MAILER__KIND", "smtp"),
        ("POSTRIDER__MAILER__SMTP__HOST", "127.0.0.1"),
        ("POSTRIDER__MAILER__SMTP__TLS", "none"),
        ("POSTRIDER__MAILER__SMTP__PORT", port),
    ]
}

#[test]
fn a_healthy_outbox_is_well_before_and_while_a_server_runs() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let before = doctor(path, &[]);
    assert_eq!(code(&before), 0, "{}", text(&before.stdout));
    assert_eq!(exam(&before, "server").0, "warning");
    // Looking leaves nothing behind.
    assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
    write_order(&directory);
    let _server = Serving::start(path);
    run(path, &["send", "order.json"]);
    await_status(path, "1042", "sent");
    let output = run(path, &["doctor"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stdout));
    let lines = text(&output.stdout);
    assert!(lines.lines().all(|line| line.starts_with("ok ")), "{lines}");
    assert!(lines.contains("ready to accept and to send"), "{lines}");
    assert!(!lines.contains("ada@example.com"), "{lines}");
}

#[test]
fn a_mail_server_that_is_down_fails_with_its_cause() {
    let directory = TempDir::new().unwrap();
    let output = doctor(directory.path(), &smtp("1"));
    assert_eq!(code(&output), 1);
    let (verdict, found) = exam(&output, "mailer");
    assert!(verdict == "failed" && found.contains("connect_refused"), "{found}");
    assert!(text(&output.stderr).contains("1 check failed"), "{}", text(&output.stderr));
}

#[test]
fn a_password_is_tried_without_sending_and_never_shown() {
    let runtime = Runtime::new().unwrap();
    let script = Script::new().offer(&["AUTH PLAIN"]).credentials("shop", "right-password");
    let server = runtime.block_on(SmtpServer::start(script));
    let directory = TempDir::new().unwrap();
    let port = server.port().to_string();
    let with = |password: &'static str| {
        let credentials =
            [("POSTRIDER__MAILER__SMTP__USERNAME", "shop"), ("POSTRIDER__MAILER__SMTP__PASSWORD", password)];
        doctor(directory.path(), &[&smtp(&port)[..], &credentials].concat())
    };
    let wrong = with("wrong-password");
    assert_eq!(code(&wrong), 1);
    let (verdict, found) = exam(&wrong, "mailer");
    assert!(verdict == "failed" && found.contains("smtp_535"), "{found}");
    let all = format!("{}{}", text(&wrong.stdout), text(&wrong.stderr));
    assert!(!all.contains("wrong-password"), "{all}");
    let right = with("right-password");
    assert_eq!(code(&right), 0, "{}", text(&right.stdout));
    assert_eq!(exam(&right, "mailer").0, "ok");
    assert!(server.taken().is_empty());
    assert!(server.commands().iter().all(|command| !command.starts_with("MAIL")), "{:?}", server.commands());
}

#[test]
fn a_quota_of_ses_that_is_used_up_fails() {
    let runtime = Runtime::new().unwrap();
    let script: Box<HttpScript> = Box::new(|_, path| match path {
        "/v2/email/account" => account(100.0, 50_000.0, 50_000.0),
        _ => Answer::Error(404, "NotFoundException", "no"),
    });
    let ses = runtime.block_on(Endpoint::start(script));
    let directory = TempDir::new().unwrap();
    let settings = [
        SHOP,
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("POSTRIDER__MAILER__KIND", "ses"),
        ("POSTRIDER__MAILER__SES__REGION", "eu-central-1"),
        ("POSTRIDER__MAILER__SES__ENDPOINT_URL", &ses.url),
    ];
    let output = doctor(directory.path(), &settings);
    let (verdict, found) = exam(&output, "mailer");
    assert!(verdict == "failed" && found.contains("quota"), "{found}");
}

#[test]
fn a_data_directory_that_cannot_be_used_fails() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    std::fs::write(path.join("postrider-data"), "a file").unwrap();
    let output = doctor(path, &[]);
    assert_eq!(code(&output), 1);
    assert!(exam(&output, "data-directory").1.contains("is no directory"));
    // Nobody can write there, root included.
    let output = doctor(path, &[("POSTRIDER__SERVER__DATA_DIR", "/proc/self")]);
    assert_eq!(code(&output), 1);
    let (verdict, found) = exam(&output, "data-directory");
    assert!(verdict == "failed" && found.contains("cannot be written"), "{found}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_and_nothing_else_is_looked_at() {
    let directory = TempDir::new().unwrap();
    let output = doctor(directory.path(), &[("POSTRIDER__MAILER__KIN", "smtp")]);
    assert_eq!(code(&output), 1);
    assert!(exam(&output, "configuration").1.contains("did you mean mailer.kind"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["checks"].as_array().unwrap().len(), 1);
}

#[test]
fn what_others_may_read_what_is_lost_and_what_is_broken_is_told() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    Serving::start(path).terminate();
    let secret = path.join("postrider-data/secret.key");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = doctor(path, &[("POSTRIDER__TYPES__DIRECTORY", "nowhere")]);
    assert_eq!(exam(&output, "secret").0, "warning");
    assert_eq!(exam(&output, "types").0, "failed");
    let text_of_secret = std::fs::read_to_string(&secret).unwrap();
    assert!(!text(&output.stdout).contains(text_of_secret.trim()));
    std::fs::remove_file(&secret).unwrap();
    let output = doctor(path, &[]);
    assert_eq!(exam(&output, "secret").0, "failed");
    std::fs::write(&secret, "5a".repeat(32)).unwrap();
    let output = doctor(path, &[]);
    let (verdict, found) = exam(&output, "ledger");
    assert!(verdict == "failed" && found.contains("another secret"), "{found}");
}

#[test]
fn what_waits_for_a_person_is_counted_by_cause() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    write_order(&directory);
    // The sandbox lets nobody have mail.
    let sandbox = [("POSTRIDER__SANDBOX__ALLOW", "nobody.example")];
    let _server = Serving::start_with(path, &sandbox);
    run(path, &["send", "order.json"]);
    await_status(path, "1042", "failed");
    let output = doctor(path, &sandbox);
    assert_eq!(code(&output), 0, "{}", text(&output.stdout));
    let (verdict, found) = exam(&output, "dead-letters");
    assert!(verdict == "warning" && found.contains("1 sandbox_not_allowed"), "{found}");
    assert_eq!(exam(&output, "sandbox").0, "warning");
}

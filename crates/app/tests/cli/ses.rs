//! `serve` with SES, which an endpoint in this process plays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postrider_testkit::http_endpoint::{Answer, Endpoint, Script};
use postrider_testkit::ses_answers::{accepted, account};
use postrider_testkit::smtp_server::{Script as SmtpScript, SmtpServer};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::common::{Serving, await_status, code, postrider, run, text, write_order};

const MESSAGES: &str = "/v2/email/outbound-emails";

/// SES, and whether it has paused the account.
struct World {
    runtime: Runtime,
    ses: Endpoint,
    is_paused: Arc<AtomicBool>,
    directory: TempDir,
}

impl World {
    fn new(is_paused: bool) -> Self {
        let runtime = Runtime::new().unwrap();
        let is_paused = Arc::new(AtomicBool::new(is_paused));
        let state = Arc::clone(&is_paused);
        let script: Box<Script> = Box::new(move |_, path| match path {
            "/v2/email/account" => account(100.0, 50_000.0, 0.0),
            MESSAGES if state.load(Ordering::SeqCst) => {
                Answer::Error(400, "SendingPausedException", "paused")
            }
            MESSAGES => accepted(),
            _ => Answer::Error(404, "NotFoundException", "no"),
        });
        let ses = runtime.block_on(Endpoint::start(script));
        let directory = TempDir::new().unwrap();
        write_order(&directory);
        Self { runtime, ses, is_paused, directory }
    }

    fn serve(&self, settings: &[(&str, &str)]) -> Serving {
        let usual = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("POSTRIDER__MAILER__KIND", "ses"),
            ("POSTRIDER__MAILER__SES__REGION", "eu-central-1"),
            ("POSTRIDER__MAILER__SES__ENDPOINT_URL", &self.ses.url),
            ("POSTRIDER__MAILER__SES__CONFIGURATION_SET", "shop"),
            ("POSTRIDER__SENDER__FROM", "Shop <orders@shop.example>"),
        ];
        Serving::start_with(self.directory.path(), &[&usual, settings].concat())
    }

    fn send(&self) {
        let output = run(self.directory.path(), &["send", "order.json"]);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    }

    /// What stands on the timeline of the order, as type, mailer and cause.
    fn timeline(&self, status: &str) -> Vec<(String, String, String)> {
        let answer = await_status(self.directory.path(), "1042", status);
        let entries = answer["notifications"][0]["timeline"].as_array().cloned().unwrap_or_default();
        let word = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let told = |entry: &Value| (word(entry, "type"), word(entry, "mailer"), word(entry, "cause"));
        entries.iter().map(told).filter(|(_, mailer, _)| !mailer.is_empty()).collect()
    }
}

fn entry(kind: &str, mailer: &str, cause: &str) -> (String, String, String) {
    (kind.to_owned(), mailer.to_owned(), cause.to_owned())
}

#[test]
fn a_paused_account_parks_messages_and_lets_them_go_by_itself_when_it_is_back() {
    let world = World::new(true);
    let _server = world.serve(&[]);
    world.send();
    assert_eq!(world.timeline("deferred"), [entry("deferred", "ses", "ses_sending_paused")]);
    world.is_paused.store(false, Ordering::SeqCst);
    // The deferred message is not due for minutes: another one proves that the account is back.
    let other = crate::common::ORDER.replace("1042", "1043");
    std::fs::write(world.directory.path().join("order.json"), other).unwrap();
    world.send();
    let sent = world.timeline("sent");
    assert_eq!(sent.last(), Some(&entry("sent", "ses", "")), "{sent:?}");
    assert!(sent.iter().all(|(kind, ..)| kind != "dead" && kind != "failed"), "{sent:?}");
}

#[test]
fn the_fallback_takes_over_under_the_same_ledger_and_the_timeline_says_who_was_asked() {
    let world = World::new(true);
    let smtp = world.runtime.block_on(SmtpServer::start(SmtpScript::new()));
    let port = smtp.port().to_string();
    let settings = [
        ("POSTRIDER__MAILER__FALLBACK", "smtp"),
        ("POSTRIDER__MAILER__SMTP__PORT", port.as_str()),
        ("POSTRIDER__MAILER__SMTP__TLS", "none"),
    ];
    let _server = world.serve(&settings);
    world.send();
    assert_eq!(world.timeline("sent"), [entry("sent", "smtp", "")]);
    assert_eq!((world.ses.count(MESSAGES), smtp.taken().len()), (1, 1));
}

#[test]
fn in_the_sandbox_messages_go_to_the_stand_in_and_the_order_keeps_its_recipient() {
    let world = World::new(false);
    let _server = world.serve(&[("POSTRIDER__SANDBOX__REDIRECT_TO", "tester@shop.example")]);
    world.send();
    let answer = await_status(world.directory.path(), "1042", "sent");
    assert_eq!(answer["notifications"][0]["to"], "ada@example.com");
    let sent = world.ses.bodies(MESSAGES);
    assert_eq!(sent[0]["Destination"]["ToAddresses"], serde_json::json!(["tester@shop.example"]));
}

#[test]
fn settings_of_amazon_are_checked_without_asking_anybody() {
    let directory = TempDir::new().unwrap();
    let mut command = postrider(directory.path(), &["config", "check"]);
    command.env("POSTRIDER__MAILER__KIND", "ses").env("POSTRIDER__SENDER__FROM", "shop@example.com");
    command.env("POSTRIDER__LEDGER__KIND", "dynamodb").env("POSTRIDER__LEDGER__TABLE", "postrider");
    let output = command.output().unwrap();
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("DynamoDB table postrider"), "{}", text(&output.stdout));
}

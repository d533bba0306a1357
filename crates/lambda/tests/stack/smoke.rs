//! `deploy/aws/smoke` against a stack, behind a gateway of this machine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use postrider_testkit::emulator::{Account, REGION};
use serde_json::json;

use crate::command_line::{CommandLine, Ended};
use crate::end_to_end::running;
use crate::gateway::Gateway;
use crate::running::{Running, Source};

/// A stack whose queues are brought to its functions, and the API by which it is asked.
struct Installation {
    account: Account,
    gateway: Gateway,
    sources: [Source; 2],
    url: String,
    is_open: bool,
}

impl Installation {
    fn of(account: Account, running: &Running) -> Self {
        let [dispatch, feedback, api] = ["DispatchFunctionArn", "FeedbackFunctionArn", "ApiFunctionArn"]
            .map(|output| running.function(output));
        let sources =
            [running.source("OrderQueueUrl", &dispatch), running.source("FeedbackQueueUrl", &feedback)];
        let url = running.output("ApiUrl").to_owned();
        Self { account, gateway: Gateway::of(running, &api), sources, url, is_open: false }
    }

    /// Runs the smoke test, and answers what it asks.
    fn smoke(&self) -> Ended {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let command_line = CommandLine::of(&self.account)
            .with("TEST_API_URL", &self.url)
            .with("TEST_API_ADDRESS", &format!("http://{address}"));
        let has_ended = AtomicBool::new(false);
        thread::scope(|scope| {
            let test = scope.spawn(|| {
                let ended = command_line.smoke("staging");
                has_ended.store(true, Ordering::SeqCst);
                // Wakes who listens.
                let _ = TcpStream::connect(address);
                ended
            });
            for stream in listener.incoming().map_while(Result::ok) {
                if has_ended.load(Ordering::SeqCst) {
                    break;
                }
                self.answer(&stream);
            }
            test.join().unwrap()
        })
    }

    /// Answers one request, before which everything comes to its function.
    fn answer(&self, mut stream: &TcpStream) {
        let head: Vec<String> = BufReader::new(stream)
            .lines()
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .collect();
        let mut words = head[0].split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (status, body) = if self.gateway.asks_who(method, path) && !self.is_signed(&head) && !self.is_open
        {
            (403, json!({ "message": "Forbidden" }))
        } else {
            self.sources.iter().for_each(Source::drain);
            self.gateway.ask(method, path, query, None)
        };
        let body = body.to_string();
        let length = body.len();
        write!(stream, "HTTP/1.1 {status} \r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .unwrap();
    }

    /// Whether it is signed by the account, for this region and the API.
    fn is_signed(&self, head: &[String]) -> bool {
        let signature = head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then_some(value)
        });
        let credential = format!("AWS4-HMAC-SHA256 Credential={}/", self.account.number());
        let scope = format!("/{REGION}/execute-api/aws4_request");
        signature.is_some_and(|value| value.starts_with(&credential) && value.contains(&scope))
    }
}

fn staging() -> Installation {
    let (account, running) = running("staging", &[]);
    Installation::of(account, &running)
}

#[test]
fn smoke_passes_where_orders_are_delivered_bounce_and_draw_complaints() {
    let installation = staging();
    let ended = installation.smoke();
    assert_eq!((ended.status, &*ended.errors), (0, ""), "{}", ended.output);
    let expected = [
        "success: delivered",
        "bounce: bounced",
        "complaint: complained",
        "success: delivered",
        "a stranger: 403",
        "5 passed, 0 failed",
    ];
    assert_eq!(ended.output.lines().collect::<Vec<_>>(), expected);
    let mut recipients: Vec<String> =
        installation.account.sent().into_iter().flat_map(|mail| mail.recipients).collect();
    recipients.sort();
    let mailboxes = ["bounce", "complaint", "success"];
    assert_eq!(recipients, mailboxes.map(|mailbox| format!("{mailbox}@simulator.amazonses.com")));
}

#[test]
fn smoke_fails_where_nothing_is_sent() {
    let installation = staging();
    installation.account.set_ses_account(&json!({ "SendingEnabled": false }));
    let ended = installation.smoke();
    assert_eq!((ended.status, &*ended.output), (1, ""), "{}", ended.errors);
    assert!(
        ended.errors.starts_with("success: expected one notification that is delivered, found: "),
        "{}",
        ended.errors
    );
}

#[test]
fn smoke_fails_where_the_api_answers_a_stranger() {
    let installation = Installation { is_open: true, ..staging() };
    let ended = installation.smoke();
    assert_eq!(ended.status, 1, "{ended:#?}");
    assert_eq!(ended.errors, "the API answers a stranger: 200\n");
}

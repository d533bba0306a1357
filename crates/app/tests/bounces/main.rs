//! A message to somebody who is not there, through real mail servers and back: Postrider hands it on, the server takes
//! and returns it, the bounce comes to Postrider's own listener, and the order tells.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use postrider_bench::http::Client;
use postrider_bench::order::Orders;
use postrider_bench::records;
use postrider_bench::server::{Server, Setup};
use postrider_testkit::exim::Exim;
use postrider_testkit::postfix::{LocalDomain, Postfix, SmtpSink, reserved_addr};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up; far more than it needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const LOCAL_DOMAIN: &str = "customers.postrider.test";
const BOUNCE_DOMAIN: &str = "bounces.postrider.test";

struct World {
    server: Server,
    _directory: TempDir,
}

impl World {
    /// Postrider, handing to `mail_server` and taking bounces at `bounces_to`.
    fn start(mail_server: SocketAddr, bounces_to: SocketAddr) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_postrider"));
        let server = Setup::new(program, &directory.path().join("data"), mail_server)
            .set("MAILER__SMTP__TIMEOUT_SECS", "10")
            .set("SENDER__BOUNCE_DOMAIN", BOUNCE_DOMAIN)
            .set("FEEDBACK__LISTEN", &bounces_to.to_string())
            .start()
            .unwrap();
        Self { server, _directory: directory }
    }

    fn client(&self) -> Client {
        self.server.client().unwrap()
    }

    fn post(&self, order_id: &str, recipient: &str) -> Value {
        let mut data = Orders::new(1).data(0);
        data["customerEmail"] = recipient.into();
        data["orderId"] = order_id.into();
        let event = serde_json::json!({ "type": "order.confirmed", "data": data }).to_string();
        let answer = self.client().post("/v1/events", &event).unwrap();
        assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["notifications"][0].clone()
    }

    /// The notification as the API shows it.
    fn show(&self, id: &str) -> Value {
        self.client().get(&format!("/v1/notifications/{id}")).unwrap().json()
    }

    /// What must be true once a message to an unknown user has come back.
    fn expect_bounce(&self, recipient: &str, words: &str, log: impl Fn() -> String) -> Value {
        let id = self.post("1", recipient)["id"].as_str().unwrap().to_owned();
        let waited = records::wait_for_status(&mut self.client(), &id, "bounced", PATIENCE);
        waited.unwrap_or_else(|error| panic!("{error}\nthe mail server says:\n{}", log()));
        let shown = self.show(&id);
        let timeline = shown["timeline"].as_array().unwrap();
        assert!(timeline.iter().any(|entry| entry["type"] == "sent"), "{shown:#}");
        let bounce = timeline.iter().find(|entry| entry["type"] == "bounced").unwrap().clone();
        assert_eq!(bounce["source"], "dsn");
        assert_eq!(bounce["bounceClass"], "unknown_user", "{bounce:#}");
        assert!(bounce["response"].as_str().unwrap().to_lowercase().contains(words), "{bounce:#}");
        let listed = self.client().get(&format!("/v1/suppressions/{recipient}")).unwrap();
        assert_eq!(listed.status, 200);
        assert_eq!(listed.json()["reason"], "hard_bounce");
        assert_eq!(self.post("2", recipient)["status"], "suppressed");
        bounce
    }
}

#[test]
fn postfix_returns_mail_for_an_unknown_user_and_the_order_tells() {
    let bounces_to = reserved_addr().unwrap();
    let sink = SmtpSink::start().unwrap();
    let local =
        LocalDomain { domain: LOCAL_DOMAIN.to_owned(), bounce_domain: BOUNCE_DOMAIN.to_owned(), bounces_to };
    let postfix = Postfix::start_with_local_domain(sink.addr(), local).unwrap();
    let world = World::start(postfix.addr(), bounces_to);
    let bounce =
        world.expect_bounce(&format!("nobody-here@{LOCAL_DOMAIN}"), "unknown user", || postfix.log());
    assert_eq!(bounce["statusCode"], "5.1.1");
}

#[test]
fn exim_returns_mail_for_an_unknown_user_and_the_order_tells() {
    let bounces_to = reserved_addr().unwrap();
    let exim = Exim::start(LOCAL_DOMAIN, BOUNCE_DOMAIN, bounces_to).unwrap();
    let world = World::start(exim.addr(), bounces_to);
    world.expect_bounce(&format!("nobody-here@{LOCAL_DOMAIN}"), "unrouteable address", || exim.log());
}

#[test]
fn the_listener_relays_nothing_and_takes_no_return_path_that_was_made_up() {
    let bounces_to = reserved_addr().unwrap();
    let sink = SmtpSink::start().unwrap();
    let world = World::start(sink.addr(), bounces_to);
    let id = world.post("1", "ada@example.com")["id"].as_str().unwrap().to_owned();
    records::wait_for_status(&mut world.client(), &id, "sent", PATIENCE).unwrap();
    let digits = id.trim_start_matches("ntf_");
    let mut session = Session::open(bounces_to);
    assert_eq!(session.say("EHLO relay.example"), "250");
    assert_eq!(session.say("MAIL FROM:<>"), "250");
    for stranger in [
        "somebody@example.com".to_owned(),
        format!("postmaster@{BOUNCE_DOMAIN}"),
        format!("b+{digits}@{BOUNCE_DOMAIN}"),
        format!("b+{digits}-0000000000000000@{BOUNCE_DOMAIN}"),
    ] {
        assert_eq!(session.say(&format!("RCPT TO:<{stranger}>")), "550", "{stranger}");
    }
    assert_eq!(world.show(&id)["status"], "sent");
}

/// A client of the listener.
struct Session {
    stream: BufReader<TcpStream>,
}

impl Session {
    fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut session = Self { stream: BufReader::new(stream) };
        assert_eq!(session.answer(), "220");
        session
    }

    fn say(&mut self, line: &str) -> String {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        self.answer()
    }

    /// The code of the next answer, of however many lines.
    fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.get(..3).unwrap_or_default().to_owned();
            }
        }
    }
}

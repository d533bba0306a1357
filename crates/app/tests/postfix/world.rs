//! Everything a test needs: a sink, a Postfix that relays to it, and Postrider in front of both.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use postrider_bench::http::Client;
use postrider_bench::order::Orders;
use postrider_bench::records::{self, Entry};
use postrider_bench::server::{Server, Setup};
use postrider_testkit::postfix::{Fault, FaultProxy, Postfix, SmtpSink};
use tempfile::TempDir;

/// How long anything may take before a test gives up; far more than it needs on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Three programs and the directory they live in. Fields are dropped in this order.
pub struct World {
    pub server: Server,
    pub proxy: Option<FaultProxy>,
    pub postfix: Postfix,
    pub sink: SmtpSink,
    _directory: TempDir,
}

impl World {
    /// Postrider sends to Postfix, Postfix to the sink.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        Self::build(None, settings)
    }

    /// The same with a proxy between Postrider and Postfix whose n-th connection suffers the n-th fault. Postrider
    /// holds one connection, so that faults meet messages in order.
    pub fn start_with_faults(faults: Vec<Fault>, settings: &[(&str, &str)]) -> Self {
        Self::build(Some(faults), settings)
    }

    fn build(faults: Option<Vec<Fault>>, settings: &[(&str, &str)]) -> Self {
        let sink = SmtpSink::start().unwrap();
        let postfix = Postfix::start(sink.addr()).unwrap();
        let proxy = faults.map(|faults| FaultProxy::start(postfix.addr(), faults).unwrap());
        let directory = tempfile::tempdir().unwrap();
        let mail_server = proxy.as_ref().map_or(postfix.addr(), FaultProxy::addr);
        let setup = quick_setup(&directory.path().join("data"), mail_server);
        let setup = if proxy.is_some() { setup.set("MAILER__SMTP__CONNECTIONS", "1") } else { setup };
        let setup = settings.iter().fold(setup, |setup, (name, value)| setup.set(name, value));
        let server = setup.start().unwrap();
        Self { server, proxy, postfix, sink, _directory: directory }
    }

    /// Posts an order for `recipient` and returns the id of its notification.
    pub fn post(&self, recipient: &str) -> String {
        let mut data = Orders::new(1).data(0);
        data["customerEmail"] = recipient.into();
        data["orderId"] = recipient.into();
        let event = serde_json::json!({ "type": "order.confirmed", "data": data }).to_string();
        let answer = self.client().post("/v1/events", &event).unwrap();
        assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["notifications"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until the notification has the status, and returns its timeline.
    pub fn wait_for(&self, id: &str, status: &str) -> Vec<Entry> {
        let waited = records::wait_for_status(&mut self.client(), id, status, PATIENCE);
        waited.unwrap_or_else(|error| panic!("{error}\nPostfix says:\n{}", self.postfix.log()))
    }

    /// The cause a notification shows now.
    pub fn cause_of(&self, id: &str) -> Option<String> {
        records::find(&mut self.client(), id).unwrap().0.cause
    }

    /// How many messages of the notification the sink has, once it has at least `expected`.
    pub fn arrived(&self, id: &str, expected: usize) -> usize {
        let _ = self.sink.wait_for_total(expected, PATIENCE);
        self.sink.count_of(id)
    }

    pub fn client(&self) -> Client {
        self.server.client().unwrap()
    }
}

/// A server that retries and judges at once, because a test cannot wait for minutes.
pub fn quick_setup(data_dir: &Path, mail_server: SocketAddr) -> Setup {
    Setup::new(Path::new(env!("CARGO_BIN_EXE_postrider")), data_dir, mail_server)
        .set("RETRY__BASE_DELAY_MS", "50")
        .set("RETRY__MAX_DELAY_MS", "200")
        .set("MAILER__UNKNOWN_WAIT_SECS", "1")
        .set("MAILER__SMTP__TIMEOUT_SECS", "10")
}

/// The kinds of a timeline's entries.
pub fn kinds(timeline: &[Entry]) -> Vec<&str> {
    timeline.iter().map(|entry| entry.kind.as_str()).collect()
}

/// The only entry of a kind.
pub fn only<'a>(timeline: &'a [Entry], kind: &str) -> &'a Entry {
    let found: Vec<&Entry> = timeline.iter().filter(|entry| entry.kind == kind).collect();
    assert_eq!(found.len(), 1, "{kind} in {timeline:?}");
    found[0]
}

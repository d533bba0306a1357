//! An SMTP server that follows a script: it takes messages as RFC 5321 says, except where a test wants it to refuse,
//! hang up, stall or babble.

pub mod certificates;
pub mod script;
mod session;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

pub use certificates::{Authority, Identity};
pub use script::{Action, Phase, Script};

use session::Session;
pub use session::undo_dot_stuffing;

/// How long a test waits for something to happen on the server. A test that passes never waits that long.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A message the server took responsibility for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenMessage {
    /// The connection it came over, from 0.
    pub connection: usize,
    /// What stood between the angle brackets of MAIL.
    pub return_path: String,
    /// What stood between the angle brackets of each RCPT.
    pub recipients: Vec<String>,
    /// The message, dot-stuffing undone, final dot removed.
    pub message: Vec<u8>,
}

/// What the server has seen so far.
#[derive(Debug, Default)]
struct Record {
    connections: usize,
    ended: usize,
    taken: Vec<TakenMessage>,
    commands: Vec<(usize, String)>,
}

#[derive(Debug, Default)]
struct Shared {
    record: Mutex<Record>,
    changed: Notify,
}

impl Shared {
    fn update<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let result = change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_waiters();
        result
    }

    fn look<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        look(&self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until `is_so` holds, or fails the test.
    async fn wait(&self, is_so: impl Fn(&Record) -> bool) {
        let waited = timeout(WAIT_MAX, async {
            loop {
                let changed = self.changed.notified();
                if self.look(&is_so) {
                    return;
                }
                changed.await;
            }
        });
        assert!(waited.await.is_ok(), "what the test waits for did not happen on the SMTP server");
    }
}

/// A running server. Dropping it ends every connection, stalled ones too.
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl SmtpServer {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// If there is no free port.
    #[expect(clippy::expect_used, reason = "a test cannot go on without its server")]
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("binds a free port");
        let address = listener.local_addr().expect("knows its address");
        let shared = Arc::new(Shared::default());
        let accepting = tokio::spawn(accept(listener, Arc::new(script), Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The messages it took responsibility for, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<TakenMessage> {
        self.shared.look(|record| record.taken.clone())
    }

    /// The command lines it read, in order, those of all connections together; content is not among them, responses
    /// to AUTH are.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.shared.look(|record| record.commands.iter().map(|(_, line)| line.clone()).collect())
    }

    /// How many connections it accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.look(|record| record.connections)
    }

    /// Waits until `count` connections have ended, whoever ended them.
    ///
    /// # Panics
    /// If that does not happen in half a minute.
    pub async fn wait_for_ended(&self, count: usize) {
        self.shared.wait(|record| record.ended >= count).await;
    }

    /// Waits until `count` command lines that begin with `start` were read.
    ///
    /// # Panics
    /// If that does not happen in half a minute.
    pub async fn wait_for_command(&self, start: &str, count: usize) {
        let read =
            |record: &Record| record.commands.iter().filter(|(_, line)| line.starts_with(start)).count();
        self.shared.wait(|record| read(record) >= count).await;
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, script: Arc<Script>, shared: Arc<Shared>) {
    // Aborting this task drops the set, and with it every session.
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let number = shared.update(|record| {
            record.connections += 1;
            record.connections - 1
        });
        let (script, shared) = (Arc::clone(&script), Arc::clone(&shared));
        sessions.spawn(async move {
            Session::run(stream, &script, &shared, number).await;
            shared.update(|record| record.ended += 1);
        });
        while sessions.try_join_next().is_some() {}
    }
}

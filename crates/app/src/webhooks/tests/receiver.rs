//! A receiver of webhooks that does what a test says, path by path.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a test waits for a fact before it fails. Never how long it waits when the fact is there.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the receiver does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// Answers with this status.
    Answer(u16),
    /// Answers 503 and asks for this many seconds.
    Busy(u32),
    /// Reads it and says nothing until told otherwise.
    Hold,
}

/// One call as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub webhook_id: String,
    pub body: Value,
    /// The answer; `None` while it is held.
    pub answered: Option<u16>,
}

impl Received {
    pub fn notification(&self) -> String {
        self.body["data"]["id"].as_str().unwrap().to_owned()
    }

    pub fn event(&self) -> String {
        self.body["type"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct State {
    plays: HashMap<String, Play>,
    received: Vec<Received>,
}

pub struct Receiver {
    port: u16,
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    _accepting: JoinSet<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let changed = watch::channel(0).0;
        let mut accepting = JoinSet::new();
        let (shared, bell) = (Arc::clone(&state), changed.clone());
        accepting.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, bell) = (Arc::clone(&shared), bell.clone());
                // Who hangs up in the middle is no concern of a receiver.
                talks.spawn(async move { talk(stream, &shared, &bell).await.unwrap_or_default() });
            }
        });
        Self { port, state, changed, _accepting: accepting }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// What to do with calls of `path` from now on, those that are held included.
    pub fn play(&self, path: &str, play: Play) {
        lock(&self.state).plays.insert(format!("/{path}"), play);
        self.changed.send_modify(|n| *n += 1);
    }

    /// Every call of `path`, in the order they came.
    pub fn calls(&self, path: &str) -> Vec<Received> {
        let path = format!("/{path}");
        lock(&self.state).received.iter().filter(|received| received.path == path).cloned().collect()
    }

    /// The calls of `path` that were answered with `status`.
    pub fn answered(&self, path: &str, status: u16) -> Vec<Received> {
        self.calls(path).into_iter().filter(|received| received.answered == Some(status)).collect()
    }

    /// Waits until as many calls of `path` were answered with `status`.
    pub async fn until_answered(&self, path: &str, status: u16, count: usize) -> Vec<Received> {
        self.until(|receiver| receiver.answered(path, status).len() >= count, path).await;
        self.answered(path, status)
    }

    /// Waits until as many calls of `path` came.
    pub async fn until_called(&self, path: &str, count: usize) {
        self.until(|receiver| receiver.calls(path).len() >= count, path).await;
    }

    async fn until(&self, done: impl Fn(&Self) -> bool, path: &str) {
        let mut changes = self.changed.subscribe();
        let waiting = async {
            while !done(self) {
                changes.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("/{path} was called {} times: {:?}", self.calls(path).len(), self.calls(path).last());
        }
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn talk(mut stream: TcpStream, state: &Mutex<State>, bell: &watch::Sender<u64>) -> io::Result<()> {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length: usize = header(head, "content-length").parse().unwrap();
        if body.len() >= length {
            break (head.to_owned(), body.to_owned());
        }
    };
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let received = Received {
        path: path.clone(),
        webhook_id: header(&head, "webhook-id"),
        body: serde_json::from_str(&body).unwrap(),
        answered: None,
    };
    let mut changes = bell.subscribe();
    let index = {
        let mut state = lock(state);
        state.received.push(received);
        state.received.len() - 1
    };
    bell.send_modify(|n| *n += 1);
    let (status, more) = loop {
        match lock(state).plays.get(&path) {
            Some(Play::Answer(status)) => break (*status, String::new()),
            Some(Play::Busy(secs)) => break (503, format!("retry-after: {secs}\r\n")),
            Some(Play::Hold) => {}
            None => break (200, String::new()),
        }
        if changes.changed().await.is_err() {
            return Ok(());
        }
    };
    lock(state).received[index].answered = Some(status);
    bell.send_modify(|n| *n += 1);
    let answer = format!("HTTP/1.1 {status} As Told\r\n{more}content-length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

fn header(head: &str, name: &str) -> String {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).unwrap()
}

//! A listener, an inbox that remembers, and a client that says exactly what it is told to.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::Words;
use postrider_core::domain::time::Timestamp;
use postrider_mail::listener::{Delivery, Inbox, Listener, ListenerConfig, Protocol, ReceivedMail};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// How a message is introduced to its one recipient.
pub const INTRODUCTION: [&str; 3] = ["EHLO mx.example", "MAIL FROM:<>", "RCPT TO:<1@bounces.example>"];

/// The notification whose return path is `<number>@bounces.example`.
pub fn notification(number: u64) -> NotificationId {
    NotificationId::new(Timestamp::EPOCH, u128::from(number))
}

/// What the inbox does with a message.
pub enum Fate {
    Keep,
    TryLater(&'static str),
    /// Keeps it once a permit is added.
    Wait(Semaphore),
}

/// An inbox that knows the return paths `<number>@bounces.example`.
pub struct Shelf {
    fate: Fate,
    began: Semaphore,
    kept: Mutex<Vec<ReceivedMail>>,
}

impl Shelf {
    pub fn new(fate: Fate) -> Arc<Self> {
        Arc::new(Self { fate, began: Semaphore::new(0), kept: Mutex::default() })
    }

    pub fn kept(&self) -> Vec<ReceivedMail> {
        self.kept.lock().unwrap().clone()
    }

    /// Waits until a message has come to be kept.
    pub async fn began(&self) {
        self.began.acquire().await.unwrap().forget();
    }

    pub fn let_go(&self) {
        if let Fate::Wait(gate) = &self.fate {
            gate.add_permits(1);
        }
    }
}

#[async_trait]
impl Inbox for Shelf {
    fn recipient(&self, address: &str) -> Option<NotificationId> {
        let (local, domain) = address.split_once('@')?;
        domain.eq_ignore_ascii_case("bounces.example").then(|| local.parse().ok().map(notification))?
    }

    async fn deliver(&self, mail: ReceivedMail) -> Delivery {
        self.began.add_permits(1);
        match &self.fate {
            Fate::Keep => {}
            Fate::TryLater(words) => return Delivery::TryLater(Words::new(words)),
            Fate::Wait(gate) => gate.acquire().await.unwrap().forget(),
        }
        self.kept.lock().unwrap().push(mail);
        Delivery::Accepted
    }
}

pub fn config(protocol: Protocol) -> ListenerConfig {
    ListenerConfig { protocol, hostname: "bounces.example".to_owned(), tls: None }
}

/// A running listener on a free port of 127.0.0.1.
pub struct Server {
    pub port: u16,
    pub inbox: Arc<Shelf>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Server {
    pub async fn start(protocol: Protocol) -> Self {
        Self::with(config(protocol), Fate::Keep).await
    }

    pub async fn with(config: ListenerConfig, fate: Fate) -> Self {
        let inbox = Shelf::new(fate);
        let listener = Listener::new(config, Arc::clone(&inbox) as Arc<dyn Inbox>).unwrap();
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(async move { listener.serve(socket, stopped).await });
        Self { port, inbox, stop, serving }
    }

    /// A client that has not heard the greeting yet.
    pub async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(("127.0.0.1", self.port)).await.unwrap())
    }

    /// A client that has heard the greeting.
    pub async fn client(&self) -> Client<TcpStream> {
        let mut client = self.connect().await;
        assert!(client.hear().await.starts_with("220 "));
        client
    }

    pub fn tell_to_stop(&self) {
        self.stop.send(true).unwrap();
    }

    /// Stops it and returns once every session has ended.
    pub async fn stop(self) -> Arc<Shelf> {
        self.tell_to_stop();
        self.serving.await.unwrap();
        self.inbox
    }
}

/// A conversation without a network, so that the test's clock moves only when both sides wait.
pub fn in_memory(fate: Fate, buffer_bytes: usize) -> (Client<DuplexStream>, Arc<Shelf>, JoinHandle<()>) {
    let inbox = Shelf::new(fate);
    let listener = Listener::new(config(Protocol::Smtp), Arc::clone(&inbox) as Arc<dyn Inbox>).unwrap();
    let (ours, theirs) = duplex(buffer_bytes);
    let session = tokio::spawn(async move {
        let (_stop, stopped) = watch::channel(false);
        listener.converse(theirs, stopped).await;
    });
    (Client::new(ours), inbox, session)
}

/// Says what it is told to, and hears whole replies.
pub struct Client<S> {
    pub stream: S,
    unheard: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, unheard: Vec::new() }
    }

    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// One reply, its lines joined with `|`; empty if the server hung up.
    pub async fn hear(&mut self) -> String {
        let mut lines = Vec::new();
        loop {
            while let Some(end) = self.unheard.windows(2).position(|window| window == b"\r\n") {
                let line = String::from_utf8(self.unheard.drain(..end + 2).collect()).unwrap();
                let line = line.trim_end().to_owned();
                let is_last = line.as_bytes().get(3) != Some(&b'-');
                lines.push(line);
                if is_last {
                    return lines.join("|");
                }
            }
            if self.stream.read_buf(&mut self.unheard).await.unwrap() == 0 {
                assert!(lines.is_empty() && self.unheard.is_empty(), "a reply broke off");
                return String::new();
            }
        }
    }

    /// A command line and the reply to it.
    pub async fn ask(&mut self, line: &str) -> String {
        self.say(format!("{line}\r\n")).await;
        self.hear().await
    }

    /// Says lines one after the other; each must be answered with 2xx or 3xx.
    pub async fn agree(&mut self, lines: &[&str]) {
        for line in lines {
            let reply = self.ask(line).await;
            assert!(reply.starts_with(['2', '3']), "{line}: {reply}");
        }
    }

    /// Says what DATA wants, and returns the reply.
    pub async fn send(&mut self, content: impl AsRef<[u8]>) -> String {
        assert!(self.ask("DATA").await.starts_with("354 "));
        self.say(content).await;
        self.hear().await
    }

    /// All replies until the server hangs up.
    pub async fn hear_out(&mut self) -> Vec<String> {
        let mut replies = Vec::new();
        loop {
            match self.hear().await {
                reply if reply.is_empty() => return replies,
                reply => replies.push(reply),
            }
        }
    }

    pub async fn is_hung_up(&mut self) -> bool {
        self.hear().await.is_empty()
    }
}

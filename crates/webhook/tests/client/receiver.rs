//! A receiver that reads a request and plays its part, and a resolver that leads to it.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use postrider_testkit::smtp_server::Identity;
use postrider_webhook::client::Resolver;
use postrider_webhook::{Answer, OutboundClient, OutboundConfig, OutboundError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// For tests that wait for a time-out: what a busy machine may need for a loopback exchange, and no more.
pub const SHORT_TIMEOUT_MS: u64 = 1_500;

/// What a receiver does once it has read a request.
#[derive(Clone)]
pub enum Play {
    /// Says this and hangs up.
    Say(String),
    /// Says the first, then the second for ever.
    Endless(String, String),
    /// Says this, and then nothing.
    Stall(String),
}

/// A running receiver. Dropping it ends every connection.
pub struct Receiver {
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    _accepting: JoinSet<()>,
}

impl Receiver {
    pub async fn start(play: Play) -> Self {
        Self::listen(play, None).await
    }

    pub async fn start_private(play: Play, identity: &Identity) -> Self {
        Self::listen(play, Some(TlsAcceptor::from(identity.server_config()))).await
    }

    async fn listen(play: Play, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let mut accepting = JoinSet::new();
        let (seen, count) = (Arc::clone(&requests), Arc::clone(&connections));
        accepting.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                talks.spawn(talk(stream, tls.clone(), play.clone(), Arc::clone(&seen)));
            }
        });
        Self { port, requests, connections, _accepting: accepting }
    }

    /// The requests read, heads and bodies.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// How many connections came.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook?a=b", self.port)
    }
}

async fn talk(stream: TcpStream, tls: Option<TlsAcceptor>, play: Play, seen: Arc<Mutex<Vec<String>>>) {
    // A client that goes away ends the talk.
    let _ = match tls {
        None => act(stream, play, &seen).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => act(stream, play, &seen).await,
            Err(error) => Err(error),
        },
    };
}

async fn act<S>(mut stream: S, play: Play, seen: &Mutex<Vec<String>>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = read_request(&mut stream).await?;
    seen.lock().unwrap().push(request);
    match play {
        Play::Say(words) => {
            stream.write_all(words.as_bytes()).await?;
            stream.shutdown().await
        }
        Play::Endless(start, more) => {
            stream.write_all(start.as_bytes()).await?;
            let more = more.repeat(64);
            // Ends when the client hangs up, which makes the write fail.
            loop {
                stream.write_all(more.as_bytes()).await?;
            }
        }
        Play::Stall(words) => {
            stream.write_all(words.as_bytes()).await?;
            stream.flush().await?;
            std::future::pending().await
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Ok(text.into_owned());
        }
    }
}

/// Leads names where a test wants them to lead, and counts how often it was asked.
#[derive(Default)]
pub struct Names {
    known: HashMap<String, Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names {
    pub fn new(known: &[(&str, &[&str])]) -> Arc<Self> {
        let parse = |addresses: &[&str]| addresses.iter().map(|text| text.parse().unwrap()).collect();
        let known = known.iter().map(|(name, addresses)| ((*name).to_owned(), parse(addresses))).collect();
        Arc::new(Self { known, asked: AtomicUsize::new(0) })
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Resolver for Names {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.known.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// What a developer uses.
pub fn private() -> OutboundConfig {
    OutboundConfig { allow_private: true, ..OutboundConfig::default() }
}

/// A client that reaches this machine and asks nobody for names.
pub fn client() -> OutboundClient {
    OutboundClient::with_resolver(private(), Names::new(&[])).unwrap()
}

/// POSTs a small body.
pub async fn post(client: &OutboundClient, url: &str) -> Result<Answer, OutboundError> {
    client.post(url, HeaderMap::new(), Bytes::from_static(b"{}")).await
}

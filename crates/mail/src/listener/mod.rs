//! The server of the bounce domain: SMTP (RFC 5321), or LMTP (RFC 2033) behind a mail server of one's own.
//!
//! It takes messages for our own signed return paths and for nobody else, hands them to an [`Inbox`], and says 250 once that
//! calls them durable. It never sends anything but its answers: no mail, and so no mail about mail.
//!
//! `command` and `content` are pure; `wire` moves bytes; `session` holds the conversation; `places` counts connections.

pub mod certificate;
mod command;
mod content;
mod places;
mod session;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::Words;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use content::Room;
use places::{Place, Places};
use session::Session;

/// How long an error of `accept` itself (no descriptors left, for one) is waited out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where messages go.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// The notification whose return path `address` is. `None` refuses the recipient: it is not ours, or not signed.
    fn recipient(&self, address: &str) -> Option<NotificationId>;

    /// Takes a message. [`Delivery::Accepted`] promises that it is durable: its sender forgets it.
    ///
    /// After [`postrider_core::limits::LISTENER_DELIVERY_TIMEOUT_MS`] the call is dropped and the sender told to try
    /// later, so the same message may come again.
    async fn deliver(&self, mail: ReceivedMail) -> Delivery;
}

/// A message that came for us.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedMail {
    /// What MAIL named; empty for a bounce. Anybody can write anything here.
    pub return_path: String,
    /// The notifications whose return paths it was sent to, each once, at least one.
    pub recipients: Vec<NotificationId>,
    /// The message as it came: CRLF at the end of every line, dots single again, any other byte possible.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for ReceivedMail {
    /// Hides addresses and content: debug output reaches logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { recipients, bytes, .. } = self;
        f.debug_struct("ReceivedMail")
            .field("recipients", recipients)
            .field("bytes", &bytes.len())
            .finish_non_exhaustive()
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is durable.
    Accepted,
    /// It is not; the sender is told so in these words, and keeps it.
    TryLater(Words),
}

/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// With mail servers anywhere.
    Smtp,
    /// With a mail server of one's own, which hands over what it has taken.
    Lmtp,
}

/// How the listener presents itself.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Which protocol it speaks.
    pub protocol: Protocol,
    /// What it calls itself: the name its MX record gives.
    pub hostname: String,
    /// What it shows after STARTTLS, which is offered if this is given.
    pub tls: Option<Arc<ServerConfig>>,
}

/// Why a configuration cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidListenerConfig {
    /// The name would not be one word.
    #[error("the bounce listener's name {0:?} must be a host name, such as bounces.shop.example")]
    Hostname(String),
}

/// A server of the bounce domain.
#[derive(Clone)]
pub struct Listener {
    shared: Arc<Shared>,
}

/// What all connections share.
struct Shared {
    protocol: Protocol,
    hostname: String,
    tls: Option<TlsAcceptor>,
    inbox: Arc<dyn Inbox>,
    room: Room,
}

/// Serves `listener` until `stop` turns true; see [`Listener::serve`].
///
/// # Errors
/// If the configuration cannot work.
pub async fn serve(
    listener: TcpListener,
    config: ListenerConfig,
    inbox: Arc<dyn Inbox>,
    stop: watch::Receiver<bool>,
) -> Result<(), InvalidListenerConfig> {
    Listener::new(config, inbox)?.serve(listener, stop).await;
    Ok(())
}

impl Listener {
    /// A listener that hands to `inbox` what it takes.
    ///
    /// # Errors
    /// If the configuration cannot work.
    pub fn new(config: ListenerConfig, inbox: Arc<dyn Inbox>) -> Result<Self, InvalidListenerConfig> {
        let ListenerConfig { protocol, hostname, tls } = config;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if hostname.is_empty() || hostname.len() > 255 || !hostname.bytes().all(is_name) {
            return Err(InvalidListenerConfig::Hostname(hostname));
        }
        let tls = tls.map(TlsAcceptor::from);
        Ok(Self { shared: Arc::new(Shared { protocol, hostname, tls, inbox, room: Room::new() }) })
    }

    /// Serves `listener` until `stop` turns true. Connections then end with 421, after the answer to a message that is
    /// being made durable; returns when all have. Dropping the future ends them at once.
    pub async fn serve(&self, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Places::default());
        let mut sessions = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                // What has ended is forgotten.
                Some(_) = sessions.join_next() => continue,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, peer)) => match places.take(peer.ip()) {
                    Some(place) => {
                        sessions.spawn(self.clone().attend(stream, peer.ip(), place, stop.clone()));
                    }
                    None => turn_away(stream),
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection to the bounce listener could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        while sessions.join_next().await.is_some() {}
    }

    async fn attend(self, stream: TcpStream, peer: IpAddr, _place: Place, stop: watch::Receiver<bool>) {
        // Answers are small and somebody waits for each.
        let _ = stream.set_nodelay(true);
        let messages = Session::run(Box::new(stream), &self.shared, stop).await;
        tracing::debug!(%peer, messages, "a connection to the bounce listener ended");
    }

    /// Holds one conversation on a stream that is open already.
    pub async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        stop: watch::Receiver<bool>,
    ) {
        Session::run(Box::new(stream), &self.shared, stop).await;
    }
}

/// Says why as far as that goes without waiting, and hangs up.
fn turn_away(stream: TcpStream) {
    tracing::debug!("a connection to the bounce listener was turned away: there are too many");
    let words = b"421 4.3.2 Too many connections, try again later\r\n";
    // Whether the words arrive does not matter: who hears nothing tries again too.
    let _ = stream.into_std().and_then(|mut stream| std::io::Write::write(&mut stream, words));
}

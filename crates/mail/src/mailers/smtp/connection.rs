//! From a host name to a connection that is ready for a message: TCP, greeting, EHLO, STARTTLS, AUTH.

use std::io;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use postrider_core::domain::outcome::Failure;
use postrider_core::limits::SMTP_ADDRESSES_MAX;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use super::budget::Budget;
use super::capabilities::Capabilities;
use super::config::{Credentials, SmtpConfig, TlsMode};
use super::outcome::{Breakage, ConnectTrouble, Phase, TlsTrouble, Trouble, classify};
use super::reply::Reply;
use super::tls::Tls;
use super::wire::{Stream, Wire};

/// A connection between two messages, or in the middle of one.
pub(super) struct Connection {
    pub(super) wire: Wire,
    pub(super) capabilities: Capabilities,
    /// The message being sent, encoded; kept for its capacity.
    pub(super) content: Vec<u8>,
    /// Messages whose final dot was answered.
    pub(super) carried: u32,
    /// Whether client and server agree that no message is under way. Only then may another message follow.
    pub(super) is_settled: bool,
    /// When it was last put down; `None` while it has never been idle.
    pub(super) idle_since: Option<Instant>,
}

impl Connection {
    /// Opens a connection up to the point where MAIL may follow.
    pub(super) async fn open(
        config: &SmtpConfig,
        tls: Option<&Tls>,
        budget: &Budget,
    ) -> Result<Self, Failure> {
        let stream = dial(config, budget)
            .await
            .map_err(|trouble| classify(Phase::Greeting, Trouble::Connect(trouble, &config.server())))?;
        let mut wire = match (config.tls, tls) {
            (TlsMode::Implicit, Some(tls)) => encrypt(tls, stream, config, budget).await?,
            _ => Wire::new(Stream::Plain(stream)),
        };
        let greeting = receive(&mut wire, Phase::Greeting, budget).await?;
        expect(Phase::Greeting, &greeting, greeting.is_positive())?;
        let mut capabilities = hello(&mut wire, config, budget).await?;
        if let (TlsMode::StartTls, Some(tls)) = (config.tls, tls) {
            wire = start_tls(wire, capabilities, tls, config, budget).await?;
            // Whatever was offered in the clear may have been said by anybody (RFC 3207 §4.2).
            capabilities = hello(&mut wire, config, budget).await?;
        }
        if let Some(credentials) = &config.credentials {
            authenticate(&mut wire, capabilities, credentials, budget).await?;
        }
        Ok(Self { wire, capabilities, content: Vec::new(), carried: 0, is_settled: true, idle_since: None })
    }
}

/// Tries the host's addresses in turn; each gets its share of what is left of the time.
async fn dial(config: &SmtpConfig, budget: &Budget) -> Result<TcpStream, ConnectTrouble> {
    let deadline = budget.command();
    let addresses: Vec<SocketAddr> = timeout_at(deadline, lookup_host((config.host.as_str(), config.port)))
        .await
        .map_err(|_| ConnectTrouble::DnsFailed)?
        .map_err(|_| ConnectTrouble::DnsFailed)?
        .take(SMTP_ADDRESSES_MAX)
        .collect();
    let may_be_remote = config.tls != TlsMode::None || config.allow_plaintext;
    let mut trouble = ConnectTrouble::DnsFailed;
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        // The configuration was checked by name; what counts is where the name leads.
        if !may_be_remote && !address.ip().is_loopback() {
            trouble = ConnectTrouble::PlaintextRefused;
            continue;
        }
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / u32::try_from(left).unwrap_or(1);
        match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Every write is a whole command or a whole message: waiting for more only adds delay. Where the
                // option cannot be set the connection still works.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => trouble = explain(&error),
            Err(_) => trouble = ConnectTrouble::TimedOut,
        }
    }
    Err(trouble)
}

fn explain(error: &io::Error) -> ConnectTrouble {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectTrouble::Refused,
        io::ErrorKind::TimedOut => ConnectTrouble::TimedOut,
        _ => ConnectTrouble::Unreachable,
    }
}

/// EHLO, or HELO where the server knows nothing newer (RFC 5321 §3.2).
async fn hello(wire: &mut Wire, config: &SmtpConfig, budget: &Budget) -> Result<Capabilities, Failure> {
    let name = &config.ehlo_name;
    let reply = ask(wire, Phase::Ehlo, format!("EHLO {name}\r\n").as_bytes(), budget).await?;
    if reply.is_positive() {
        return Ok(Capabilities::from_ehlo(&reply));
    }
    if !matches!(reply.code, 500 | 502 | 504) {
        return Err(classify(Phase::Ehlo, Trouble::Reply(&reply)));
    }
    let reply = ask(wire, Phase::Ehlo, format!("HELO {name}\r\n").as_bytes(), budget).await?;
    expect(Phase::Ehlo, &reply, reply.is_positive())?;
    Ok(Capabilities::default())
}

async fn start_tls(
    mut wire: Wire,
    capabilities: Capabilities,
    tls: &Tls,
    config: &SmtpConfig,
    budget: &Budget,
) -> Result<Wire, Failure> {
    let fail = |trouble| classify(Phase::StartTls, Trouble::Tls(trouble, &config.server()));
    if !capabilities.starttls {
        return Err(fail(TlsTrouble::NotOffered));
    }
    let reply = ask(&mut wire, Phase::StartTls, b"STARTTLS\r\n", budget).await?;
    expect(Phase::StartTls, &reply, reply.is_positive())?;
    // Bytes that came with the consent would be taken for the answers to commands sent under TLS.
    if wire.has_unread() {
        return Err(fail(TlsTrouble::PlaintextInjected));
    }
    match wire.into_stream() {
        Stream::Plain(stream) => encrypt(tls, stream, config, budget).await,
        // STARTTLS is never asked for twice.
        stream @ Stream::Tls(_) => Ok(Wire::new(stream)),
    }
}

async fn encrypt(
    tls: &Tls,
    stream: TcpStream,
    config: &SmtpConfig,
    budget: &Budget,
) -> Result<Wire, Failure> {
    let stream = tls
        .handshake(stream, budget.command())
        .await
        .map_err(|trouble| classify(Phase::StartTls, Trouble::Tls(trouble, &config.server())))?;
    Ok(Wire::new(Stream::Tls(Box::new(stream))))
}

/// AUTH PLAIN (RFC 4616) in one round trip where offered, LOGIN otherwise.
async fn authenticate(
    wire: &mut Wire,
    capabilities: Capabilities,
    credentials: &Credentials,
    budget: &Budget,
) -> Result<(), Failure> {
    let Credentials { username, password } = credentials;
    let reply = if capabilities.auth_plain {
        let response = BASE64.encode(format!("\0{username}\0{password}"));
        ask(wire, Phase::Auth, format!("AUTH PLAIN {response}\r\n").as_bytes(), budget).await?
    } else if capabilities.auth_login {
        let mut reply = ask(wire, Phase::Auth, b"AUTH LOGIN\r\n", budget).await?;
        for response in [username, password] {
            expect(Phase::Auth, &reply, reply.is_intermediate())?;
            let line = format!("{}\r\n", BASE64.encode(response));
            reply = ask(wire, Phase::Auth, line.as_bytes(), budget).await?;
        }
        reply
    } else {
        return Err(classify(Phase::Auth, Trouble::AuthNotOffered));
    };
    expect(Phase::Auth, &reply, reply.is_positive())
}

async fn ask(wire: &mut Wire, phase: Phase, command: &[u8], budget: &Budget) -> Result<Reply, Failure> {
    // An answer that is there before the question would be taken for the answer to it.
    if wire.has_unread() {
        return Err(classify(phase, Trouble::Broken(Breakage::Unintelligible)));
    }
    wire.write_all(command, budget.timeout(), budget.command())
        .await
        .map_err(|breakage| classify(phase, Trouble::Broken(breakage)))?;
    receive(wire, phase, budget).await
}

async fn receive(wire: &mut Wire, phase: Phase, budget: &Budget) -> Result<Reply, Failure> {
    wire.read_reply(budget.command()).await.map_err(|breakage| classify(phase, Trouble::Broken(breakage)))
}

fn expect(phase: Phase, reply: &Reply, is_expected: bool) -> Result<(), Failure> {
    if is_expected { Ok(()) } else { Err(classify(phase, Trouble::Reply(reply))) }
}

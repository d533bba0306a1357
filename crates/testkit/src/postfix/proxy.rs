//! A TCP proxy that stands in front of a mail server and breaks connections where it hurts most.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// What ends a message (RFC 5321 §4.1.1.4).
const END_OF_DATA: &[u8] = b"\r\n.\r\n";
/// Connections the proxy takes in its life.
const CONNECTIONS_MAX: usize = 10_000;

/// What happens to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it passes.
    None,
    /// The client never gets a greeting; the connection stays open.
    SilentGreeting,
    /// Cut when the server is ready for the message (354), before the client knows: nothing of it can have left.
    CutBeforeData,
    /// Cut when this many bytes of the message have gone to the server, never its end.
    CutInData {
        /// Bytes that go through.
        after_bytes: usize,
    },
    /// Cut when the server has answered the final dot, before the client hears it: the server has the message.
    CutAfterFinalDot,
    /// The server's answer to the final dot never comes through; the connection stays open.
    SilentAfterFinalDot,
}

struct Shared {
    upstream: SocketAddr,
    faults: Vec<Fault>,
    accepted: AtomicUsize,
    stopping: AtomicBool,
    /// Both ends of every connection, to be cut when the proxy goes.
    open: Mutex<Vec<TcpStream>>,
}

/// A running proxy. The n-th connection suffers the n-th fault; those after the last fault pass. Stops on drop and
/// cuts its connections.
pub struct FaultProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Starts on a free loopback port in front of `upstream`.
    ///
    /// # Errors
    /// If no socket can be had.
    pub fn start(upstream: SocketAddr, faults: Vec<Fault>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            faults,
            accepted: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            open: Mutex::new(Vec::new()),
        });
        let acceptor = thread::Builder::new().name("fault-proxy".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || accept_connections(&listener, &shared)
        })?;
        Ok(Self { addr, shared, acceptor: Some(acceptor) })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many connections it has taken.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for stream in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // The acceptor sleeps in accept(2); a connection wakes it up to see that it is over.
        let _ = TcpStream::connect(self.addr);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept_connections(listener: &TcpListener, shared: &Arc<Shared>) {
    for number in 0..CONNECTIONS_MAX {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok((client, _)) = accepted else { continue };
        shared.accepted.store(number + 1, Ordering::SeqCst);
        let fault = shared.faults.get(number).copied().unwrap_or(Fault::None);
        // A server that cannot be reached shows itself to the client as a closed connection.
        let _ = connect(client, fault, shared);
    }
}

fn connect(client: TcpStream, fault: Fault, shared: &Shared) -> io::Result<()> {
    shared.open.lock().unwrap_or_else(PoisonError::into_inner).push(client.try_clone()?);
    if fault == Fault::SilentGreeting {
        return Ok(());
    }
    let server = TcpStream::connect(shared.upstream)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    shared.open.lock().unwrap_or_else(PoisonError::into_inner).push(server.try_clone()?);
    let phase = Arc::new(Phase::default());
    let (client_reader, server_writer) = (client.try_clone()?, server.try_clone()?);
    let requests = Arc::clone(&phase);
    thread::Builder::new().name("fault-proxy-up".to_owned()).spawn(move || {
        let _ = pump_requests(client_reader, server_writer, fault, &requests);
    })?;
    thread::Builder::new().name("fault-proxy-down".to_owned()).spawn(move || {
        let _ = pump_replies(server, client, fault, &phase);
    })?;
    Ok(())
}

/// What the two directions of a connection must know of each other.
#[derive(Default)]
struct Phase {
    /// The server has said 354 and the end of the message has not been seen.
    in_data: AtomicBool,
    /// The message has gone to the server; its answer is next.
    dot_passed: AtomicBool,
}

fn cut(one: &TcpStream, other: &TcpStream) {
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}

fn pump_requests(
    mut client: TcpStream,
    mut server: TcpStream,
    fault: Fault,
    phase: &Phase,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut passed = 0;
    let mut tail: Vec<u8> = Vec::new();
    loop {
        let count = client.read(&mut buffer)?;
        let bytes = &buffer[..count];
        if bytes.is_empty() {
            return server.shutdown(Shutdown::Write);
        }
        // The client sends nothing of the message before it has the 354, so a chunk is all message or all commands.
        if !phase.in_data.load(Ordering::SeqCst) {
            server.write_all(bytes)?;
            continue;
        }
        if let Fault::CutInData { after_bytes } = fault {
            let room = after_bytes - passed;
            if bytes.len() >= room {
                server.write_all(&bytes[..room])?;
                cut(&client, &server);
                return Ok(());
            }
        }
        passed += bytes.len();
        // The end may be split over two reads, so the last bytes of the one before are looked at again.
        tail.extend_from_slice(bytes);
        if tail.ends_with(END_OF_DATA) {
            phase.in_data.store(false, Ordering::SeqCst);
            phase.dot_passed.store(true, Ordering::SeqCst);
            (passed, tail) = (0, Vec::new());
        } else {
            tail.drain(..tail.len().saturating_sub(END_OF_DATA.len()));
        }
        server.write_all(bytes)?;
    }
}

fn pump_replies(mut server: TcpStream, mut client: TcpStream, fault: Fault, phase: &Phase) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = server.read(&mut buffer)?;
        let bytes = &buffer[..count];
        if bytes.is_empty() {
            return client.shutdown(Shutdown::Write);
        }
        if phase.dot_passed.swap(false, Ordering::SeqCst) {
            match fault {
                Fault::CutAfterFinalDot => {
                    cut(&client, &server);
                    return Ok(());
                }
                Fault::SilentAfterFinalDot => return Ok(()),
                Fault::None | Fault::SilentGreeting | Fault::CutBeforeData | Fault::CutInData { .. } => {}
            }
        }
        let consent = last_line_start(bytes);
        if bytes[consent..].starts_with(b"354") {
            if fault == Fault::CutBeforeData {
                // What was answered to the commands before is not withheld.
                client.write_all(&bytes[..consent])?;
                cut(&client, &server);
                return Ok(());
            }
            phase.in_data.store(true, Ordering::SeqCst);
        }
        client.write_all(bytes)?;
    }
}

/// Where the last line of some whole lines begins.
fn last_line_start(bytes: &[u8]) -> usize {
    bytes.trim_ascii_end().iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

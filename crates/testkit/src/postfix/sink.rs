//! An SMTP server that takes everything, remembers what it took and counts it by notification.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The header that carries the notification's id.
const NOTIFICATION_HEADER: &[u8] = b"X-Postrider-Notification:";
/// Whole messages kept; later ones are only counted, so that a drill with many does not fill the memory.
const MESSAGES_KEPT_MAX: usize = 10_000;
/// The longest line taken, in bytes; RFC 5321 allows 1,000.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Connections held at once.
const CONNECTIONS_MAX: usize = 256;

/// One message that arrived, in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The notification it is for; empty if the message names none.
    pub notification: String,
    /// The envelope recipient.
    pub recipient: String,
}

#[derive(Default)]
struct Taken {
    arrivals: Vec<Arrival>,
    messages: HashMap<String, Vec<Vec<u8>>>,
    kept: usize,
    connections: HashMap<u64, TcpStream>,
}

#[derive(Default)]
struct Shared {
    taken: Mutex<Taken>,
    changed: Condvar,
    stopping: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        // What a panicking test thread left behind is still a true count.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running sink. A message counts from the moment its final dot was read, answered or not: that is what "the other
/// side took it" means. Stops on drop and cuts its connections.
pub struct SmtpSink {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl SmtpSink {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// If no socket can be had.
    pub fn start() -> io::Result<Self> {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Starts on a given address.
    ///
    /// # Errors
    /// If the address is taken.
    pub fn start_on(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let acceptor = thread::Builder::new().name("smtp-sink".to_owned()).spawn({
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

    /// How many messages it took.
    #[must_use]
    pub fn total(&self) -> usize {
        self.shared.lock().arrivals.len()
    }

    /// How many messages it took for each notification.
    #[must_use]
    pub fn counts(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for arrival in &self.shared.lock().arrivals {
            *counts.entry(arrival.notification.clone()).or_insert(0) += 1;
        }
        counts
    }

    /// How many messages it took for one notification.
    #[must_use]
    pub fn count_of(&self, notification: &str) -> usize {
        self.shared.lock().arrivals.iter().filter(|arrival| arrival.notification == notification).count()
    }

    /// Every arrival, first one first.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.shared.lock().arrivals.clone()
    }

    /// The messages of one notification as they arrived, dots unstuffed; only the first ten thousand messages of all
    /// are kept.
    #[must_use]
    pub fn messages_of(&self, notification: &str) -> Vec<Vec<u8>> {
        self.shared.lock().messages.get(notification).cloned().unwrap_or_default()
    }

    /// Waits until at least `total` messages have arrived, or `timeout` is over, and says how many there are.
    #[must_use]
    pub fn wait_for_total(&self, total: usize, timeout: Duration) -> usize {
        let deadline = Instant::now() + timeout;
        let mut taken = self.shared.lock();
        loop {
            let arrived = taken.arrivals.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if arrived >= total || left.is_zero() {
                return arrived;
            }
            taken = match self.shared.changed.wait_timeout(taken, left) {
                Ok((taken, _)) => taken,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for connection in self.shared.lock().connections.values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // The acceptor sleeps in accept(2); a connection wakes it up to see that it is over.
        let _ = TcpStream::connect(self.addr);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept_connections(listener: &TcpListener, shared: &Arc<Shared>) {
    for number in 0.. {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok((stream, _)) = accepted else { continue };
        let Ok(handle) = stream.try_clone() else { continue };
        {
            let mut taken = shared.lock();
            if taken.connections.len() >= CONNECTIONS_MAX {
                continue;
            }
            taken.connections.insert(number, handle);
        }
        let session = Arc::clone(shared);
        let spawned = thread::Builder::new().name("smtp-sink-session".to_owned()).spawn(move || {
            // A connection that breaks is the client's business; what arrived whole has been counted.
            let _ = serve(&stream, &session);
            session.lock().connections.remove(&number);
        });
        if spawned.is_err() {
            shared.lock().connections.remove(&number);
        }
    }
}

/// One SMTP session (RFC 5321), with PIPELINING (RFC 2920).
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(64 * 1024, stream);
    let mut replies: Vec<u8> = b"220 sink.postrider.test ESMTP\r\n".to_vec();
    let mut recipient = String::new();
    let mut line = Vec::with_capacity(1024);
    loop {
        // A pipelining client has sent more already; its replies travel together.
        if !reader.buffer().contains(&b'\n') {
            (&mut &*stream).write_all(&replies)?;
            replies.clear();
        }
        if !read_line(&mut reader, &mut line)? {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match verb.as_slice() {
            b"EHLO" => b"250-sink.postrider.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n",
            b"HELO" | b"MAIL" | b"RSET" | b"NOOP" => b"250 2.0.0 Ok\r\n",
            b"RCPT" => {
                recipient = path_of(&line);
                b"250 2.1.5 Ok\r\n"
            }
            b"DATA" => {
                replies.extend_from_slice(b"354 End data with <CR><LF>.<CR><LF>\r\n");
                (&mut &*stream).write_all(&replies)?;
                replies.clear();
                let Some(message) = read_message(&mut reader, &mut line)? else { return Ok(()) };
                record(shared, message, std::mem::take(&mut recipient));
                b"250 2.0.0 Ok: counted\r\n"
            }
            b"QUIT" => {
                replies.extend_from_slice(b"221 2.0.0 Bye\r\n");
                return (&mut &*stream).write_all(&replies);
            }
            _ => b"500 5.5.2 Command not recognized\r\n",
        };
        replies.extend_from_slice(reply);
    }
}

/// Reads one line with its end; `false` when the client is gone.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    io::Read::take(&mut *reader, LINE_BYTES_MAX).read_until(b'\n', line)?;
    Ok(line.ends_with(b"\n"))
}

/// Reads a message up to its final dot; `None` when the connection ends before it.
fn read_message(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::with_capacity(16 * 1024);
    loop {
        if !read_line(reader, line)? {
            return Ok(None);
        }
        if line.as_slice() == b".\r\n" {
            return Ok(Some(message));
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
}

fn record(shared: &Shared, message: Vec<u8>, recipient: String) {
    let notification = notification_of(&message);
    let mut taken = shared.lock();
    if taken.kept < MESSAGES_KEPT_MAX {
        taken.kept += 1;
        taken.messages.entry(notification.clone()).or_default().push(message);
    }
    taken.arrivals.push(Arrival { notification, recipient });
    shared.changed.notify_all();
}

fn notification_of(message: &[u8]) -> String {
    message
        .split(|byte| *byte == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty())
        .find_map(|line| {
            let (name, value) = line.split_at_checked(NOTIFICATION_HEADER.len())?;
            name.eq_ignore_ascii_case(NOTIFICATION_HEADER)
                .then(|| String::from_utf8_lossy(value).trim().to_owned())
        })
        .unwrap_or_default()
}

fn path_of(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let start = text.find('<').map_or(0, |at| at + 1);
    let end = text.find('>').unwrap_or(text.len());
    text.get(start..end).unwrap_or_default().to_owned()
}

//! Postfix's own test programs: the sink both sides deliver to, and the source that loads the peer.

use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use postrider_testkit::postfix::reserved_addr;

use crate::Failure;

const SMTP_SINK: &str = "/usr/sbin/smtp-sink";
const SMTP_SOURCE: &str = "/usr/sbin/smtp-source";
/// How long a sink may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// How often the sink's counter is looked at: the error of every measured time, and rare enough to cost nothing.
const COUNTER_INTERVAL: Duration = Duration::from_millis(5);
/// How long a whole run may take before it is given up.
const RUN_MAX: Duration = Duration::from_secs(900);

/// A running smtp-sink(1), a process of its own that throws away what it takes and counts it.
#[derive(Debug)]
pub struct CountingSink {
    child: Child,
    counter: Option<ChildStdout>,
    addr: SocketAddr,
}

impl CountingSink {
    /// Starts one on a free loopback port.
    ///
    /// # Errors
    /// If it is not installed or does not listen in time.
    pub fn start() -> Result<Self, Failure> {
        let addr = reserved_addr()?;
        let mut child = Command::new(SMTP_SINK)
            .args(["-c", "-u", "postfix", &addr.to_string(), "1024"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!("cannot run {SMTP_SINK}: {error}; install it: apt-get install postfix")
            })?;
        let counter = child.stdout.take();
        let sink = Self { child, counter, addr };
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(addr).is_err() {
            if Instant::now() >= deadline {
                return Err(format!("{SMTP_SINK} does not listen on {addr}").into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(sink)
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Watches the counter from now on, from a thread of its own, until `total` messages have arrived. Once in a
    /// sink's life.
    ///
    /// # Errors
    /// If it is watched already.
    pub fn watch(&mut self, total: u64) -> Result<ArrivalWatch, Failure> {
        let counter = self.counter.take().ok_or("the sink is watched already")?;
        let (sender, arrived) = mpsc::channel();
        // The thread ends with the sink at the latest, and nobody may be listening any more by then.
        thread::spawn(move || drop(sender.send(watch_counter(counter, total))));
        Ok(ArrivalWatch(arrived))
    }
}

/// A look-out for the last of a run's messages.
#[derive(Debug)]
pub struct ArrivalWatch(mpsc::Receiver<Result<Instant, Failure>>);

impl ArrivalWatch {
    /// Waits for the last message and says when it arrived.
    ///
    /// # Errors
    /// If the sink ends before, or the run takes longer than any sensible one.
    pub fn wait(self) -> Result<Instant, Failure> {
        self.0.recv_timeout(RUN_MAX).map_err(|_| format!("not everything arrived within {RUN_MAX:?}"))?
    }
}

impl Drop for CountingSink {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch_counter(mut counter: ChildStdout, total: u64) -> Result<Instant, Failure> {
    let mut buffer = vec![0; 64 * 1024];
    let mut text = Vec::new();
    let mut arrived = 0;
    loop {
        match counter.read(&mut buffer) {
            Ok(0) => return Err(format!("{SMTP_SINK} ended after {arrived} messages").into()),
            Ok(count) => text.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        }
        arrived = last_count(&text).unwrap_or(arrived);
        if arrived >= total {
            return Ok(Instant::now());
        }
        text.drain(..text.len().saturating_sub(64));
        thread::sleep(COUNTER_INTERVAL);
    }
}

/// The last complete `mesg=N` of a counter line, as in `sess=1 quit=0 mesg=17\r`.
fn last_count(text: &[u8]) -> Option<u64> {
    let end = text.iter().rposition(|byte| *byte == b'\r')?;
    let line = text[..end].rsplit(|byte| *byte == b'\r').next()?;
    let text = std::str::from_utf8(line).ok()?;
    text.rsplit_once("mesg=")?.1.trim().parse().ok()
}

/// Sends `count` messages with `body_bytes` of body each through `sessions` parallel sessions to `server`, with
/// smtp-source(1), and waits until the server has taken the last.
///
/// # Errors
/// If it is not installed or a message is refused.
pub fn send(server: SocketAddr, count: u64, body_bytes: usize, sessions: usize) -> Result<(), Failure> {
    let status = Command::new(SMTP_SOURCE)
        .args(["-d", "-s", &sessions.to_string(), "-m", &count.to_string(), "-l", &body_bytes.to_string()])
        .args(["-f", "orders@shop.example.com", "-t", "customer@example.com", &server.to_string()])
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run {SMTP_SOURCE}: {error}; install it: apt-get install postfix"))?;
    if status.success() { Ok(()) } else { Err(format!("{SMTP_SOURCE} ended with {status}").into()) }
}

#[cfg(test)]
mod tests {
    use super::last_count;

    #[test]
    fn only_a_complete_counter_line_counts() {
        assert_eq!(
            last_count(b"sess=1 quit=0 mesg=41\rsess=1 quit=0 mesg=42\rsess=1 quit=0 mesg=4"),
            Some(42)
        );
        assert_eq!(last_count(b"sess=1 quit=0 mesg=4"), None);
    }
}

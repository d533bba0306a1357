//! A load generator that costs almost nothing, because it shares the processors with what it measures: one thread,
//! one poll(2) loop, requests prepared beforehand, each connection sends its next request when it has its answer.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Failure;
use crate::http::request_head;
use crate::latency::Latencies;

/// How long the server may stay silent on every connection before the run is given up.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What a run saw.
#[derive(Debug)]
pub struct LoadReport {
    /// When the first request was sent.
    pub started: Instant,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// From each request to the end of its answer.
    pub latencies: Latencies,
    /// Requests that got something else than 202, with the last such answer.
    pub refused: usize,
    /// One such answer.
    pub refusal: Option<String>,
}

struct Connection {
    stream: TcpStream,
    /// Whether a request is on its way.
    waiting: bool,
    sent_at: Instant,
    answer: Vec<u8>,
}

/// Makes complete requests `POST /v1/events` of event bodies.
#[must_use]
pub fn prepare(server: SocketAddr, bodies: impl Iterator<Item = String>) -> Vec<Vec<u8>> {
    bodies
        .map(|body| {
            let mut request = request_head("/v1/events", server, body.len()).into_bytes();
            request.extend_from_slice(body.as_bytes());
            request
        })
        .collect()
}

/// Sends every request once over `connections` kept-alive connections, in a closed loop.
///
/// # Errors
/// If the server cannot be reached, closes a connection or falls silent.
pub fn run(server: SocketAddr, requests: &[Vec<u8>], connections: usize) -> Result<LoadReport, Failure> {
    let mut poll = Poll::new()?;
    let mut open = Vec::with_capacity(connections);
    for number in 0..connections {
        // Connected while blocking: the run measures requests, not handshakes.
        let stream = std::net::TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
        open.push(Connection {
            stream,
            waiting: false,
            sent_at: Instant::now(),
            answer: Vec::with_capacity(2048),
        });
    }
    let started = Instant::now();
    let mut report = LoadReport {
        started,
        elapsed: Duration::ZERO,
        latencies: Latencies::default(),
        refused: 0,
        refusal: None,
    };
    let mut next = 0;
    let mut done = 0;
    for connection in &mut open {
        next += usize::from(connection.begin(requests, next)?);
    }
    let mut events = Events::with_capacity(connections);
    while done < requests.len() {
        poll.poll(&mut events, Some(SILENCE_MAX))?;
        if events.is_empty() {
            return Err(
                format!("no answer within {SILENCE_MAX:?}, {done} of {} had one", requests.len()).into()
            );
        }
        for event in &events {
            let connection = &mut open[event.token().0];
            let Some(answer) = connection.read_answer()? else { continue };
            done += 1;
            report.latencies.record(connection.sent_at.elapsed());
            if answer != 202 {
                report.refused += 1;
                report.refusal = Some(String::from_utf8_lossy(&connection.answer).into_owned());
            }
            connection.answer.clear();
            // The next answer is announced by an event of its own, even though this one was not read to the end of
            // what the socket may hold: nothing more comes before something more is sent.
            next += usize::from(connection.begin(requests, next)?);
        }
    }
    report.elapsed = started.elapsed();
    Ok(report)
}

impl Connection {
    /// Sends request number `next`, if there is one. A kilobyte always fits an empty socket buffer; a server that
    /// does not read is an error, not a case.
    fn begin(&mut self, requests: &[Vec<u8>], next: usize) -> Result<bool, Failure> {
        let Some(request) = requests.get(next) else {
            self.waiting = false;
            return Ok(false);
        };
        self.sent_at = Instant::now();
        let written = self.stream.write(request)?;
        if written != request.len() {
            return Err("the server does not read what it is sent".into());
        }
        self.waiting = true;
        Ok(true)
    }

    /// Reads on; the status of the answer once it is complete.
    fn read_answer(&mut self) -> Result<Option<u16>, Failure> {
        if !self.waiting {
            return Ok(None);
        }
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err("the server closed a connection with a request on it".into()),
                Ok(count) => {
                    self.answer.extend_from_slice(&buffer[..count]);
                    if let Some(status) = complete(&self.answer) {
                        return Ok(Some(status));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The status of a complete answer; `None` while bytes are missing.
fn complete(answer: &[u8]) -> Option<u16> {
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..head_end]).ok()?;
    let length: usize = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    let status = head.get(9..12)?.parse().ok()?;
    (answer.len() >= head_end + 4 + length).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::complete;

    #[test]
    fn an_answer_is_complete_when_its_whole_body_is_there() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(complete(answer), Some(202));
        assert_eq!(complete(&answer[..answer.len() - 1]), None);
        assert_eq!(complete(b"HTTP/1.1 202 Acc"), None);
    }
}

//! An HTTP/1.1 client of the smallest kind: one kept-alive connection, blocking, bodies with a known length.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long one answer may take. A `POST` waits for a disk that other processes share.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer read: a page of a hundred notifications is far below.
const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header field.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, `null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// A client of one server. Connects when it must, and again after a failure.
#[derive(Debug)]
pub struct Client {
    server: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A client of the server at `server`; nothing is connected yet.
    #[must_use]
    pub fn new(server: SocketAddr) -> Self {
        Self { server, connection: None }
    }

    /// `GET path`.
    ///
    /// # Errors
    /// If the server cannot be reached or breaks off.
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.server), b"")
    }

    /// `POST path` with a JSON body. Not repeated here: whether it may be is for the caller to know.
    ///
    /// # Errors
    /// If the server cannot be reached or breaks off; the request may have had its effect.
    pub fn post(&mut self, path: &str, body: &str) -> io::Result<Answer> {
        let head = request_head(path, self.server, body.len());
        self.send(&head, body.as_bytes())
    }

    fn send(&mut self, head: &str, body: &[u8]) -> io::Result<Answer> {
        let answer = self.exchange(head, body);
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    fn exchange(&mut self, head: &str, body: &[u8]) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(connect(self.server)?),
        };
        let mut request = Vec::with_capacity(head.len() + body.len());
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(body);
        connection.get_mut().write_all(&request)?;
        let answer = read_answer(&mut connection)?;
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

/// The head of a `POST` with a JSON body of `length` bytes.
#[must_use]
pub fn request_head(path: &str, server: SocketAddr, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    Ok(stream)
}

fn read_answer(reader: &mut impl BufRead) -> io::Result<Answer> {
    let malformed = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection unasked"));
    }
    let status = line
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| malformed("the answer has no status"))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer's head is cut off"));
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    let length: u64 = match answer.header("content-length") {
        Some(length) => length.parse().map_err(|_| malformed("the answer's length is no number"))?,
        None if status == 204 => 0,
        None => return Err(malformed("the answer has no content-length")),
    };
    if length > BODY_BYTES_MAX {
        return Err(malformed("the answer is larger than anything expected"));
    }
    reader.take(length).read_to_end(&mut answer.body)?;
    if answer.body.len() as u64 != length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer's body is cut off"));
    }
    Ok(answer)
}

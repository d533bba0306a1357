//! One connection of a function to the Runtime API: HTTP/1.1, kept open, answers in one piece.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// What Lambda takes as an answer of a function is at most 6 MB; a little more, so that it can be refused.
const BODY_BYTES_MAX: usize = 6 * 1024 * 1024 + 1024;
/// The longest line of a head or of a chunk's size.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// The most header fields of a request.
const HEADERS_MAX: usize = 100;

/// A request of the function's runtime.
#[derive(Debug)]
pub(super) struct Request {
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
}

/// The open connection.
pub(super) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        // With delayed acknowledgements a second segment would wait forty milliseconds.
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The next request; nothing where the function has closed the connection.
    pub fn next(&mut self) -> io::Result<Option<Request>> {
        let first = self.line()?;
        if first.is_empty() {
            return Ok(None);
        }
        let mut parts = first.split(' ');
        let (Some(method), Some(path)) = (parts.next(), parts.next()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a request"));
        };
        let (method, path) = (method.to_owned(), path.to_owned());
        let (mut length, mut is_chunked) = (0, false);
        for _ in 0..HEADERS_MAX {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "transfer-encoding" => is_chunked = value.to_ascii_lowercase().contains("chunked"),
                _ => {}
            }
        }
        let body = if is_chunked { self.chunks()? } else { self.exactly(length)? };
        Ok(Some(Request { method, path, body }))
    }

    /// Answers the request.
    pub fn answer(&mut self, status: &str, headers: &[(&str, String)], body: &[u8]) -> io::Result<()> {
        let mut bytes = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n");
        for (name, value) in headers {
            bytes += &format!("{name}: {value}\r\n");
        }
        bytes += &format!("content-length: {}\r\n\r\n", body.len());
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(body);
        self.0.get_mut().write_all(&bytes)
    }

    /// A line without its end.
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        (&mut self.0).take(LINE_BYTES_MAX).read_line(&mut line)?;
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > BODY_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a function answers at most 6 MB"));
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(body)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if size == 0 {
                break;
            }
            if body.len() + size > BODY_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a function answers at most 6 MB"));
            }
            body.extend(self.exactly(size)?);
            let _ = self.line()?;
        }
        // Trailers say what went wrong in a stream that was broken off; then an empty line.
        for _ in 0..HEADERS_MAX {
            if self.line()?.is_empty() {
                break;
            }
        }
        Ok(body)
    }
}

//! The bytes of one connection: lines in, answers out.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use memchr::{memchr, memchr2};
use postrider_core::limits::{LISTENER_COMMAND_BYTES_MAX, LISTENER_WRITE_TIMEOUT_MS};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

/// Bytes read at once.
const BUFFER_BYTES: usize = 16 * 1024;
/// Bytes of answers that are not kept back any longer, though more commands have come.
const ANSWERS_BYTES_MAX: usize = 8 * 1024;
/// How long a client may take to hang up after our last words, and how much it may still say. Hanging up on a client that
/// is still talking would take the last words from it.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Both directions of a connection.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// What stood in a command line's place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its end.
    Whole(Vec<u8>),
    /// A line with a CR or LF that stands alone.
    BareLineEnd,
    /// No end within [`LISTENER_COMMAND_BYTES_MAX`].
    TooLong,
}

/// A connection, what was read from it ahead of time, and answers not yet sent.
pub(super) struct Wire {
    stream: Box<dyn Duplex>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    answers: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Duplex>) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { stream, buffer, start: 0, end: 0, answers: Vec::new() }
    }

    /// The stream alone. What was read ahead is lost; ask [`Wire::is_quiet`] first.
    pub(super) fn into_stream(self) -> Box<dyn Duplex> {
        self.stream
    }

    /// What was read and not yet used.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Marks the first `length` unread bytes as used.
    pub(super) fn consume(&mut self, length: usize) {
        self.start = (self.start + length).min(self.end);
    }

    /// The next command line, if it has come.
    pub(super) fn take_line(&mut self) -> Option<Line> {
        let unread = self.unread();
        let within = &unread[..unread.len().min(LISTENER_COMMAND_BYTES_MAX)];
        let Some(length) = memchr(b'\n', within) else {
            return (unread.len() >= LISTENER_COMMAND_BYTES_MAX).then_some(Line::TooLong);
        };
        let line = match within[..length].strip_suffix(b"\r") {
            Some(line) if memchr2(b'\r', b'\n', line).is_none() => Line::Whole(line.to_vec()),
            _ => Line::BareLineEnd,
        };
        self.consume(length + 1);
        Some(line)
    }

    /// Reads more. Nothing is lost when it is given up before it is done.
    pub(super) async fn fill(&mut self) -> io::Result<()> {
        let free = self.free();
        let read = self.stream.read(&mut self.buffer[free..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.end += read;
        Ok(())
    }

    /// Whether the client has said nothing yet after what was used, as far as is known without waiting.
    pub(super) async fn is_quiet(&mut self) -> bool {
        if self.start < self.end {
            return false;
        }
        let free = self.free();
        let Self { stream, buffer, end, .. } = self;
        let read = poll_fn(|cx| {
            let mut unasked = ReadBuf::new(&mut buffer[free..]);
            let polled = Pin::new(&mut *stream).poll_read(cx, &mut unasked);
            Poll::Ready(if polled.is_ready() { unasked.filled().len() } else { 0 })
        })
        .await;
        *end += read;
        read == 0
    }

    /// Where there is room, after making some.
    fn free(&mut self) -> usize {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.end
    }

    /// Adds a line to the answers. [`Wire::flush`] sends them.
    pub(super) fn say(&mut self, answer: &str) {
        self.answers.extend_from_slice(answer.as_bytes());
        self.answers.extend_from_slice(b"\r\n");
    }

    /// Whether the answers not yet sent are enough for once.
    pub(super) fn owes_much(&self) -> bool {
        self.answers.len() >= ANSWERS_BYTES_MAX
    }

    /// Sends the answers there are.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.answers.is_empty() {
            return Ok(());
        }
        let Self { stream, answers, .. } = self;
        let written = timeout(Duration::from_millis(LISTENER_WRITE_TIMEOUT_MS), async {
            stream.write_all(answers).await?;
            stream.flush().await
        });
        let result = written.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        answers.clear();
        result
    }

    /// Sends what is left to say and ends the connection so that the client can hear it.
    pub(super) async fn hang_up(mut self) {
        if self.flush().await.is_err() {
            return;
        }
        let Self { mut stream, mut buffer, .. } = self;
        let lingered = timeout(LINGER, async {
            stream.shutdown().await?;
            let mut forgotten = 0;
            while forgotten < LINGER_BYTES_MAX {
                match stream.read(&mut buffer).await? {
                    0 => break,
                    read => forgotten += read,
                }
            }
            io::Result::Ok(())
        });
        // However it ends, it ends.
        let _ = lingered.await;
    }
}

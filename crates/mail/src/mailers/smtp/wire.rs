//! The bytes of one connection: whole commands out, whole replies in, each before its deadline.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use memchr::memchr;
use postrider_core::limits::SMTP_REPLY_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::client::TlsStream;

use super::outcome::Breakage;
use super::reply::{InvalidReply, Reply, parse};

/// Bytes read at once; more than one reply may arrive together when commands are pipelined.
const BUFFER_BYTES: usize = 2 * SMTP_REPLY_BYTES_MAX;

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection and what was read from it ahead of time.
pub(super) struct Wire {
    stream: Stream,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, buffer: vec![0; BUFFER_BYTES].into_boxed_slice(), start: 0, end: 0 }
    }

    /// The stream alone. What was read ahead is lost; ask [`Wire::has_unread`] first.
    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    /// Whether bytes are left that answer nothing we asked.
    pub(super) fn has_unread(&self) -> bool {
        self.start < self.end
    }

    /// Reads one reply. The deadline holds for the whole reply: bytes that drip in do not extend it.
    pub(super) async fn read_reply(&mut self, deadline: Instant) -> Result<Reply, Breakage> {
        if let Some(reply) = self.take_reply()? {
            return Ok(reply);
        }
        timeout_at(deadline, self.fill_reply()).await.unwrap_or(Err(Breakage::TimedOut))
    }

    async fn fill_reply(&mut self) -> Result<Reply, Breakage> {
        loop {
            if self.start == self.end {
                (self.start, self.end) = (0, 0);
            } else if self.end == self.buffer.len() {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            let free = &mut self.buffer[self.end..];
            let read = self.stream.read(free).await.map_err(|_| Breakage::Disconnected)?;
            if read == 0 {
                return Err(Breakage::Disconnected);
            }
            let fresh = self.end;
            self.end += read;
            // A reply cannot be complete without a new line end; parsing at every drip would be quadratic.
            let is_worth_parsing = memchr(b'\n', &self.buffer[fresh..self.end]).is_some()
                || self.end - self.start > SMTP_REPLY_BYTES_MAX;
            if is_worth_parsing && let Some(reply) = self.take_reply()? {
                return Ok(reply);
            }
        }
    }

    fn take_reply(&mut self) -> Result<Option<Reply>, Breakage> {
        match parse(&self.buffer[self.start..self.end]) {
            Ok(Some((reply, length))) => {
                self.start += length;
                Ok(Some(reply))
            }
            Ok(None) => Ok(None),
            Err(InvalidReply::Malformed) => Err(Breakage::Unintelligible),
            Err(InvalidReply::TooLong) => Err(Breakage::ReplyTooLong),
        }
    }

    /// Writes all of `bytes`. No single write may stall longer than `stall`, nor all of them go past `deadline`.
    ///
    /// After an error, or when this future is dropped before it is done, the last of `bytes` was certainly not sent: a
    /// write that fails, and one that never became ready, leave at least their own bytes behind, and TLS sends its
    /// records in order.
    pub(super) async fn write_all(
        &mut self,
        bytes: &[u8],
        stall: Duration,
        deadline: Instant,
    ) -> Result<(), Breakage> {
        timeout_at(deadline, async {
            let mut rest = bytes;
            while !rest.is_empty() {
                let written = match timeout(stall, self.stream.write(rest)).await {
                    Ok(Ok(0) | Err(_)) => return Err(Breakage::Disconnected),
                    Ok(Ok(written)) => written,
                    Err(_) => return Err(Breakage::TimedOut),
                };
                rest = &rest[written..];
            }
            match timeout(stall, self.stream.flush()).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(Breakage::Disconnected),
                Err(_) => Err(Breakage::TimedOut),
            }
        })
        .await
        .unwrap_or(Err(Breakage::TimedOut))
    }

    /// Whether the connection is open and the server has said nothing unasked, as far as is known without waiting.
    pub(super) async fn is_quiet(&mut self) -> bool {
        if self.has_unread() {
            return false;
        }
        let mut byte = [0];
        poll_fn(|cx| {
            let mut unasked = ReadBuf::new(&mut byte);
            Poll::Ready(Pin::new(&mut self.stream).poll_read(cx, &mut unasked).is_pending())
        })
        .await
    }

    /// Writes what fits without waiting, then gives the connection up.
    pub(super) async fn write_last_words(mut self, bytes: &[u8]) {
        poll_fn(|cx| {
            // Whether the words arrive does not matter: the connection ends either way.
            let _ = Pin::new(&mut self.stream).poll_write(cx, bytes).is_ready();
            Poll::Ready(())
        })
        .await;
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

//! Gives up on a client that does not take its answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use postrider_core::limits::{HTTP_ANSWER_MS_MAX, HTTP_WRITE_STALL_MS_MAX};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may keep an answer waiting.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Without taking a byte.
    pub stall: Duration,
    /// For the whole of it: whoever takes a byte now and then never stalls.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            stall: Duration::from_millis(HTTP_WRITE_STALL_MS_MAX),
            answer: Duration::from_millis(HTTP_ANSWER_MS_MAX),
        }
    }
}

/// A stream whose writes fail once the other side has kept them waiting for too long. Costs nothing while writes go
/// through at once, as those of small answers do.
#[derive(Debug)]
pub struct WriteDeadline<S> {
    stream: S,
    patience: Patience,
    is_stalled: bool,
    /// When the answer that is being written must be out; set when the client first kept it waiting.
    answer_until: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteDeadline<S> {
    /// Watches the writes to `stream`.
    pub fn new(stream: S, patience: Patience) -> Self {
        Self { stream, patience, is_stalled: false, answer_until: None, timer: None }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_stalled = false;
            return written;
        }
        let newly = !std::mem::replace(&mut self.is_stalled, true);
        let timer = match &mut self.timer {
            Some(timer) if !newly => timer,
            timer => {
                let now = Instant::now();
                let answer_until = *self.answer_until.get_or_insert(now + self.patience.answer);
                let deadline = answer_until.min(now + self.patience.stall);
                let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                timer.as_mut().reset(deadline);
                timer
            }
        };
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client did not take its answer in time",
            ))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteDeadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteDeadline<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when everything has been written: the answer is out.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.answer_until = None;
        }
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_given_up() {
        let (server, _client) = duplex(16);
        let mut server = WriteDeadline::new(server, Patience { stall: SHORT, answer: LONG });
        let error = server.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_reads_a_byte_now_and_then_is_given_up_too() {
        let (server, mut client) = duplex(16);
        let mut server = WriteDeadline::new(server, Patience { stall: LONG, answer: SHORT });
        let trickle = tokio::spawn(async move {
            while client.read_u8().await.is_ok() {
                tokio::task::yield_now().await;
            }
        });
        let error = loop {
            if let Err(error) = server.write_all(&[0; 64]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(server);
        trickle.await.unwrap();
    }

    #[tokio::test]
    async fn each_answer_has_its_own_time() {
        let (server, mut client) = duplex(16);
        let mut server = WriteDeadline::new(server, Patience { stall: LONG, answer: LONG });
        let mut taken = [0; 64];
        let (written, read) = tokio::join!(server.write_all(&[7; 64]), client.read_exact(&mut taken));
        assert_eq!((written.is_ok(), read.unwrap()), (true, 64));
        assert!(server.answer_until.is_some(), "the client kept the answer waiting");
        server.flush().await.unwrap();
        assert_eq!((server.answer_until, server.is_stalled), (None, false));
    }
}

//! The little of an HTTP client that commands need: one request a connection, each within bounds.

use std::convert::Infallible;
use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::commands::Failure;
use crate::server_file::INSTANCE_HEADER;

/// How long a server may take to take a connection, and to say who it is.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long a server may take for a whole answer.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// How long a server may fall silent in the middle of a download.
const SILENCE_TIME: Duration = Duration::from_secs(60);
/// Bytes of an answer a command reads whole.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An answer as it came.
pub struct Received {
    /// The HTTP status.
    pub status: StatusCode,
    /// The header.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Bytes,
}

/// What takes a download, part by part.
pub type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> Result<(), Failure> + Send);

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Connects to the server at `authority`, such as `127.0.0.1:8025`.
///
/// # Errors
/// If nobody takes the connection.
pub async fn connect(authority: &str) -> Result<TcpStream, Failure> {
    match timeout(CONNECT_TIME, TcpStream::connect(authority)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Failure::new(format!(
            "no server answers at http://{authority}: {error}. Start one with `postrider serve`, or name another with \
             --server"
        ))),
        Err(_) => Err(Failure::new(format!(
            "the server at http://{authority} did not take a connection within {} s; nothing was asked. See whether it \
             and the network are well, then try again",
            CONNECT_TIME.as_secs()
        ))),
    }
}

/// Sends one request and reads its answer.
///
/// # Errors
/// If there is no answer, or not in time.
pub async fn exchange(authority: &str, request: Request<Full<Bytes>>) -> Result<Received, Failure> {
    let stream = connect(authority).await?;
    match timeout(ANSWER_TIME, talk(stream, request)).await {
        Ok(Ok(received)) => Ok(received),
        Ok(Err(error)) => Err(Failure::new(format!(
            "the server at http://{authority} did not answer: {error}. What was asked may be done all the same; asking \
             again is safe, no order is mailed twice"
        ))),
        Err(_) => Err(Failure::new(format!(
            "the server at http://{authority} did not answer within {} s. What was asked may be done all the same; see \
             whether the server is well (`/readyz`, its log), then ask again: no order is mailed twice",
            ANSWER_TIME.as_secs()
        ))),
    }
}

/// Which running server is at `authority`, by the name it gave itself at its start; `None` if none is that says so.
pub async fn instance_at(authority: &str) -> Option<String> {
    let request = Request::get("/healthz").header(header::HOST, authority).body(Full::default()).ok()?;
    let asking = async { talk(TcpStream::connect(authority).await?, request).await };
    let received = timeout(CONNECT_TIME, asking).await.ok()?.ok()?;
    Some(received.headers.get(INSTANCE_HEADER)?.to_str().ok()?.to_owned())
}

/// Sends one request and hands the body of a success on as it comes, however long it is. What is no success is read whole.
/// Returns only once the whole body has come.
///
/// # Errors
/// If there is no answer, it breaks off, or `sink` refuses it.
pub async fn download(
    authority: &str,
    request: Request<Full<Bytes>>,
    sink: Sink<'_>,
) -> Result<Received, Failure> {
    let stream = connect(authority).await?;
    let conversing = converse(stream, async |mut sender: SendRequest<Full<Bytes>>| {
        let answer = timeout(ANSWER_TIME, sender.send_request(request)).await.map_err(Fault::from)??;
        Ok(pour(answer, sink).await)
    });
    conversing.await.unwrap_or_else(|error| {
        Err(Failure::new(format!("the server at http://{authority} did not answer: {error}; ask again")))
    })
}

/// Hands the body of a success on to `sink`, part by part; reads whole what is none.
///
/// # Errors
/// If the body breaks off or `sink` refuses it.
pub async fn pour<B>(answer: http::Response<B>, sink: Sink<'_>) -> Result<Received, Failure>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Fault>,
{
    let (head, mut body) = answer.into_parts();
    let broken = |error: Fault| Failure::new(format!("the answer broke off: {error}"));
    if !head.status.is_success() {
        let bytes = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(broken)?.to_bytes();
        return Ok(Received { status: head.status, headers: head.headers, bytes });
    }
    loop {
        let Ok(frame) = timeout(SILENCE_TIME, body.frame()).await else {
            let silence = SILENCE_TIME.as_secs();
            return Err(Failure::new(format!("the answer broke off: nothing more came for {silence} s")));
        };
        match frame {
            None => return Ok(Received { status: head.status, headers: head.headers, bytes: Bytes::new() }),
            Some(Ok(frame)) => {
                if let Some(part) = frame.data_ref() {
                    sink(part)?;
                }
            }
            Some(Err(error)) => return Err(broken(error.into())),
        }
    }
}

async fn talk(stream: TcpStream, request: Request<Full<Bytes>>) -> Result<Received, Fault> {
    converse(stream, async |mut sender: SendRequest<Full<Bytes>>| {
        let (head, body): (_, Incoming) = sender.send_request(request).await?.into_parts();
        let bytes = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok(Received { status: head.status, headers: head.headers, bytes })
    })
    .await
}

/// Asks over a new HTTP connection on `stream`.
async fn converse<T>(
    stream: TcpStream,
    ask: impl AsyncFnOnce(SendRequest<Full<Bytes>>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // The connection only moves while somebody polls it. Once it is over, the request tells how it went.
    let driving = async {
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        answer = ask(sender) => answer,
        never = driving => match never {},
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// An address that takes connections and never says anything.
    async fn silent() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        (listener, authority)
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_given_up_in_words_that_say_what_to_do() {
        let (_listener, authority) = silent().await;
        let request = Request::get("/v1/types").body(Full::default()).unwrap();
        let failure = exchange(&authority, request).await.err().unwrap().to_string();
        assert!(failure.contains("within 60 s") && failure.contains("ask again"), "{failure}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_says_who_it_is_is_no_server_of_ours() {
        let (_listener, authority) = silent().await;
        assert_eq!(instance_at(&authority).await, None);
    }

    #[tokio::test]
    async fn an_address_where_nobody_listens_is_told_with_the_way_to_start() {
        let (listener, authority) = silent().await;
        drop(listener);
        let failure = connect(&authority).await.err().unwrap().to_string();
        assert!(failure.contains(&authority) && failure.contains("postrider serve"), "{failure}");
    }
}

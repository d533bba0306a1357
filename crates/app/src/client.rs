//! The little of an HTTP client that commands need: one request a connection, each within bounds.

use std::convert::Infallible;
use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::commands::Failure;
use crate::server_file::INSTANCE_HEADER;

/// How long a server may take to take a connection, and to say who it is.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long a server may take for a whole answer.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Bytes of an answer a command reads.
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

async fn talk(
    stream: TcpStream,
    request: Request<Full<Bytes>>,
) -> Result<Received, Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let asking = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let bytes = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok(Received { status: head.status, headers: head.headers, bytes })
    };
    // The connection only moves while somebody polls it. Once it is over, the request tells how it went.
    let driving = async {
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        received = asking => received,
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

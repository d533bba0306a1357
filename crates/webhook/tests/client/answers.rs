//! What is sent, and what is made of the answer.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::WEBHOOK_ANSWER_BYTES_MAX;
use postrider_webhook::{
    Judgement, OutboundClient, OutboundConfig, OutboundError, WebhookSecret, judge, sign, signed_headers,
};

use crate::receiver::{Names, Play, Receiver, SHORT_TIMEOUT_MS, client, post, private};

const OK: &str = "HTTP/1.1 200 OK\r\n";

fn hasty() -> OutboundClient {
    let config = OutboundConfig { timeout_ms: SHORT_TIMEOUT_MS, ..private() };
    OutboundClient::with_resolver(config, Names::new(&[])).unwrap()
}

fn say(words: &str) -> Play {
    Play::Say(words.to_owned())
}

#[tokio::test]
async fn a_signed_call_arrives_as_it_was_signed() {
    let receiver = Receiver::start(say("HTTP/1.1 204 No Content\r\n\r\n")).await;
    let secrets = [WebhookSecret::generate([1; 32]), WebhookSecret::generate([2; 32])];
    let body = Bytes::from_static(br#"{"type":"notification.bounced"}"#);
    let now = Timestamp::from_millis(1_795_428_000_000);
    let mut headers = signed_headers(&secrets, "whm_1", now, &body).unwrap();
    headers.insert("host", HeaderValue::from_static("evil.example"));
    let called = client().post(&receiver.url(), headers, body.clone()).await;
    assert_eq!(judge(&called, now), Judgement::Delivered);
    let request = receiver.requests().remove(0);
    let (head, sent) = request.split_once("\r\n\r\n").unwrap();
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines[0], "POST /hook?a=b HTTP/1.1");
    assert_eq!(sent.as_bytes(), body);
    let signature = sign(&secrets, "whm_1", 1_795_428_000, &body);
    for line in [
        format!("host: 127.0.0.1:{}", receiver.port),
        "webhook-id: whm_1".to_owned(),
        "webhook-timestamp: 1795428000".to_owned(),
        format!("webhook-signature: {signature}"),
        "content-type: application/json".to_owned(),
        format!("content-length: {}", body.len()),
        format!("user-agent: Postrider/{}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(lines.contains(&line.as_str()), "{line} is not in {head}");
    }
    assert!(!head.contains("evil.example"));
}

#[tokio::test]
async fn an_answer_is_brought_back_whole() {
    let words = format!("{OK}content-length: 5\r\nretry-after: 7\r\n\r\nhello");
    let receiver = Receiver::start(say(&words)).await;
    let answer = post(&client(), &receiver.url()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice(), answer.is_whole), (200, &b"hello"[..], true));
    assert_eq!(answer.headers["retry-after"], "7");
    let chunked = format!("{OK}transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    let receiver = Receiver::start(say(&chunked)).await;
    assert_eq!(client().get(&receiver.url(), 5).await.unwrap().body, b"hello");
    assert!(receiver.requests()[0].starts_with("GET /hook?a=b HTTP/1.1\r\n"));
}

#[tokio::test]
async fn gone_means_gone_and_everything_else_a_failure() {
    for (words, expected) in [
        ("HTTP/1.1 410 Gone\r\n\r\n", "gone"),
        ("HTTP/1.1 500 Oops\r\n\r\n", "http_500"),
        ("HTTP/1.1 404 What\r\n\r\n", "http_404"),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "http_101"),
        ("SMTP 220 hello\r\n\r\n", "answer_broken"),
        ("", "answer_broken"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx", "answer_broken"),
    ] {
        let receiver = Receiver::start(say(words)).await;
        let judged = judge(&post(&client(), &receiver.url()).await, Timestamp::EPOCH);
        let judged = match judged {
            Judgement::Delivered => "delivered".to_owned(),
            Judgement::Gone => "gone".to_owned(),
            Judgement::Failed { cause, .. } => cause.as_str().to_owned(),
        };
        assert_eq!(judged, expected, "{words:?}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_read_to_its_bound() {
    for head in ["", "content-length: 99999999999\r\n", "transfer-encoding: chunked\r\n"] {
        let more = if head.starts_with("transfer") { "4\r\nblah\r\n" } else { "blah" };
        let receiver = Receiver::start(Play::Endless(format!("{OK}{head}\r\n"), more.to_owned())).await;
        let answer = post(&client(), &receiver.url()).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.is_whole), (200, false));
        assert_eq!(answer.body.len(), WEBHOOK_ANSWER_BYTES_MAX);
        assert_eq!(client().get(&receiver.url(), 1_000).await, Err(OutboundError::TooLarge));
    }
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    for more in ["x-more: 0123456789012345678901234567890123456789\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let start = if more.starts_with('x') { OK.to_owned() } else { format!("{OK}x: ") };
        let receiver = Receiver::start(Play::Endless(start, more.to_owned())).await;
        assert_eq!(post(&client(), &receiver.url()).await, Err(OutboundError::Broken), "{more}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_too_slow_is_not_waited_for() {
    for words in ["", OK, "HTTP/1.1 100 Continue\r\n\r\n"] {
        let receiver = Receiver::start(Play::Stall(words.to_owned())).await;
        assert_eq!(post(&hasty(), &receiver.url()).await, Err(OutboundError::TimedOut), "{words:?}");
        assert_eq!(receiver.connections(), 1);
    }
    let receiver =
        Receiver::start(Play::Endless(String::new(), "HTTP/1.1 100 Continue\r\n\r\n".to_owned())).await;
    assert_eq!(post(&hasty(), &receiver.url()).await, Err(OutboundError::TimedOut));
}

#[tokio::test]
async fn an_answer_that_stalls_after_its_status_was_given_all_the_same() {
    let receiver = Receiver::start(Play::Stall(format!("{OK}content-length: 10\r\n\r\nhel"))).await;
    let answer = post(&hasty(), &receiver.url()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice(), answer.is_whole), (200, &b"hel"[..], false));
    // A file, however, is whole or is not there.
    assert_eq!(hasty().get(&receiver.url(), 100).await, Err(OutboundError::TimedOut));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_file() {
    let receiver = Receiver::start(say(&format!("{OK}content-length: 10\r\n\r\nhel"))).await;
    assert_eq!(client().get(&receiver.url(), 100).await, Err(OutboundError::Broken));
    assert!(!post(&client(), &receiver.url()).await.unwrap().is_whole);
}

#[tokio::test]
async fn a_large_body_is_sent_whole() {
    let receiver = Receiver::start(say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let body = Bytes::from(vec![b'x'; 1_000_000]);
    client().post(&receiver.url(), HeaderMap::new(), body).await.unwrap();
    assert!(receiver.requests()[0].ends_with(&"x".repeat(1_000_000)));
}

//! https: private, to whom it should be, or not at all.

use std::sync::Arc;

use postrider_testkit::smtp_server::Authority;
use postrider_webhook::client::Resolver;
use postrider_webhook::{OutboundClient, OutboundConfig, OutboundError};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::receiver::{Names, Play, Receiver, post, private};

fn ok() -> Play {
    Play::Say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned())
}

fn trusting(roots: Vec<CertificateDer<'static>>) -> OutboundClient {
    let names: Arc<dyn Resolver> = Names::new(&[("hooks.example", &["127.0.0.1"])]);
    OutboundClient::with_resolver(OutboundConfig { extra_roots: roots, ..private() }, names).unwrap()
}

#[tokio::test]
async fn a_trusted_receiver_is_called_by_its_name() {
    let authority = Authority::new();
    let receiver = Receiver::start_private(ok(), &authority.issue(&["hooks.example"])).await;
    let url = format!("https://hooks.example:{}/hook", receiver.port);
    let answer = post(&trusting(vec![authority.root()]), &url).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (200, &b"ok"[..]));
    assert!(receiver.requests()[0].contains(&format!("host: hooks.example:{}\r\n", receiver.port)));
}

#[tokio::test]
async fn an_address_has_certificates_too() {
    let authority = Authority::new();
    let receiver = Receiver::start_private(ok(), &authority.issue(&["127.0.0.1"])).await;
    let url = format!("https://127.0.0.1:{}/hook", receiver.port);
    assert_eq!(post(&trusting(vec![authority.root()]), &url).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_gets_no_request() {
    let authority = Authority::new();
    let root = || vec![authority.root()];
    for (identity, roots) in [
        (authority.issue(&["other.example"]), root()),
        (authority.issue_expired(&["hooks.example"]), root()),
        (authority.issue(&["hooks.example"]), vec![Authority::new().root()]),
        (authority.issue(&["hooks.example"]), Vec::new()),
    ] {
        let receiver = Receiver::start_private(ok(), &identity).await;
        let url = format!("https://hooks.example:{}/hook", receiver.port);
        // Where the machine has no roots of its own and none is given there is no client, which is as well.
        let called = post(&trusting(roots), &url).await;
        assert_eq!(called, Err(OutboundError::Certificate));
        assert!(receiver.requests().is_empty());
    }
}

#[tokio::test]
async fn a_receiver_without_tls_gets_no_request_over_https() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://hooks.example:{}/hook", listener.local_addr().unwrap().port());
    let receiving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let mut heard = Vec::new();
        // The client hangs up in one way or another.
        let _ = stream.read_to_end(&mut heard).await;
        heard
    };
    let client = trusting(vec![Authority::new().root()]);
    let (called, heard) = tokio::join!(post(&client, &url), receiving);
    assert_eq!(called, Err(OutboundError::Tls));
    assert!(!heard.windows(5).any(|window| window == b"/hook" || window == b"POST "), "{heard:?}");
}

//! STARTTLS, where there is a certificate.

use std::sync::Arc;

use postrider_mail::listener::{ListenerConfig, Protocol};
use postrider_testkit::smtp_server::Authority;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::stage::{Client, Fate, INTRODUCTION, Server, config};

async fn server(authority: &Authority) -> Server {
    let tls = Some(authority.issue(&["bounces.example"]).server_config());
    Server::with(ListenerConfig { tls, ..config(Protocol::Smtp) }, Fate::Keep).await
}

fn connector(authority: &Authority) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(authority.root()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

#[tokio::test]
async fn a_conversation_becomes_private_and_begins_again() {
    let authority = Authority::new();
    let server = server(&authority).await;
    let mut client = server.client().await;
    assert!(client.ask("EHLO mx.example").await.contains("250-STARTTLS|"));
    client.agree(&["MAIL FROM:<>", "STARTTLS"]).await;
    let name = "bounces.example".try_into().unwrap();
    let mut client = Client::new(connector(&authority).connect(name, client.stream).await.unwrap());
    assert!(client.ask("MAIL FROM:<>").await.starts_with("503 "));
    assert!(!client.ask("EHLO mx.example").await.contains("STARTTLS"));
    assert!(client.ask("STARTTLS").await.starts_with("502 "));
    client.agree(&INTRODUCTION).await;
    assert!(client.send("x\r\n.\r\n").await.starts_with("250 "));
    client.agree(&["QUIT"]).await;
    assert!(client.is_hung_up().await);
    drop(client);
    assert_eq!(server.stop().await.kept().len(), 1);
}

#[tokio::test]
async fn what_was_said_before_in_the_clear_is_not_heard_as_private() {
    let authority = Authority::new();
    let server = server(&authority).await;
    let mut client = server.client().await;
    client.agree(&["EHLO mx.example"]).await;
    client.say("STARTTLS\r\nMAIL FROM:<injected@evil.example>\r\n").await;
    let replies = client.hear_out().await;
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert!(replies[0].starts_with("554 5.5.0 "));
}

#[tokio::test]
async fn a_handshake_that_fails_ends_the_connection() {
    let authority = Authority::new();
    let server = server(&authority).await;
    let mut client = server.client().await;
    client.agree(&["EHLO mx.example", "STARTTLS"]).await;
    let name = "other.example".try_into().unwrap();
    assert!(connector(&authority).connect(name, client.stream).await.is_err());
    assert!(server.client().await.ask("NOOP").await.starts_with("250 "));
}

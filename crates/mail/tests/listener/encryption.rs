//! STARTTLS, where there is a certificate.

use std::path::PathBuf;
use std::sync::Arc;

use postrider_mail::listener::certificate::{InvalidCertificate, server_config};
use postrider_mail::listener::{ListenerConfig, Protocol};
use postrider_testkit::smtp_server::Authority;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
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

/// The files of an identity for `bounces.example`, and the authority that signed it.
fn files(folder: &TempDir) -> (Authority, PathBuf, PathBuf) {
    let authority = Authority::new();
    let identity = authority.issue(&["bounces.example"]);
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    std::fs::write(&chain, identity.chain_pem()).unwrap();
    std::fs::write(&key, identity.key_pem()).unwrap();
    (authority, chain, key)
}

#[tokio::test]
async fn the_certificate_in_the_files_is_the_one_that_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, chain, key) = files(&folder);
    let tls = Some(server_config(&chain, &key).unwrap());
    let server = Server::with(ListenerConfig { tls, ..config(Protocol::Smtp) }, Fate::Keep).await;
    let mut client = server.client().await;
    client.agree(&["EHLO mx.example", "STARTTLS"]).await;
    let name = "bounces.example".try_into().unwrap();
    let mut client = Client::new(connector(&authority).connect(name, client.stream).await.unwrap());
    client.agree(&INTRODUCTION).await;
}

#[test]
fn files_that_cannot_work_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, chain, key) = files(&folder);
    let missing = folder.path().join("missing.pem");
    let fault = |chain: &PathBuf, key: &PathBuf| server_config(chain, key).unwrap_err();
    assert!(matches!(fault(&missing, &key), InvalidCertificate::Chain { path, .. } if path == missing));
    assert!(matches!(fault(&key, &key), InvalidCertificate::Chain { path, .. } if path == key));
    assert!(matches!(fault(&chain, &missing), InvalidCertificate::Key { path, .. } if path == missing));
    assert!(matches!(fault(&chain, &chain), InvalidCertificate::Key { path, .. } if path == chain));
    std::fs::write(&key, authority.issue(&["bounces.example"]).key_pem()).unwrap();
    assert!(matches!(fault(&chain, &key), InvalidCertificate::Mismatch { .. }));
}

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials as AwsCredentials, SharedCredentialsProvider};
use postrider_aws::http_client::{Roots, http_client};
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::Clock;
use postrider_core::ports::mailer::Envelope;
use postrider_mail::mailers::smtp::TlsMode;
use postrider_testkit::clock::ManualClock;
use postrider_testkit::smtp_server::{Script, SmtpServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Secrets Manager with one secret.
async fn secrets_manager(secret: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&secret)));
        }
    });
    url
}

async fn answer(mut stream: TcpStream, secret: Arc<Mutex<String>>) {
    let mut request = Vec::new();
    // A request ends with its JSON object, and nothing in it is nested.
    while !request.ends_with(b"}") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let body = format!(r#"{{"SecretString":"{}"}}"#, secret.lock().unwrap());
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
}

fn sdk(url: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(AwsCredentials::new(
            "a", "b", None, None, "test",
        )))
        .http_client(http_client(Roots::BuiltIn))
        .endpoint_url(url)
        .build()
}

fn config(server: &SmtpServer, password: &str) -> SmtpConfig {
    SmtpConfig {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        tls: TlsMode::None,
        allow_plaintext: false,
        credentials: Some(Credentials { username: "ada".to_owned(), password: password.to_owned() }),
        connections: 1,
        timeout_ms: 20_000,
        ehlo_name: "shop.example".to_owned(),
        extra_roots: Vec::new(),
    }
}

async fn send(mailer: &RotatingSmtp) -> AttemptOutcome {
    let message = OutgoingMessage {
        notification_id: NotificationId::new(Timestamp::from_millis(1_795_428_000_000), 7),
        attempt: 1,
        envelope: Envelope {
            return_path: EmailAddress::parse("bounces@shop.example").unwrap(),
            recipient: EmailAddress::parse("bob@example.com").unwrap(),
        },
        message: b"Subject: Hello\r\n\r\nHello\r\n".to_vec(),
    };
    mailer.send(&message, &mut std::future::pending()).await
}

struct World {
    server: SmtpServer,
    secret: Arc<Mutex<String>>,
    clock: Arc<ManualClock>,
    secrets: Arc<Secrets>,
}

/// A server that knows `valid`, while `kept` is kept.
async fn world(valid: &str, kept: &str) -> World {
    let server = SmtpServer::start(Script::new().offer(&["AUTH PLAIN"]).credentials("ada", valid)).await;
    let secret = Arc::new(Mutex::new(kept.to_owned()));
    let clock = Arc::new(ManualClock::default());
    let url = secrets_manager(Arc::clone(&secret)).await;
    let secrets =
        Arc::new(Secrets::with_sdk(sdk(&url), Roots::BuiltIn, Arc::clone(&clock) as Arc<dyn Clock>));
    World { server, secret, clock, secrets }
}

const REFERENCE: &str = "aws-secretsmanager:shop/smtp";

#[tokio::test]
async fn a_password_that_was_changed_is_read_again_and_the_message_goes() {
    let World { server, secret, clock, secrets } = world("new", "old").await;
    let mailer = RotatingSmtp::open(&config(&server, REFERENCE), &secrets).await.unwrap().unwrap();
    let AttemptOutcome::NotAccepted(failure) = send(&mailer).await else { panic!("the old one is taken") };
    assert!(failure.cause.as_str().starts_with("smtp_535"), "{failure:?}");
    assert!(!failure.spends_attempt);
    "new".clone_into(&mut secret.lock().unwrap());
    clock.advance_ms(60_000);
    assert!(matches!(send(&mailer).await, AttemptOutcome::Accepted { .. }));
    assert!(matches!(send(&mailer).await, AttemptOutcome::Accepted { .. }));
    assert_eq!(server.taken().len(), 2);
}

#[tokio::test]
async fn a_password_that_is_wrong_everywhere_is_told_as_such_and_not_asked_for_without_end() {
    let World { server, secrets, clock, .. } = world("right", "wrong").await;
    let mailer = RotatingSmtp::open(&config(&server, REFERENCE), &secrets).await.unwrap().unwrap();
    clock.advance_ms(60_000);
    for _ in 0..3 {
        let AttemptOutcome::NotAccepted(failure) = send(&mailer).await else { panic!("it is taken") };
        assert!(failure.cause.as_str().starts_with("smtp_535"), "{failure:?}");
    }
}

#[tokio::test]
async fn a_password_that_is_no_reference_needs_nobody() {
    let World { server, secrets, .. } = world("right", "x").await;
    assert!(RotatingSmtp::open(&config(&server, "right"), &secrets).await.unwrap().is_none());
}

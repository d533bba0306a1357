//! The shop's own systems hear by the sweep what became of notifications.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use postrider_aws::emf::Measurements;
use postrider_core::domain::id::WebhookId;
use postrider_core::domain::webhook::{SigningSecret, WebhookUrl};
use postrider_core::ports::webhooks::{NewWebhook, WebhookLedger as _};
use postrider_lambda::calls::Calls;
use postrider_lambda::sweep;
use postrider_webhook::{OutboundConfig, WebhookSecret};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::orders::orders;
use crate::world::World;

/// Answers each call with the next status, 200 when there is none left, and keeps what it was told.
async fn receiver(statuses: &[u16]) -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (told, mut statuses) = (Arc::clone(&heard), statuses.iter().copied().collect::<VecDeque<u16>>());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            let body = loop {
                if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    break None;
                }
                let text = String::from_utf8_lossy(&bytes);
                let body = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
                if body.is_some() {
                    break body;
                }
            };
            let Some(body) = body else { continue };
            told.lock().unwrap().push(body);
            let status = statuses.pop_front().unwrap_or(200);
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, heard)
}

async fn world_with_endpoint(url: &str) -> (World, Calls) {
    let world = World::new();
    let new = NewWebhook {
        id: WebhookId::from_bytes([1; 16]),
        url: WebhookUrl::parse(url).unwrap(),
        events: [].into(),
        description: String::new(),
        secret: SigningSecret::new(WebhookSecret::generate([7; 32]).reveal()),
        now: world.now(),
    };
    world.ledger.create_webhook(new).await.unwrap();
    let targets = OutboundConfig { allow_private: true, ..OutboundConfig::default() };
    let parts = world.parts.clone();
    let calls = Calls::new(parts.ledger, parts.clock, parts.random, targets, 8);
    (world, calls)
}

async fn sweep(world: &World, calls: &Calls) {
    sweep::handle(&world.parts, Some(calls), &world.invocation(), &mut Measurements::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_sent_is_told_once() {
    let (url, heard) = receiver(&[]).await;
    let (world, calls) = world_with_endpoint(&url).await;
    world.dispatch(orders(["1", "2"])).await;
    sweep(&world, &calls).await;
    sweep(&world, &calls).await;
    let heard = heard.lock().unwrap();
    let mut sent: Vec<&str> = heard
        .iter()
        .filter(|call| call["type"] == "notification.sent")
        .map(|call| call["data"]["orderId"].as_str().unwrap())
        .collect();
    sent.sort_unstable();
    assert_eq!(sent, ["1", "2"], "{heard:?}");
}

#[tokio::test]
async fn a_receiver_that_fails_is_called_again_at_its_time_and_not_in_the_same_sweep() {
    let (url, heard) = receiver(&[503; 100]).await;
    let (world, calls) = world_with_endpoint(&url).await;
    world.dispatch(orders(["1"])).await;
    sweep(&world, &calls).await;
    let first = heard.lock().unwrap().len();
    assert!(first > 0);
    sweep(&world, &calls).await;
    assert_eq!(heard.lock().unwrap().len(), first);
}

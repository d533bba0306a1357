//! Clients that take their time, on a clock of the test's own.

use std::time::Duration;

use postrider_core::limits::{
    LISTENER_COMMAND_TIMEOUT_MS, LISTENER_DATA_TIMEOUT_MS, LISTENER_DELIVERY_TIMEOUT_MS,
    LISTENER_SESSION_MS_MAX, LISTENER_STALL_TIMEOUT_MS, LISTENER_WRITE_TIMEOUT_MS,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::stage::{Client, Fate, INTRODUCTION, in_memory};

/// Ample for a pipe.
const BUFFER_BYTES: usize = 64 * 1024;

/// Says `piece` again and again with a pause between, until the server has something to say: how long that took in
/// seconds, and what it said.
async fn drip(client: &mut Client<DuplexStream>, piece: &str, pause: Duration) -> (u64, String) {
    let start = Instant::now();
    loop {
        if let Ok(reply) = timeout(pause, client.hear()).await {
            return (start.elapsed().as_secs(), reply);
        }
        client.say(piece).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_drips_is_given_up_however_steadily_it_does() {
    for (piece, pause) in [("a", 1), ("a\r\n", 60), ("..\r\n", 179)] {
        let (mut client, inbox, session) = in_memory(Fate::Keep, BUFFER_BYTES);
        client.hear().await;
        client.agree(&INTRODUCTION).await;
        client.agree(&["DATA"]).await;
        let (seconds, reply) = drip(&mut client, piece, Duration::from_secs(pause)).await;
        assert!(reply.starts_with("421 4.4.2 "), "{reply}");
        assert_eq!(seconds, LISTENER_DATA_TIMEOUT_MS / 1_000);
        assert!(client.is_hung_up().await);
        drop(client);
        session.await.unwrap();
        assert!(inbox.kept().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_stalls_is_given_up_sooner() {
    let (mut client, _inbox, _session) = in_memory(Fate::Keep, BUFFER_BYTES);
    client.hear().await;
    client.agree(&INTRODUCTION).await;
    client.agree(&["DATA"]).await;
    client.say("Subject: ").await;
    let start = Instant::now();
    assert!(client.hear().await.starts_with("421 4.4.2 "));
    assert_eq!(start.elapsed().as_secs(), LISTENER_STALL_TIMEOUT_MS / 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_drips_or_never_comes_is_given_up() {
    for pause in [1, 60, 10_000] {
        let (mut client, _inbox, _session) = in_memory(Fate::Keep, BUFFER_BYTES);
        client.hear().await;
        let (seconds, reply) = drip(&mut client, "A", Duration::from_secs(pause)).await;
        assert!(reply.starts_with("421 4.4.2 "), "{reply}");
        assert_eq!(seconds, LISTENER_COMMAND_TIMEOUT_MS / 1_000);
        assert!(client.is_hung_up().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_keeps_busy_is_not_kept_for_ever() {
    let (mut client, _inbox, _session) = in_memory(Fate::Keep, BUFFER_BYTES);
    client.hear().await;
    let start = Instant::now();
    let reply = loop {
        match timeout(Duration::from_secs(70), client.hear()).await {
            Ok(reply) if reply.starts_with("250 ") => {}
            Ok(reply) => break reply,
            Err(_) => client.say("NOOP\r\n").await,
        }
    };
    assert!(reply.starts_with("421 4.4.2 "), "{reply}");
    assert_eq!(start.elapsed().as_secs(), LISTENER_SESSION_MS_MAX / 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_listens_to_nothing_is_hung_up_on() {
    let (mut client, _inbox, session) = in_memory(Fate::Keep, 256);
    let start = Instant::now();
    // Ends when the server stops reading because nobody reads its answers, and then hangs up.
    while client.stream.write_all(b"HELP\r\n").await.is_ok() {}
    session.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), LISTENER_WRITE_TIMEOUT_MS / 1_000);
    let mut unheard = Vec::new();
    client.stream.read_to_end(&mut unheard).await.unwrap();
    assert!(unheard.starts_with(b"220 "));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_durable_in_time_is_left_to_its_sender() {
    let (mut client, inbox, _session) = in_memory(Fate::Wait(Semaphore::new(0)), BUFFER_BYTES);
    client.hear().await;
    client.agree(&INTRODUCTION).await;
    let start = Instant::now();
    assert!(client.send("x\r\n.\r\n").await.starts_with("451 4.3.0 "));
    assert_eq!(start.elapsed().as_secs(), LISTENER_DELIVERY_TIMEOUT_MS / 1_000);
    assert!(client.ask("NOOP").await.starts_with("250 "));
    assert!(inbox.kept().is_empty());
}

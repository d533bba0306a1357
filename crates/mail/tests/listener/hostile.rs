//! Clients that mean harm, or are broken as if they did.

use postrider_core::limits::LISTENER_LINE_BYTES_MAX;
use postrider_mail::listener::Protocol;

use crate::stage::{INTRODUCTION, Server};

/// What a smuggler hopes is taken for a second message.
const HIDDEN: &str = "MAIL FROM:<>\r\nRCPT TO:<2@bounces.example>\r\nDATA\r\nSubject: hidden\r\n\r\n";

#[tokio::test]
async fn nothing_can_be_smuggled_in() {
    for end in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\r",
        "\n.\r",
        "\r.\n",
        "\r\r.\r\r",
        "\n\n.\n\n",
        "\r\r\n.\r\r\n",
        "\n\r.\n\r",
        "\r\n\n.\r\n",
    ] {
        let server = Server::start(Protocol::Smtp).await;
        let mut client = server.client().await;
        client.agree(&INTRODUCTION).await;
        assert!(client.ask("DATA").await.starts_with("354 "));
        client.say(format!("Subject: x\r\n\r\ninnocent{end}{HIDDEN}worse\r\n.\r\nNOOP\r\n")).await;
        let replies = client.hear_out().await;
        assert_eq!(replies.len(), 1, "{end:?}: {replies:?}");
        assert!(replies[0].starts_with("550 5.6.0 "), "{end:?}");
        drop(client);
        assert!(server.stop().await.kept().is_empty(), "{end:?}");
    }
}

#[tokio::test]
async fn a_message_spoilt_at_its_true_end_ends_the_connection_there() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    client.agree(&INTRODUCTION).await;
    assert!(client.ask("DATA").await.starts_with("354 "));
    client.say(format!("x\r\r\n.\r\n{HIDDEN}.\r\n")).await;
    let replies = client.hear_out().await;
    assert_eq!(replies.len(), 1, "{replies:?}");
    drop(client);
    assert!(server.stop().await.kept().is_empty());
}

#[tokio::test]
async fn lmtp_refuses_a_spoilt_message_for_every_recipient() {
    let server = Server::start(Protocol::Lmtp).await;
    let mut client = server.client().await;
    client
        .agree(&["LHLO mx", "MAIL FROM:<>", "RCPT TO:<1@bounces.example>", "RCPT TO:<2@bounces.example>"])
        .await;
    assert!(client.ask("DATA").await.starts_with("354 "));
    client.say("x\ny\r\n.\r\nNOOP\r\n").await;
    let replies = client.hear_out().await;
    assert_eq!(replies.len(), 2);
    assert!(replies.iter().all(|reply| reply.starts_with("550 5.6.0 ")));
}

#[tokio::test]
async fn thirty_megabytes_are_refused_and_the_next_message_is_taken() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    client.agree(&INTRODUCTION).await;
    let large = b"0123456789abcd\r\n".repeat(30 * 1024 * 1024 / 16);
    assert!(client.send([large.as_slice(), b".\r\n"].concat()).await.starts_with("552 5.3.4 "));
    client.agree(&INTRODUCTION[1..]).await;
    assert!(client.send("small\r\n.\r\n").await.starts_with("250 "));
    drop(client);
    assert_eq!(server.stop().await.kept().len(), 1);
}

#[tokio::test]
async fn a_header_line_without_end_is_refused_and_the_next_message_is_taken() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    client.agree(&INTRODUCTION).await;
    let endless = format!("Subject: {}\r\n.\r\n", "a".repeat(20 * LISTENER_LINE_BYTES_MAX));
    assert!(client.send(endless).await.starts_with("554 5.6.0 "));
    client.agree(&INTRODUCTION[1..]).await;
    assert!(client.send("small\r\n.\r\n").await.starts_with("250 "));
    drop(client);
    assert_eq!(server.stop().await.kept().len(), 1);
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_nothing_behind() {
    let server = Server::start(Protocol::Smtp).await;
    for point in 0..=INTRODUCTION.len() {
        let mut client = server.client().await;
        client.agree(&INTRODUCTION[..point]).await;
        if point == INTRODUCTION.len() {
            assert!(client.ask("DATA").await.starts_with("354 "));
            client.say("Subject: half a mess").await;
        }
    }
    // Almost whole is not whole.
    let mut client = server.client().await;
    client.agree(&INTRODUCTION).await;
    assert!(client.ask("DATA").await.starts_with("354 "));
    client.say("x\r\n.\r").await;
    drop(client);
    let mut client = server.client().await;
    client.agree(&INTRODUCTION).await;
    assert!(client.send("x\r\n.\r\n").await.starts_with("250 "));
    drop(client);
    assert_eq!(server.stop().await.kept().len(), 1);
}

#[tokio::test]
async fn noise_gets_no_further_than_the_door() {
    let server = Server::start(Protocol::Smtp).await;
    for noise in [&[0xff; 4_000][..], &[0; 4_000], b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n"] {
        let mut client = server.client().await;
        client.say(noise).await;
        let reply = client.hear().await;
        assert!(reply.starts_with('5'), "{reply}");
    }
    assert!(server.client().await.ask("NOOP").await.starts_with("250 "));
}

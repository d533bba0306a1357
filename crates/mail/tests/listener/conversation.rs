//! What a well-behaved server says and hears.

use postrider_core::limits::LISTENER_MESSAGE_BYTES_MAX;
use postrider_mail::listener::{InvalidListenerConfig, Listener, ListenerConfig, Protocol};

use crate::stage::{Fate, INTRODUCTION, Server, Shelf, config, notification};

#[tokio::test]
async fn a_bounce_is_taken_as_it_was_sent() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.connect().await;
    assert_eq!(client.hear().await, "220 bounces.example ESMTP");
    assert_eq!(
        client.ask("EHLO mx.example").await,
        format!(
            "250-bounces.example|250-PIPELINING|250-SIZE {LISTENER_MESSAGE_BYTES_MAX}|250-8BITMIME|250-SMTPUTF8|\
             250 ENHANCEDSTATUSCODES"
        )
    );
    assert_eq!(client.ask("MAIL FROM:<> SIZE=1000 BODY=8BITMIME").await, "250 2.1.0 Ok");
    assert_eq!(client.ask("RCPT TO:<7@Bounces.example>").await, "250 2.1.5 Ok");
    assert_eq!(client.ask("RCPT TO:<@relay.example:3@bounces.example>").await, "250 2.1.5 Ok");
    assert_eq!(client.send("Subject: x\r\n\r\n..\r\n...a\r\n.\r\n").await, "250 2.0.0 Ok, it is kept");
    client.agree(&["MAIL FROM:<ä@mx.example> SMTPUTF8", "RCPT TO:<1@bounces.example>"]).await;
    assert_eq!(client.send(".\r\n").await, "250 2.0.0 Ok, it is kept");
    assert_eq!(client.ask("QUIT").await, "221 2.0.0 Bye");
    assert!(client.is_hung_up().await);
    drop(client);
    let kept = server.stop().await.kept();
    assert_eq!(kept.len(), 2);
    assert_eq!((kept[0].return_path.as_str(), kept[1].return_path.as_str()), ("", "ä@mx.example"));
    assert_eq!(kept[0].recipients, [notification(3), notification(7)]);
    assert_eq!(kept[0].bytes, b"Subject: x\r\n\r\n.\r\n..a\r\n");
    assert!(kept[1].bytes.is_empty());
    assert!(!format!("{kept:?}").contains("mx.example"));
}

#[tokio::test]
async fn an_old_client_is_understood_too() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    assert_eq!(client.ask("helo mx.example").await, "250 bounces.example");
    client.agree(&["mail from:<>", "rcpt to:<1@bounces.example>"]).await;
    assert!(client.send("x\r\n.\r\n").await.starts_with("250 "));
}

#[tokio::test]
async fn lmtp_answers_for_every_recipient_it_took() {
    let server = Server::start(Protocol::Lmtp).await;
    let mut client = server.connect().await;
    assert_eq!(client.hear().await, "220 bounces.example LMTP");
    assert!(client.ask("EHLO mx.example").await.starts_with("500 "));
    assert!(client.ask("HELO mx.example").await.starts_with("500 "));
    client.agree(&["LHLO mx.example", "MAIL FROM:<>"]).await;
    assert!(client.ask("DATA").await.starts_with("503 "));
    client.agree(&["RCPT TO:<1@bounces.example>", "RCPT TO:<2@bounces.example>"]).await;
    assert!(client.ask("RCPT TO:<ada@bounces.example>").await.starts_with("550 5.1.1 "));
    client.agree(&["RCPT TO:<1@bounces.example>"]).await;
    client.say("DATA\r\n").await;
    assert!(client.hear().await.starts_with("354 "));
    client.say("x\r\n.\r\nQUIT\r\n").await;
    let replies = client.hear_out().await;
    assert_eq!(replies.len(), 4);
    assert!(replies[..3].iter().all(|reply| reply.starts_with("250 2.0.0 ")), "{replies:?}");
    assert!(replies[3].starts_with("221 "));
    drop(client);
    let kept = server.stop().await.kept();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].recipients, [notification(1), notification(2)]);
}

#[tokio::test]
async fn smtp_does_not_begin_with_lhlo() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    assert!(client.ask("LHLO mx.example").await.starts_with("500 "));
    assert!(client.ask("MAIL FROM:<>").await.starts_with("503 "));
}

#[tokio::test]
async fn what_cannot_be_kept_is_left_to_its_sender() {
    for (protocol, greeting) in [(Protocol::Smtp, "EHLO mx.example"), (Protocol::Lmtp, "LHLO mx.example")] {
        let server = Server::with(config(protocol), Fate::TryLater("the disk is füll\r\n250 Ok")).await;
        let mut client = server.client().await;
        client.agree(&[greeting, "MAIL FROM:<>", "RCPT TO:<1@bounces.example>"]).await;
        assert_eq!(client.send("x\r\n.\r\n").await, "451 4.3.0 the disk is fll 250 Ok");
        assert!(client.ask("NOOP").await.starts_with("250 "));
        drop(client);
        assert!(server.stop().await.kept().is_empty());
    }
}

#[tokio::test]
async fn commands_that_come_together_are_answered_together_and_in_order() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    client.agree(&["EHLO mx.example"]).await;
    client
        .say("MAIL FROM:<>\r\nRCPT TO:<1@bounces.example>\r\nRCPT TO:<x@bounces.example>\r\nDATA\r\n")
        .await;
    for code in ["250 2.1.0", "250 2.1.5", "550 5.1.1", "354 "] {
        assert!(client.hear().await.starts_with(code), "{code}");
    }
    client.say("one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<2@bounces.example>\r\nDATA\r\n").await;
    for code in ["250 2.0.0", "250 2.1.0", "250 2.1.5", "354 "] {
        assert!(client.hear().await.starts_with(code), "{code}");
    }
    client.say("two\r\n.\r\nRSET\r\nQUIT\r\n").await;
    for code in ["250 2.0.0", "250 2.0.0", "221 2.0.0"] {
        assert!(client.hear().await.starts_with(code), "{code}");
    }
    drop(client);
    let kept = server.stop().await.kept();
    assert_eq!(kept.iter().map(|mail| mail.bytes.as_slice()).collect::<Vec<_>>(), [b"one\r\n", b"two\r\n"]);
}

#[tokio::test]
async fn a_conversation_may_come_in_any_pieces() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    let start = format!("{}\r\nDATA\r\n", INTRODUCTION.join("\r\n"));
    for byte in start.bytes() {
        client.say([byte]).await;
    }
    for code in ["250-", "250 ", "250 ", "354 "] {
        assert!(client.hear().await.starts_with(code));
    }
    for byte in b"..a\r\n.\r\n" {
        client.say([*byte]).await;
    }
    assert!(client.hear().await.starts_with("250 "));
    drop(client);
    assert_eq!(server.stop().await.kept()[0].bytes, b".a\r\n");
}

#[tokio::test]
async fn rset_and_a_new_greeting_forget_the_message_under_way() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    for forget in ["RSET", "EHLO mx.example", "HELO mx.example"] {
        client.agree(&INTRODUCTION).await;
        client.agree(&[forget]).await;
        assert!(client.ask("RCPT TO:<2@bounces.example>").await.starts_with("503 "), "{forget}");
        assert!(client.ask("DATA").await.starts_with("503 "), "{forget}");
    }
    client.agree(&["MAIL FROM:<>", "RCPT TO:<3@bounces.example>"]).await;
    assert!(client.send("x\r\n.\r\n").await.starts_with("250 "));
    drop(client);
    assert_eq!(server.stop().await.kept()[0].recipients, [notification(3)]);
}

#[tokio::test]
async fn any_byte_may_stand_in_a_message() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    client.agree(&INTRODUCTION).await;
    let mut bytes: Vec<u8> =
        (0..=255).filter(|byte| !matches!(byte, b'\r' | b'\n')).cycle().take(60_000).collect();
    bytes.extend_from_slice(b"\r\n\0\0\0\r\n");
    assert!(client.send([bytes.as_slice(), b".\r\n"].concat()).await.starts_with("250 "));
    drop(client);
    assert_eq!(server.stop().await.kept()[0].bytes, bytes);
}

#[tokio::test]
async fn questions_about_nothing_in_particular_are_answered() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    for (line, code) in [
        ("NOOP what", "250 2.0.0 "),
        ("VRFY 1@bounces.example", "252 2.0.0 "),
        ("VRFY ada", "252 2.0.0 "),
        ("HELP", "214 2.0.0 "),
        ("EXPN all", "502 5.5.1 "),
        ("BDAT 10 LAST", "502 5.5.1 "),
        ("STARTTLS", "502 5.5.1 "),
        ("XYZZY", "500 5.5.2 "),
    ] {
        assert!(client.ask(line).await.starts_with(code), "{line}");
    }
}

#[test]
fn a_name_that_would_not_be_one_word_is_refused() {
    for hostname in ["", "a b", "a\r\n250 x", "ä.example"] {
        let config = ListenerConfig { hostname: hostname.to_owned(), ..config(Protocol::Smtp) };
        let refused = Listener::new(config, Shelf::new(Fate::Keep)).err();
        assert_eq!(refused, Some(InvalidListenerConfig::Hostname(hostname.to_owned())));
    }
}

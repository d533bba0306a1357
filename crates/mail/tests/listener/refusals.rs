//! What the listener does not do.

use postrider_core::limits::{
    LISTENER_COMMAND_BYTES_MAX, LISTENER_CONNECTIONS_PER_PEER_MAX, LISTENER_MESSAGE_BYTES_MAX,
    LISTENER_RECIPIENTS_MAX, LISTENER_REFUSALS_MAX,
};
use postrider_mail::listener::Protocol;

use crate::stage::{INTRODUCTION, Server};

#[tokio::test]
async fn nobody_but_our_own_return_paths_gets_mail() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    client.agree(&["EHLO mx.example", "MAIL FROM:<spammer@mx.example>"]).await;
    for address in [
        "ada@example.com",
        "ada@bounces.example",
        "1@bounces.example@example.com",
        "1%bounces.example@example.com",
        "@bounces.example:ada@example.com",
        "1@bounces.example.evil.example",
        "\"1@bounces.example\"@example.com",
        "example.com!1",
        "postmaster",
    ] {
        let reply = client.ask(&format!("RCPT TO:<{address}>")).await;
        assert!(reply.starts_with("550 5.1.1 "), "{address}: {reply}");
        // Nothing of the address comes back to where it might be shown.
        assert!(!reply.contains("ada"));
    }
    assert!(client.ask("DATA").await.starts_with("554 5.5.1 "));
    drop(client);
    assert!(server.stop().await.kept().is_empty());
}

#[tokio::test]
async fn commands_out_of_order_are_refused() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    assert!(client.ask("MAIL FROM:<>").await.starts_with("503 "));
    assert!(client.ask("RCPT TO:<1@bounces.example>").await.starts_with("503 "));
    assert!(client.ask("DATA").await.starts_with("503 "));
    client.agree(&["EHLO mx.example"]).await;
    assert!(client.ask("RCPT TO:<1@bounces.example>").await.starts_with("503 "));
    client.agree(&["MAIL FROM:<>"]).await;
    assert!(client.ask("MAIL FROM:<>").await.starts_with("503 "));
    client.agree(&["RCPT TO:<1@bounces.example>"]).await;
    assert!(client.send("x\r\n.\r\n").await.starts_with("250 "));
    assert!(client.ask("DATA").await.starts_with("503 "));
}

#[tokio::test]
async fn a_message_that_announces_itself_too_large_is_not_waited_for() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    client.agree(&["EHLO mx.example"]).await;
    let announce = |size: usize| format!("MAIL FROM:<> SIZE={size}");
    assert!(client.ask(&announce(LISTENER_MESSAGE_BYTES_MAX + 1)).await.starts_with("552 5.3.4 "));
    client.agree(&[&announce(LISTENER_MESSAGE_BYTES_MAX)]).await;
}

#[tokio::test]
async fn one_recipient_too_many_is_put_off_and_the_others_get_theirs() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    client.agree(&["EHLO mx.example", "MAIL FROM:<>"]).await;
    for number in 0..LISTENER_RECIPIENTS_MAX {
        client.agree(&[&format!("RCPT TO:<{number}@bounces.example>")]).await;
    }
    for _ in 0..2 * LISTENER_REFUSALS_MAX {
        assert!(client.ask("RCPT TO:<1000@bounces.example>").await.starts_with("452 4.5.3 "));
    }
    assert!(client.send("x\r\n.\r\n").await.starts_with("250 "));
    drop(client);
    assert_eq!(server.stop().await.kept()[0].recipients.len(), LISTENER_RECIPIENTS_MAX);
}

#[tokio::test]
async fn who_goes_on_asking_for_the_wrong_thing_is_hung_up_on() {
    for wrong in ["RCPT TO:<ada@example.com>", "XYZZY", "MAIL", "DATA now"] {
        let server = Server::start(Protocol::Smtp).await;
        let mut client = server.client().await;
        client.agree(&["EHLO mx.example", "MAIL FROM:<>"]).await;
        for _ in 0..LISTENER_REFUSALS_MAX {
            assert!(client.ask(wrong).await.starts_with('5'), "{wrong}");
        }
        assert!(client.hear().await.starts_with("421 4.7.0 "), "{wrong}");
        assert!(client.is_hung_up().await);
    }
}

#[tokio::test]
async fn content_that_comes_before_it_is_asked_for_is_never_read_as_commands() {
    let content = "Subject: x\r\n\r\nRSET\r\nMAIL FROM:<>\r\n.\r\n";
    for introduction in [&INTRODUCTION[..], &INTRODUCTION[..2], &INTRODUCTION[..1]] {
        let server = Server::start(Protocol::Smtp).await;
        let mut client = server.client().await;
        client.agree(introduction).await;
        client.say(format!("DATA\r\n{content}")).await;
        let replies = client.hear_out().await;
        assert_eq!(replies.len(), 1, "{replies:?}");
        assert!(replies[0].starts_with("554 5.5.0 "));
        drop(client);
        assert!(server.stop().await.kept().is_empty());
    }
}

#[tokio::test]
async fn a_command_line_has_a_bound() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    let most = format!("NOOP {}", "a".repeat(LISTENER_COMMAND_BYTES_MAX - 7));
    assert!(client.ask(&most).await.starts_with("250 "));
    client.say(format!("{most}a\r\nNOOP\r\n")).await;
    let replies = client.hear_out().await;
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert!(replies[0].starts_with("500 5.5.6 "));
}

#[tokio::test]
async fn a_command_without_end_is_not_read_on() {
    let server = Server::start(Protocol::Smtp).await;
    let mut client = server.client().await;
    client.say("a".repeat(LISTENER_COMMAND_BYTES_MAX)).await;
    assert!(client.hear().await.starts_with("500 5.5.6 "));
    assert!(client.is_hung_up().await);
}

#[tokio::test]
async fn lines_end_with_both_cr_and_lf_or_nothing_more_is_heard() {
    for line in ["NOOP\n", "\n", "NO\rOP\r\n", "NOOP\r\r\n", "NOOP\rNOOP\n", "EHLO a\nMAIL FROM:<>\r\n"] {
        let server = Server::start(Protocol::Smtp).await;
        let mut client = server.client().await;
        client.say(format!("{line}NOOP\r\n")).await;
        let replies = client.hear_out().await;
        assert_eq!(replies.len(), 1, "{line:?}: {replies:?}");
        assert!(replies[0].starts_with("550 5.6.0 "), "{line:?}");
    }
}

#[tokio::test]
async fn a_browser_made_to_talk_to_us_is_hung_up_on() {
    for request in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\n\r\nEHLO x\r\nMAIL FROM:<>\r\n"]
    {
        let server = Server::start(Protocol::Smtp).await;
        let mut client = server.client().await;
        client.say(request).await;
        let replies = client.hear_out().await;
        assert_eq!(replies.len(), 1, "{replies:?}");
        assert!(replies[0].starts_with("421 4.7.0 "));
    }
}

#[tokio::test]
async fn connections_have_a_bound_and_one_that_ends_makes_room() {
    let server = Server::start(Protocol::Smtp).await;
    let mut clients = Vec::new();
    for _ in 0..LISTENER_CONNECTIONS_PER_PEER_MAX {
        clients.push(server.client().await);
    }
    for _ in 0..3 {
        let mut turned_away = server.connect().await;
        assert!(turned_away.hear().await.starts_with("421 4.3.2 "));
        assert!(turned_away.is_hung_up().await);
    }
    let mut leaving = clients.pop().unwrap();
    leaving.agree(&["QUIT"]).await;
    assert!(leaving.is_hung_up().await);
    drop(leaving);
    // The server sees it go in its own time.
    while !server.connect().await.hear().await.starts_with("220 ") {}
    assert!(clients[0].ask("NOOP").await.starts_with("250 "));
}

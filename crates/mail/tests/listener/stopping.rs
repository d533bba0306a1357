//! The end of a server.

use std::sync::Arc;

use postrider_mail::listener::{Inbox, Protocol, serve};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::stage::{Client, Fate, INTRODUCTION, Server, Shelf, config};

#[tokio::test]
async fn who_is_connected_is_told_to_come_back_later() {
    let server = Server::start(Protocol::Smtp).await;
    let mut idle = server.client().await;
    let mut in_the_middle = server.client().await;
    in_the_middle.agree(&INTRODUCTION).await;
    let mut in_a_message = server.client().await;
    in_a_message.agree(&INTRODUCTION).await;
    in_a_message.agree(&["DATA"]).await;
    in_a_message.say("Subject: half").await;
    server.tell_to_stop();
    for client in [&mut idle, &mut in_the_middle, &mut in_a_message] {
        assert!(client.hear().await.starts_with("421 4.3.2 "));
        assert!(client.is_hung_up().await);
    }
    drop((idle, in_the_middle, in_a_message));
    assert!(server.stop().await.kept().is_empty());
}

#[tokio::test]
async fn a_message_that_is_being_kept_is_answered_first() {
    let server = Server::with(config(Protocol::Smtp), Fate::Wait(Semaphore::new(0))).await;
    let mut client = server.client().await;
    client.agree(&INTRODUCTION).await;
    client.agree(&["DATA"]).await;
    client.say("x\r\n.\r\n").await;
    server.inbox.began().await;
    server.tell_to_stop();
    server.inbox.let_go();
    let replies = client.hear_out().await;
    assert_eq!(replies.len(), 2, "{replies:?}");
    assert!(replies[0].starts_with("250 2.0.0 "));
    assert!(replies[1].starts_with("421 4.3.2 "));
    drop(client);
    assert_eq!(server.stop().await.kept().len(), 1);
}

#[tokio::test]
async fn a_server_that_has_stopped_takes_no_connections() {
    let inbox: Arc<dyn Inbox> = Shelf::new(Fate::Keep);
    let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve(socket, config(Protocol::Smtp), inbox, stopped));
    let mut client = Client::new(tokio::net::TcpStream::connect(address).await.unwrap());
    client.agree(&["NOOP"]).await;
    drop(client);
    // A sender that is dropped says as much as one that sends true.
    drop(stop);
    serving.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

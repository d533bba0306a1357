//! Who is called, and who is not.

use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use postrider_webhook::client::{InvalidTarget, Resolver};
use postrider_webhook::{OutboundClient, OutboundConfig, OutboundError};
use tokio::net::TcpSocket;

use crate::receiver::{Names, Play, Receiver, client, post, private};

fn ok() -> Play {
    Play::Say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned())
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed() {
    let receiver = Receiver::start(ok()).await;
    for addresses in [
        &["127.0.0.1"][..],
        &["::1"],
        &["10.0.0.1", "127.0.0.1"],
        &["::ffff:127.0.0.1"],
        &["169.254.169.254"],
        &["64:ff9b::7f00:1"],
        &["0.0.0.0"],
    ] {
        let names = Names::new(&[("rebound.example", addresses)]);
        let config = OutboundConfig { allow_http: true, ..OutboundConfig::default() };
        let client = OutboundClient::with_resolver(config, names).unwrap();
        let url = format!("http://rebound.example:{}/", receiver.port);
        assert_eq!(post(&client, &url).await, Err(OutboundError::Blocked), "{addresses:?}");
        assert_eq!(client.get(&url, 10).await, Err(OutboundError::Blocked), "{addresses:?}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn the_system_resolver_finds_localhost_and_it_is_refused_all_the_same() {
    let receiver = Receiver::start(ok()).await;
    let config = OutboundConfig { allow_http: true, ..OutboundConfig::default() };
    let url = format!("http://localhost:{}/", receiver.port);
    let refused = post(&OutboundClient::new(config).unwrap(), &url).await;
    assert_eq!(refused, Err(OutboundError::Blocked));
    assert_eq!(receiver.connections(), 0);
    let answer = post(&OutboundClient::new(private()).unwrap(), &url).await.unwrap();
    assert_eq!(answer.status, 200);
}

/// Answers differently every time it is asked.
struct Fickle(std::sync::Mutex<Vec<&'static str>>);

#[async_trait]
impl Resolver for Fickle {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let next = self.0.lock().unwrap().remove(0);
        Ok(vec![next.parse().unwrap()])
    }
}

#[tokio::test]
async fn the_address_that_was_judged_is_the_one_connected_to() {
    let receiver = Receiver::start(ok()).await;
    // Asked a second time within a call it would lead elsewhere.
    let names = Arc::new(Fickle(std::sync::Mutex::new(vec!["127.0.0.1", "169.254.169.254", "127.0.0.1"])));
    let client = OutboundClient::with_resolver(private(), names).unwrap();
    let url = format!("http://fickle.example:{}/", receiver.port);
    assert_eq!(post(&client, &url).await.unwrap().status, 200);
    assert_eq!(post(&client, &url).await, Err(OutboundError::Blocked));
    assert_eq!(post(&client, &url).await.unwrap().status, 200);
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn addresses_that_may_not_be_called_are_passed_over_for_those_that_may() {
    let receiver = Receiver::start(ok()).await;
    let names = Names::new(&[("mixed.example", &["169.254.169.254", "::ffff:127.0.0.1", "127.0.0.1"])]);
    let client = OutboundClient::with_resolver(private(), Arc::clone(&names) as Arc<dyn Resolver>).unwrap();
    let url = format!("http://mixed.example:{}/", receiver.port);
    assert_eq!(post(&client, &url).await.unwrap().status, 200);
    assert_eq!((receiver.connections(), names.asked()), (1, 1));
}

#[tokio::test]
async fn an_address_in_the_url_needs_no_resolver_and_no_connection_to_be_refused() {
    let receiver = Receiver::start(ok()).await;
    let names = Names::new(&[]);
    let config = OutboundConfig { allow_http: true, ..OutboundConfig::default() };
    let client = OutboundClient::with_resolver(config, Arc::clone(&names) as Arc<dyn Resolver>).unwrap();
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{}/", receiver.port);
        let refused = post(&client, &url).await;
        assert_eq!(refused, Err(OutboundError::Target(InvalidTarget::Blocked)), "{host}");
    }
    assert_eq!((receiver.connections(), names.asked()), (0, 0));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_an_order() {
    let inside = Receiver::start(ok()).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = inside.url();
        let words = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let receiver = Receiver::start(Play::Say(words)).await;
        let answer = post(&client(), &receiver.url()).await.unwrap();
        assert!(answer.status.is_redirection());
        let answer = client().get(&receiver.url(), 10).await.unwrap();
        assert!(answer.status.is_redirection());
        assert_eq!(receiver.connections(), 2);
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_a_failure_with_a_name() {
    // Held, so that nobody else listens there, and not listened on.
    let held = TcpSocket::new_v4().unwrap();
    held.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}/", held.local_addr().unwrap());
    assert_eq!(post(&client(), &url).await, Err(OutboundError::Refused));
    assert_eq!(post(&client(), "http://nowhere.example/").await, Err(OutboundError::NameNotFound));
    let names = Names::new(&[("empty.example", &[])]);
    let client = OutboundClient::with_resolver(private(), names).unwrap();
    assert_eq!(post(&client, "http://empty.example/").await, Err(OutboundError::NameNotFound));
}

/// Never answers.
struct Mute;

#[async_trait]
impl Resolver for Mute {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_never_answers_is_not_waited_for() {
    let client = OutboundClient::with_resolver(private(), Arc::new(Mute)).unwrap();
    assert_eq!(post(&client, "http://mute.example/").await, Err(OutboundError::NameNotFound));
}

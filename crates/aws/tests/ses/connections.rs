//! Connections to a service: used again, unless there is a reason not to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_aws::ses::Account;
use postrider_core::limits::SES_ACCOUNT_FRESH_MS;
use postrider_core::ports::clock::Clock;
use postrider_testkit::clock::ManualClock;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::scene::sdk;

const ACCOUNT: &str = r#"{"SendingEnabled":true,"ProductionAccessEnabled":true,"EnforcementStatus":"HEALTHY","SendQuota":{"Max24HourSend":50000.0,"MaxSendRate":14.0,"SentLast24Hours":0.0}}"#;

/// What a service does on one connection: its answers, after which it closes it.
type Answers = &'static [u16];

/// A service, and whoever asks it.
struct Service {
    account: Account,
    clock: Arc<ManualClock>,
    connections: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl Service {
    /// Asks, long after whatever was asked before.
    async fn ask(&self) {
        self.clock.advance_ms(10 * SES_ACCOUNT_FRESH_MS);
        self.account.refresh().await;
    }

    /// How many connections there were, and how many questions over them.
    fn counted(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.asked.load(Ordering::SeqCst))
    }
}

/// A service whose connections are each dealt with as the next of `answers` says.
async fn service(answers: &'static [Answers]) -> Service {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    let (connections, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, questions) = (Arc::clone(&connections), Arc::clone(&asked));
    tokio::spawn(async move {
        for answers in answers {
            let Ok((stream, _)) = listener.accept().await else { return };
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(stream, answers, Arc::clone(&questions)));
        }
    });
    let clock = Arc::new(ManualClock::default());
    let account = Account::new(&sdk(&url), 100, Arc::clone(&clock) as Arc<dyn Clock>);
    Service { account, clock, connections, asked }
}

async fn answer(stream: TcpStream, answers: Answers, asked: Arc<AtomicUsize>) {
    let mut stream = BufReader::new(stream);
    for status in answers {
        let mut line = String::new();
        // A GET has no body: the head ends with an empty line.
        while line != "\r\n" {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
        }
        asked.fetch_add(1, Ordering::SeqCst);
        let answer = format!(
            "HTTP/1.1 {status} Whatever\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{ACCOUNT}",
            ACCOUNT.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let service = service(&[&[200, 200, 200]]).await;
    for _ in 0..3 {
        service.ask().await;
    }
    assert_eq!(service.counted(), (1, 3));
}

/// It may be one broken machine of many behind an address that fails.
#[tokio::test]
async fn a_connection_over_which_the_service_failed_is_not_used_again() {
    let service = service(&[&[503, 503], &[200]]).await;
    service.ask().await;
    assert!(service.account.view().is_none());
    service.ask().await;
    assert!(service.account.view().is_some());
    assert_eq!(service.counted(), (2, 2));
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced() {
    let service = service(&[&[200], &[200], &[200]]).await;
    for _ in 0..3 {
        service.ask().await;
    }
    assert_eq!(service.counted(), (3, 3));
}

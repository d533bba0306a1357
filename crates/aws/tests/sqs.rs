//! The way out of an SQS queue.

#![expect(clippy::expect_used, reason = "the helpers of tests fail as tests do")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use postrider_aws::http_client::{Roots, http_client};
use postrider_aws::ingest::QueueMessage;
use postrider_aws::ses_event::{EventKind, read};
use postrider_aws::sqs::{
    AwsQueue, Handler, Queue, QueueFault, Received, Retry, SqsConfig, poll, ses_event_of_sqs_body,
};
use postrider_core::ports::clock::Random;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

const BOUNCE: &str = include_str!("fixtures/ses/event_bounce_permanent_no_email.json");

#[test]
fn an_event_is_found_raw_and_in_its_envelope() {
    let expected = read(BOUNCE.as_bytes()).expect("event");
    let enveloped =
        json!({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:x", "Message": BOUNCE});
    assert_eq!(ses_event_of_sqs_body(BOUNCE), Ok(expected.clone()));
    assert_eq!(ses_event_of_sqs_body(&enveloped.to_string()), Ok(expected));
    let words = "Successfully validated SNS topic for Amazon SES event publishing.";
    for body in [words.to_owned(), json!({"Type": "Notification", "Message": words}).to_string()] {
        assert_eq!(ses_event_of_sqs_body(&body).map(|event| event.kind), Ok(EventKind::Announcement));
    }
    for body in ["", "hello", "{}", "[1]", r#"{"Type":"Notification","Message":"hello"}"#] {
        assert!(ses_event_of_sqs_body(body).is_err(), "{body}");
    }
}

struct Counting(AtomicU64);

impl Random for Counting {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(7, Ordering::Relaxed)
    }
}

fn random() -> Arc<dyn Random> {
    Arc::new(Counting(AtomicU64::new(0)))
}

/// A queue that answers as it is told to, then ends the test.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<Vec<Received>, QueueFault>>>,
    asked: Mutex<Vec<Instant>>,
    deleted: Mutex<Vec<String>>,
    stop: Mutex<Option<watch::Sender<bool>>>,
    fails_to_delete: bool,
}

impl Script {
    fn new(answers: Vec<Result<Vec<Received>, QueueFault>>) -> (Self, watch::Receiver<bool>) {
        let (stop, stopped) = watch::channel(false);
        (
            Self { answers: Mutex::new(answers.into()), stop: Mutex::new(Some(stop)), ..Self::default() },
            stopped,
        )
    }

    /// Seconds between the requests.
    fn pauses(&self) -> Vec<f64> {
        let asked = self.asked.lock().expect("lock");
        asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect()
    }
}

#[async_trait]
impl Queue for Script {
    async fn receive(&self) -> Result<Vec<Received>, QueueFault> {
        self.asked.lock().expect("lock").push(Instant::now());
        let answer = self.answers.lock().expect("lock").pop_front();
        match answer {
            Some(answer) => answer,
            None => {
                if let Some(stop) = self.stop.lock().expect("lock").as_ref() {
                    stop.send(true).expect("somebody listens");
                }
                std::future::pending().await
            }
        }
    }

    async fn delete(&self, receipts: Vec<String>) -> Result<(), QueueFault> {
        if self.fails_to_delete {
            return Err(QueueFault("no".to_owned()));
        }
        self.deleted.lock().expect("lock").extend(receipts);
        Ok(())
    }
}

/// Deals with everything but what says `bad`.
#[derive(Default)]
struct Picky(Mutex<Vec<String>>);

#[async_trait]
impl Handler for Picky {
    async fn handle(&self, message: &QueueMessage) -> Result<(), Retry> {
        let body = message.body.as_deref().unwrap_or_default();
        if body == "bad" {
            return Err(Retry);
        }
        self.0.lock().expect("lock").push(body.to_owned());
        Ok(())
    }
}

fn messages(bodies: &[&str]) -> Result<Vec<Received>, QueueFault> {
    let message = |body: &&str| Received {
        message: QueueMessage { body: Some((*body).to_owned()), ..QueueMessage::default() },
        receipt: format!("receipt of {body}"),
    };
    Ok(bodies.iter().map(message).collect())
}

async fn run(script: Script, stop: watch::Receiver<bool>) -> (Arc<Script>, Vec<String>) {
    let (queue, handler) = (Arc::new(script), Arc::new(Picky::default()));
    poll(Arc::clone(&queue) as _, Arc::clone(&handler) as _, random(), 1, stop).await;
    let handled = handler.0.lock().expect("lock").clone();
    (queue, handled)
}

#[tokio::test(start_paused = true)]
async fn only_what_has_been_dealt_with_is_deleted() {
    let (script, stop) = Script::new(vec![messages(&["a", "bad", "b"]), messages(&["c"])]);
    let (queue, handled) = run(script, stop).await;
    assert_eq!(handled, ["a", "b", "c"]);
    assert_eq!(*queue.deleted.lock().expect("lock"), ["receipt of a", "receipt of b", "receipt of c"]);
}

#[tokio::test(start_paused = true)]
async fn faults_are_followed_by_ever_longer_pauses_up_to_a_minute() {
    let mut answers: Vec<_> = (0..12).map(|_| Err(QueueFault("no network".to_owned()))).collect();
    answers.push(messages(&["a"]));
    answers.push(Err(QueueFault("no network".to_owned())));
    let (script, stop) = Script::new(answers);
    let (queue, handled) = run(script, stop).await;
    assert_eq!(handled, ["a"]);
    let pauses = queue.pauses();
    for (number, pause) in pauses[..12].iter().enumerate() {
        let ceiling = f64::from(1u32 << number.min(10)).min(60.0);
        assert!((ceiling / 2.0 - 0.01..=ceiling + 0.01).contains(pause), "{number}: {pause}");
    }
    assert!(pauses[12] < 0.01, "at once after a success: {}", pauses[12]);
    assert!(pauses[13] <= 1.01, "and from the beginning after the next fault: {}", pauses[13]);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_taken_at_once_while_nothing_can_be_dealt_with() {
    let (script, stop) = Script::new(vec![messages(&["bad"]), messages(&["bad", "bad"])]);
    let (queue, _) = run(script, stop).await;
    assert!(queue.pauses().iter().all(|pause| *pause >= 0.5), "{:?}", queue.pauses());
    assert!(queue.deleted.lock().expect("lock").is_empty());
    let (mut script, stop) = Script::new(vec![messages(&["a"])]);
    script.fails_to_delete = true;
    let (queue, _) = run(script, stop).await;
    assert!(queue.pauses().iter().all(|pause| *pause >= 0.5), "{:?}", queue.pauses());
}

#[tokio::test(start_paused = true)]
async fn an_empty_queue_that_answers_at_once_is_not_asked_without_end() {
    let (script, stop) = Script::new((0..5).map(|_| messages(&[])).collect());
    let (queue, _) = run(script, stop).await;
    assert!(queue.pauses().iter().all(|pause| *pause >= 0.99), "{:?}", queue.pauses());
}

#[tokio::test(start_paused = true)]
async fn what_has_been_received_is_finished_when_the_stop_comes() {
    struct Slow(watch::Sender<bool>);

    #[async_trait]
    impl Handler for Slow {
        async fn handle(&self, _: &QueueMessage) -> Result<(), Retry> {
            self.0.send(true).expect("somebody listens");
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok(())
        }
    }

    let (stop, stopped) = watch::channel(false);
    let (script, _other) = Script::new(vec![messages(&["a"]), messages(&["b"])]);
    let queue = Arc::new(script);
    poll(Arc::clone(&queue) as _, Arc::new(Slow(stop)), random(), 1, stopped).await;
    assert_eq!(*queue.deleted.lock().expect("lock"), ["receipt of a"]);
}

/// Speaks as much of the SQS protocol as is needed, and keeps what it was asked.
async fn fake_sqs(listener: TcpListener, asked: Arc<Mutex<Vec<(String, Value)>>>) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let asked = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut buffer = Vec::new();
            loop {
                let mut chunk = [0; 4096];
                let count = stream.read(&mut chunk).await.unwrap_or(0);
                if count == 0 {
                    return;
                }
                buffer.extend_from_slice(&chunk[..count]);
                let text = String::from_utf8_lossy(&buffer).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let field = |name: &str| {
                    let fields = head.lines().filter_map(|line| line.split_once(':'));
                    let mut own = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
                    own.next().map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
                };
                if body.len() < field("content-length").parse().unwrap_or(0) {
                    continue;
                }
                let action = field("x-amz-target");
                asked.lock().expect("lock").push((action.clone(), serde_json::from_str(body).expect("JSON")));
                let (status, answer) = match action.as_str() {
                    "AmazonSQS.ReceiveMessage" => (
                        "200 OK",
                        json!({"Messages": [
                            {"MessageId": "1", "ReceiptHandle": "r1", "Body": "one",
                             "Attributes": {"ApproximateReceiveCount": "3"},
                             "MessageAttributes": {"eventType": {"DataType": "String", "StringValue": "order.shipped"}}},
                            {"MessageId": "2", "ReceiptHandle": "r2", "Body": "two"},
                        ]}),
                    ),
                    "AmazonSQS.DeleteMessageBatch" if body.contains("stale") => (
                        "200 OK",
                        json!({"Successful": [], "Failed": [
                            {"Id": "0", "Code": "ReceiptHandleIsInvalid", "SenderFault": true},
                        ]}),
                    ),
                    "AmazonSQS.DeleteMessageBatch" => {
                        ("200 OK", json!({"Successful": [{"Id": "0"}], "Failed": []}))
                    }
                    _ => ("400 Bad Request", json!({"__type": "com.amazonaws.sqs#UnsupportedOperation"})),
                };
                let answer = answer.to_string();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
                    answer.len()
                );
                stream.write_all(format!("{head}{answer}").as_bytes()).await.expect("writes");
                buffer.clear();
            }
        });
    }
}

#[tokio::test]
async fn requests_are_those_of_the_sqs_protocol() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = format!("http://{}", listener.local_addr().expect("address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(fake_sqs(listener, Arc::clone(&asked)));
    let credentials = Credentials::new("test", "test", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(Roots::BuiltIn))
        .build();
    let queue_url = format!("{endpoint}/111122223333/feedback");
    let config = SqsConfig { queue_url: queue_url.clone(), region: None, endpoint_url: Some(endpoint) };
    let queue = AwsQueue::with_sdk(&sdk, config);

    let received = queue.receive().await.expect("receives");
    let bodies: Vec<&str> = received.iter().filter_map(|received| received.message.body.as_deref()).collect();
    assert_eq!(bodies, ["one", "two"]);
    let first = &received[0].message;
    assert_eq!((first.message_id.as_str(), first.receive_count()), ("1", 3));
    assert_eq!(first.attribute("eventType"), Some("order.shipped"));
    queue.delete(received.into_iter().map(|message| message.receipt).collect()).await.expect("deletes");
    let fault = queue.delete(vec!["stale".to_owned()]).await.expect_err("is told");
    assert_eq!(fault.to_string(), "1 were not deleted: ReceiptHandleIsInvalid");

    let asked = asked.lock().expect("lock");
    let (action, request) = &asked[0];
    assert_eq!(action, "AmazonSQS.ReceiveMessage");
    assert_eq!(request["QueueUrl"], queue_url);
    assert_eq!((&request["MaxNumberOfMessages"], &request["WaitTimeSeconds"]), (&json!(10), &json!(20)));
    let (action, request) = &asked[1];
    assert_eq!(action, "AmazonSQS.DeleteMessageBatch");
    let receipts =
        request["Entries"].as_array().expect("entries").iter().map(|entry| entry["ReceiptHandle"].clone());
    assert_eq!(receipts.collect::<Vec<_>>(), ["r1", "r2"]);
}

#[tokio::test]
async fn a_queue_that_cannot_be_reached_is_a_fault_with_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = format!("http://{}", listener.local_addr().expect("address"));
    drop(listener);
    let credentials = Credentials::new("test", "secret-words", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(Roots::BuiltIn))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build();
    let config = SqsConfig { queue_url: endpoint.clone(), region: None, endpoint_url: Some(endpoint) };
    let fault = AwsQueue::with_sdk(&sdk, config).receive().await.expect_err("nobody is there").to_string();
    assert!(fault.len() > 10 && fault.len() <= 500 && !fault.contains("secret-words"), "{fault}");
}

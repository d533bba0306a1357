//! The adapter to the SDK, against an endpoint that answers by a script: every answer of the service is classified, a
//! call is made once, and a condition that does not hold shows what is there.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use postrider_aws::http_client::{Roots, http_client};
use postrider_dynamodb::sdk::SdkTable;
use postrider_dynamodb::table::{
    Change, Condition, Consistency, Index, Indexed, Item, Key, Passing, Query, Table as _, TableError, Write,
    Written,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What one request is answered with.
#[derive(Clone)]
enum Answer {
    /// This status and body.
    Json(u16, Value),
    /// The connection is closed without a word.
    Nothing,
    /// A body that is no JSON.
    Garbage,
}

/// An endpoint, and what it was asked: operation and body.
struct Scripted {
    table: SdkTable,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

async fn scripted(answers: impl IntoIterator<Item = Answer>) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = format!("http://{}", listener.local_addr().expect("address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let answers: VecDeque<Answer> = answers.into_iter().collect();
    tokio::spawn(serve(listener, Arc::new(Mutex::new(answers)), Arc::clone(&asked)));
    let credentials = Credentials::new("test", "test", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(Roots::BuiltIn))
        .build();
    Scripted { table: SdkTable::new(&sdk, "ledger", Some(&endpoint)), asked }
}

async fn serve(
    listener: TcpListener,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&answers), Arc::clone(&asked)));
    }
}

async fn converse(
    mut stream: TcpStream,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
) {
    let mut received = Vec::new();
    loop {
        let Some((operation, body, rest)) = request(&mut stream, received).await else { return };
        received = rest;
        asked.lock().expect("lock").push((operation, body));
        let answer = answers.lock().expect("lock").pop_front().expect("an answer for every request");
        let (status, body) = match answer {
            Answer::Json(status, body) => (status, body.to_string()),
            Answer::Garbage => (200, "<html>".to_owned()),
            Answer::Nothing => return,
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("answers");
    }
}

/// One request: its operation, its body, and what came after it.
async fn request(stream: &mut TcpStream, mut received: Vec<u8>) -> Option<(String, Value, Vec<u8>)> {
    loop {
        if let Some(head) = received.windows(4).position(|end| end == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&received[..head]).to_lowercase();
            let header = |name: &str| {
                text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
            };
            let length: usize = header("content-length:").and_then(|text| text.parse().ok())?;
            if received.len() >= head + 4 + length {
                let rest = received.split_off(head + 4 + length);
                let body = serde_json::from_slice(&received[head + 4..]).ok()?;
                return Some((header("x-amz-target:")?, body, rest));
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => received.extend_from_slice(&more[..count]),
        }
    }
}

fn key() -> Key {
    Key::new(b"n0123456789", b"n")
}

fn item() -> Item {
    let indexed = Indexed { time: Some(b"n0".to_vec()), sort: Some(b"id".to_vec()), ..Indexed::default() };
    let (token, body) = ([7; 8], b"body".to_vec());
    Item { key: key(), version: 3, token, indexed, label: None, expires_at: Some(9), body }
}

/// The item as the service shows it.
fn shown() -> Value {
    json!({
        "pk": {"B": "bjAxMjM0NTY3ODk="}, "sk": {"B": "bg=="}, "v": {"N": "3"}, "w": {"B": "BwcHBwcHBwc="},
        "t": {"B": "bjA="}, "i": {"B": "aWQ="}, "x": {"N": "9"}, "b": {"B": "Ym9keQ=="}
    })
}

fn put(condition: Condition) -> Write {
    Write { change: Change::Put(Box::new(item())), condition }
}

fn error(code: &str) -> Value {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "words"})
}

/// Every code the service documents, as a write meets it, and a few it might.
#[tokio::test]
async fn every_error_has_its_meaning() {
    let throttled = TableError::Passing(Passing::Throttled);
    let conflict = TableError::Passing(Passing::Conflict);
    let server = TableError::Passing(Passing::Server);
    for (status, code, expected) in [
        (400, "ProvisionedThroughputExceededException", &throttled),
        (400, "ThrottlingException", &throttled),
        (400, "RequestLimitExceeded", &throttled),
        (429, "SomethingNew", &throttled),
        (400, "TransactionConflictException", &conflict),
        (400, "TransactionInProgressException", &conflict),
        (400, "ReplicatedWriteConflictException", &conflict),
        (500, "InternalServerError", &server),
        (503, "ServiceUnavailable", &server),
        (502, "SomethingNew", &server),
    ] {
        let scripted = scripted([Answer::Json(status, error(code))]).await;
        assert_eq!(scripted.table.write(&put(Condition::Absent)).await.as_ref(), Err(expected), "{code}");
        assert_eq!(scripted.asked.lock().expect("lock").len(), 1, "{code} is not repeated by the SDK");
    }
    for code in [
        "ValidationException",
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "ItemCollectionSizeLimitExceededException",
        "SomethingNew",
    ] {
        let scripted = scripted([Answer::Json(400, error(code))]).await;
        let refused = scripted.table.write(&put(Condition::Absent)).await;
        let Err(TableError::Refused { code: told, .. }) = &refused else { panic!("{code}: {refused:?}") };
        assert_eq!(told, code);
    }
}

/// No answer, half an answer and no sense in it: nobody knows what happened.
#[tokio::test]
async fn what_was_not_answered_may_have_happened() {
    for answer in [Answer::Nothing, Answer::Garbage] {
        let scripted = scripted([answer]).await;
        let failed = scripted.table.write(&put(Condition::Absent)).await;
        assert_eq!(failed, Err(TableError::Passing(Passing::Unanswered)));
        assert_eq!(scripted.asked.lock().unwrap().len(), 1, "it was asked");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = format!("http://{}", listener.local_addr().expect("address"));
    drop(listener);
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "test")))
        .http_client(http_client(Roots::BuiltIn))
        .build();
    let table = SdkTable::new(&sdk, "ledger", Some(&endpoint));
    let failed = table.get(&key(), Consistency::Strong).await;
    assert_eq!(failed, Err(TableError::Passing(Passing::Unanswered)));
}

/// A condition that does not hold shows the item that is there, without another read.
#[tokio::test]
async fn a_refused_write_shows_what_is_there() {
    let mut answer = error("ConditionalCheckFailedException");
    answer["Item"] = shown();
    let scripted = scripted([Answer::Json(400, answer)]).await;
    let refused = scripted.table.write(&put(Condition::Version(2))).await.expect("answered");
    let Written::Refused(refusals) = refused else { panic!("{refused:?}") };
    assert_eq!((&refusals[0].key, refusals[0].found.as_deref()), (&key(), Some(&item())));
    let asked = scripted.asked.lock().expect("lock");
    let (operation, request) = &asked[0];
    assert_eq!(operation, "dynamodb_20120810.putitem");
    assert_eq!(request["Item"], shown());
    assert_eq!(request["ConditionExpression"], "#a = :v");
    assert_eq!(
        (&request["ExpressionAttributeNames"]["#a"], &request["ExpressionAttributeValues"][":v"]["N"]),
        (&json!("v"), &json!("2"))
    );
    assert_eq!(request["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    assert_eq!(request["ReturnConsumedCapacity"], "INDEXES");
}

/// A transaction tells which of its conditions did not hold; another reason is graver.
#[tokio::test]
async fn a_canceled_transaction_tells_why() {
    let other = Write { change: Change::Delete(Key::new(b"a", b"a")), condition: Condition::Version(1) };
    let writes = [put(Condition::Absent), other];
    let canceled = |second: &str| {
        let mut answer = error("TransactionCanceledException");
        answer["CancellationReasons"] = json!([
            {"Code": "ConditionalCheckFailed", "Message": "words", "Item": shown()},
            {"Code": second}
        ]);
        Answer::Json(400, answer)
    };
    let scripted =
        scripted([canceled("None"), canceled("TransactionConflict"), canceled("ThrottlingError")]).await;
    let refused = scripted.table.transact(&writes, "token").await.expect("answered");
    let Written::Refused(refusals) = refused else { panic!("{refused:?}") };
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].found.as_deref(), Some(&item()));
    for expected in [Passing::Conflict, Passing::Throttled] {
        let failed = scripted.table.transact(&writes, "token").await;
        assert_eq!(failed, Err(TableError::Passing(expected)));
    }
    let asked = scripted.asked.lock().expect("lock");
    assert!(asked.iter().all(|(_, request)| request["ClientRequestToken"] == "token"));
}

/// What the service counts is counted here.
#[tokio::test]
async fn used_capacity_adds_up() {
    let written = json!({"ConsumedCapacity": {"TableName": "ledger", "CapacityUnits": 4.0, "Table": {"CapacityUnits": 1.0},
        "GlobalSecondaryIndexes": {"recipient": {"CapacityUnits": 1.0}, "time": {"CapacityUnits": 1.0}, "due": {"CapacityUnits": 1.0}}}});
    let read = json!({"Item": shown(), "ConsumedCapacity": {"TableName": "ledger", "CapacityUnits": 0.5}});
    let found =
        json!({"Items": [], "Count": 0, "ConsumedCapacity": {"TableName": "ledger", "CapacityUnits": 0.5}});
    let scripted = scripted([written, read, found].map(|answer| Answer::Json(200, answer))).await;
    let table = &scripted.table;
    assert_eq!(table.write(&put(Condition::Absent)).await, Ok(Written::Done));
    assert_eq!(table.get(&key(), Consistency::Eventual).await, Ok(Some(item())));
    let page = table.query_index(Index::Due, &Query::forward(b"q0", 5)).await.expect("answered");
    assert_eq!((page.found, page.next), (Vec::new(), None));
    let used = table.meter().read();
    assert_eq!((used.requests, used.write_units(), used.read_half_units), (3, 4, 2));
    assert_eq!((used.table_write_units, used.index_write_units), (1, [0, 1, 1, 1]));
}

/// An item of another kind is not taken for one of ours.
#[tokio::test]
async fn an_item_that_cannot_be_read_is_told() {
    let mut strange = shown();
    strange["v"] = json!({"S": "three"});
    let scripted = scripted([Answer::Json(200, json!({"Item": strange}))]).await;
    let failed = scripted.table.get(&key(), Consistency::Strong).await;
    assert!(matches!(failed, Err(TableError::Unreadable { .. })), "{failed:?}");
}

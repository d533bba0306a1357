//! An HTTP API of API Gateway: a request as the payload (2.0) of an invocation, and the answer as HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use postrider_lambda::api::ApiFunction;
use postrider_lambda::invocation::Invocation;
use serde_json::{Map, Value, json};

/// The name by which the gateway is reached.
const HOST: &str = "a1b2c3d4.execute-api.eu-central-1.amazonaws.com";

/// What came back.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The pointers of every wrong field, sorted.
    pub fn pointers(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().into_iter().flatten();
        let mut pointers: Vec<_> =
            errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect();
        pointers.sort();
        pointers
    }

    /// Asserts status and code of a problem.
    pub fn expect(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.json()["code"].as_str()), (status, Some(code)), "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        self
    }
}

/// Asks `function` as somebody whom IAM has let in.
pub async fn ask(
    function: &ApiFunction,
    invocation: &Invocation,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let request =
        lambda_http::request::from_str(&payload(method, target, headers, body).to_string()).unwrap();
    let (response, _) = function.handle(request, invocation).await;
    let (head, body) = response.into_parts();
    let lines = head.headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: head.status.as_u16(), head: lines.collect(), bytes }
}

fn payload(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Value {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut named = Map::from_iter([
        ("host".to_owned(), json!(HOST)),
        ("x-forwarded-for".to_owned(), json!("203.0.113.7")),
    ]);
    if matches!(method, "POST" | "PUT" | "PATCH") {
        named.insert("content-type".to_owned(), json!("application/json"));
        named.insert("content-length".to_owned(), json!(body.len().to_string()));
    }
    for (name, value) in headers {
        named.insert(name.to_ascii_lowercase(), json!(value));
    }
    // What is no text comes in Base64, as everything may.
    let (text, is_encoded) = match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(body), true),
    };
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": named,
        "requestContext": {
            "accountId": "111122223333", "apiId": "a1b2c3d4", "domainName": HOST, "domainPrefix": "a1b2c3d4",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "shop" },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": "$default",
            "time": "23/Nov/2026:10:00:00 +0000", "timeEpoch": 1_795_428_000_000_u64,
            "authorizer": { "iam": {
                "accessKey": "AKIA", "accountId": "111122223333", "callerId": "AROA", "cognitoIdentity": null,
                "principalOrgId": "o-1", "userArn": "arn:aws:iam::111122223333:user/shop", "userId": "AIDA"
            } }
        },
        "body": if text.is_empty() { Value::Null } else { text.into() }, "isBase64Encoded": is_encoded
    })
}

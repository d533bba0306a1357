//! A request as an HTTP API of API Gateway hands it to a function: payload 2.0.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

/// The name by which the gateway is reached.
pub const HOST: &str = "a1b2c3d4.execute-api.eu-central-1.amazonaws.com";

/// The payload of a request by somebody whom IAM has let in. `target` is a path, and what follows a `?`.
#[must_use]
pub fn payload(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Value {
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
        Err(_) => (BASE64_STANDARD.encode(body), true),
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

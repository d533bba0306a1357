//! The HTTP API as API Gateway has it: its route decides who is let in, its integration which function is asked how.

use postrider_testkit::emulator::lambda::Function;
use serde_json::{Value, json};

use crate::running::{Live, Running, invoke};

/// The API of a stack and a process of the function behind it.
pub struct Gateway {
    host: String,
    caller: Value,
    account: String,
    function: Function,
}

impl Gateway {
    /// By the stack's `ApiUrl`.
    pub fn of(running: &Running, api: &Live) -> Self {
        let host = running.output("ApiUrl").trim_start_matches("https://").trim_start_matches("http://");
        let id = host.split('.').next().unwrap();
        let get = |what: &str| {
            let path = format!("/v2/apis/{id}/{what}");
            let answer = running.account.rest("apigateway", "GET", &path, &Value::Null).unwrap();
            let mut items = answer["items"].as_array().unwrap().clone();
            assert_eq!(items.len(), 1, "{items:#?}");
            items.remove(0)
        };
        let (route, integration) = (get("routes"), get("integrations"));
        assert_eq!(route["routeKey"], "$default");
        assert_eq!(
            route["target"],
            format!("integrations/{}", integration["integrationId"].as_str().unwrap())
        );
        assert_eq!(integration["integrationUri"], api.alias());
        assert_eq!(integration["payloadFormatVersion"], "2.0");
        let account = running.account.number().to_owned();
        let caller = match route["authorizationType"].as_str().unwrap() {
            "AWS_IAM" => json!({ "iam": {
                "accessKey": "AKIAEXAMPLE",
                "accountId": account,
                "userArn": format!("arn:aws:iam::{account}:role/shop"),
            } }),
            "JWT" => json!({ "jwt": { "claims": { "sub": "shop" }, "scopes": null } }),
            other => panic!("the route lets in whoever: {other}"),
        };
        Self { host: host.to_owned(), caller, account, function: api.start() }
    }

    /// Asks, and tells the status and the JSON of the answer.
    pub fn ask(&self, method: &str, path: &str, query: &str, body: Option<&Value>) -> (u16, Value) {
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": { "host": self.host, "content-type": "application/json" },
            "requestContext": {
                "accountId": self.account,
                "apiId": self.host.split('.').next(),
                "authorizer": self.caller,
                "domainName": self.host,
                "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "shop/1.0" },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "$default",
                "stage": "$default",
                "time": "25/Nov/2026:09:00:00 +0000",
                "timeEpoch": 1_795_597_200_000_u64,
            },
            "isBase64Encoded": false,
        });
        if let Some(body) = body {
            event["body"] = body.to_string().into();
        }
        let answer = invoke(&self.function, &event);
        let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
        (status, serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default())
    }

    /// The notifications that a query finds, on one page.
    pub fn found(&self, query: &str) -> Vec<Value> {
        let (status, page) = self.ask("GET", "/v1/notifications", query, None);
        assert_eq!(status, 200, "{query}: {page:#}");
        page["data"].as_array().unwrap().clone()
    }

    /// The status of the one notification about an order.
    pub fn status_of(&self, order_id: &str) -> String {
        let found = self.found(&format!("orderId={order_id}"));
        assert_eq!(found.len(), 1, "{order_id}: {found:#?}");
        found[0]["status"].as_str().unwrap().to_owned()
    }
}

//! The HTTP API as API Gateway has it: its route decides who is let in, its integration which function is asked how.

use postrider_testkit::emulator::lambda::Function;
use serde_json::{Value, json};

use crate::running::{Live, Running, invoke};

/// The API of a stack and a process of the function behind it.
pub struct Gateway {
    host: String,
    account: String,
    /// Each route's key, and how it lets callers in.
    routes: Vec<(String, String)>,
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
            answer["items"].as_array().unwrap().clone()
        };
        let integrations = get("integrations");
        let routes = get("routes");
        let routes = routes.iter().map(|route| {
            let target = route["target"].as_str().unwrap().trim_start_matches("integrations/");
            let integration = integrations.iter().find(|one| one["integrationId"] == target).unwrap();
            assert_eq!(integration["integrationUri"], api.alias());
            assert_eq!(integration["payloadFormatVersion"], "2.0");
            let text = |name: &str| route[name].as_str().unwrap().to_owned();
            (text("routeKey"), text("authorizationType"))
        });
        let routes = routes.collect();
        let account = running.account.number().to_owned();
        Self { host: host.to_owned(), account, routes, function: api.start() }
    }

    /// The route of a request, the one without a path where no other fits.
    fn route(&self, method: &str, path: &str) -> &(String, String) {
        let fits = |key: &str| {
            let Some((of_method, template)) = key.split_once(' ') else { return false };
            let mut parts = template.split('/').zip(path.split('/'));
            (of_method == method || of_method == "ANY")
                && template.split('/').count() == path.split('/').count()
                && parts.all(|(part, given)| part == given || part.starts_with('{'))
        };
        let default = || self.routes.iter().find(|(key, _)| key == "$default").unwrap();
        self.routes.iter().find(|(key, _)| fits(key)).unwrap_or_else(default)
    }

    /// Whether it lets nobody in without credentials.
    pub fn asks_who(&self, method: &str, path: &str) -> bool {
        self.route(method, path).1 != "NONE"
    }

    /// How a request's caller is told to the function: as somebody whom the route let in.
    fn caller(&self, authorization: &str) -> Value {
        match authorization {
            "AWS_IAM" => json!({ "iam": {
                "accessKey": "AKIAEXAMPLE",
                "accountId": self.account,
                "userArn": format!("arn:aws:iam::{}:role/shop", self.account),
            } }),
            "JWT" => json!({ "jwt": { "claims": { "sub": "shop" }, "scopes": null } }),
            "NONE" => Value::Null,
            other => panic!("the test does not know the authorization {other}"),
        }
    }

    /// Asks, and tells the status and the JSON of the answer.
    pub fn ask(&self, method: &str, path: &str, query: &str, body: Option<&Value>) -> (u16, Value) {
        let (key, authorization) = self.route(method, path);
        let mut event = json!({
            "version": "2.0",
            "routeKey": key,
            "rawPath": path,
            "rawQueryString": query,
            "headers": { "host": self.host, "content-type": "application/json" },
            "requestContext": {
                "accountId": self.account,
                "apiId": self.host.split('.').next(),
                "domainName": self.host,
                "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "shop/1.0" },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": key,
                "stage": "$default",
                "time": "25/Nov/2026:09:00:00 +0000",
                "timeEpoch": 1_795_597_200_000_u64,
            },
            "isBase64Encoded": false,
        });
        let caller = self.caller(authorization);
        if !caller.is_null() {
            event["requestContext"]["authorizer"] = caller;
        }
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

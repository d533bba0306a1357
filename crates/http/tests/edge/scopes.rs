//! Which route asks for which scope.

use axum::body::Body;
use base64::Engine as _;
use postrider_http::access::routes::{Needs, ROUTES, Route, route};
use serde_json::{Value, json};

use crate::keys::{bearer, key_for, token};
use crate::world::World;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// A path of the route, about things that do not exist.
fn filled(path: &str) -> String {
    path.replace("{id}", "ntf_0000000000000000000000000n")
        .replace("{address}", "ada%40example.com")
        .replace("{type}", "no_such_type")
        .replace("{token}", "no-token")
}

#[test]
fn every_operation_that_is_described_says_what_it_asks_of_its_caller() {
    let description: Value = serde_json::from_str(&postrider_http::openapi::description()).unwrap();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let found = route(&method.to_uppercase().parse().unwrap(), Some(path));
            let Route::Known(needs) = found else {
                panic!("{method} {path} is in no line of access::routes, so it is not answered: add one")
            };
            let scope = match needs {
                Needs::Scope(scope) => scope.as_str().into(),
                Needs::ReadOnceKeysExist => "read".into(),
                Needs::Nothing | Needs::OurName => Value::Null,
            };
            assert_eq!(operation["security"][0]["bearer"][0], scope, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_line_of_the_table_is_a_route_and_says_401_without_a_key() {
    let world = World::new();
    key_for(&world, &["read"]).await;
    for (method, path, needs) in ROUTES {
        let answer = world.ask(method.as_str(), &filled(path), &[], Body::empty()).await;
        let is_open = matches!(needs, Needs::Nothing | Needs::OurName);
        assert_eq!(answer.status == 401, !is_open, "{method} {path}: {}", answer.status);
        assert!(answer.status != 405, "{method} {path}");
        let is_missing = String::from_utf8_lossy(&answer.bytes).contains("no_such_path");
        assert!(!is_missing, "{method} {path} is no route any more: remove its line");
    }
}

#[tokio::test]
async fn a_key_without_the_scope_learns_nothing_but_which_it_is() {
    let world = World::new();
    let all = key_for(&world, &["send", "read", "manage"]).await;
    let mut keys = Vec::new();
    for scope in ["send", "read", "manage"] {
        let made = world.post("/v1/keys", &[bearer(&all).as_header()], &json!({ "scopes": [scope] })).await;
        keys.push((scope, token(&made)));
    }
    for (method, path, needs) in ROUTES {
        let needed = match needs {
            Needs::Scope(scope) => scope.as_str(),
            Needs::ReadOnceKeysExist => "read",
            Needs::Nothing | Needs::OurName => continue,
        };
        for (scope, key) in &keys {
            // A body that is none, and ids that do not exist: neither is looked at.
            let key = bearer(key);
            let answer = world.ask(method.as_str(), &filled(path), &[key.as_header()], "{").await;
            if *scope == needed {
                assert!(!matches!(answer.status, 401 | 403), "{method} {path}: {}", answer.status);
                continue;
            }
            let answer = answer.expect(403, "forbidden");
            let words = answer.json()["detail"].to_string();
            assert!(words.contains(&format!("`{needed}`")), "{method} {path}: {words}");
            assert!(!words.contains("ntf_") && !words.contains("ada"), "{method} {path}: {words}");
        }
    }
}

#[tokio::test]
async fn what_is_no_route_asks_for_a_key_before_it_says_so() {
    let world = World::new();
    world.get("/v1/nothing").await.expect(404, "no_such_path");
    let key = key_for(&world, &["send"]).await;
    for path in ["/v1/nothing", "/v1/events/", "/v1//events", "/static/x"] {
        world.get(path).await.expect(401, "unauthorized");
        world.ask("GET", path, &[bearer(&key).as_header()], "").await.expect(404, "no_such_path");
    }
    world.ask("DELETE", "/v1/events", &[], "").await.expect(401, "unauthorized");
    let refused = world.ask("DELETE", "/v1/events", &[bearer(&key).as_header()], "").await;
    assert_eq!(refused.expect(405, "method_not_allowed").header("allow"), Some("POST"));
}

#[tokio::test]
async fn what_tells_nothing_about_anybody_needs_no_key() {
    let world = World::new();
    key_for(&world, &["read"]).await;
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    assert_eq!(world.get("/v1/unsubscribe/x").await.status, 404);
    let posted = world.post("/v1/feedback/sns", &[], &json!({})).await;
    posted.expect(403, "sns_not_configured");
}

#[tokio::test]
async fn metrics_are_read_with_a_key_once_there_is_one() {
    let world = World::new();
    let by_any_name = [("host", "collector.example")];
    assert_eq!(world.ask("GET", "/metrics", &by_any_name, "").await.status, 200);
    let key = key_for(&world, &["read"]).await;
    world.get("/metrics").await.expect(401, "unauthorized");
    let with_key = bearer(&key);
    let by_any_name = [("host", "collector.example"), with_key.as_header()];
    assert_eq!(world.ask("GET", "/metrics", &by_any_name, "").await.status, 200);
}

#[tokio::test]
async fn a_method_is_a_route_only_if_the_table_has_it() {
    let world = World::new();
    for (_, path, _) in ROUTES {
        for method in METHODS {
            let known = route(&method.parse().unwrap(), Some(path)) != Route::OtherMethod;
            let answer = world.ask_in_process(method, &filled(path), Body::empty()).await;
            assert_eq!(answer.status == 405, !known, "{method} {path}");
        }
        assert_eq!(
            world.ask_in_process("OPTIONS", &filled(path), "").await.status,
            405,
            "{path}: no other site may ask"
        );
    }
}

#[tokio::test]
async fn a_browser_signs_in_with_the_key_as_password_and_strange_pages_gain_nothing_by_it() {
    let world = World::new();
    let key = key_for(&world, &["read", "manage"]).await;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("ada:{key}"));
    let (basic, host) = (format!("Basic {pair}"), ("host", "192.0.2.7:8025"));
    let signed_in = ("authorization", basic.as_str());
    let challenge = world.ask("GET", "/", &[host], "").await.expect(401, "unauthorized");
    let ways: Vec<_> =
        challenge.headers.get_all("www-authenticate").iter().map(|way| way.to_str().unwrap()).collect();
    assert!(ways[0].starts_with("Bearer") && ways[1].starts_with("Basic"), "{ways:?}");
    let page = world.ask("GET", "/", &[host, signed_in], "").await;
    assert_eq!(page.status, 200);
    assert!(!String::from_utf8_lossy(&page.bytes).contains("No API key exists"));
    // The browser shows the key to a page that a strange one sends here, and asks for it under no borrowed name.
    let reload = "/v1/types/reload";
    for strange in
        [("origin", "https://evil.example"), ("origin", "http://192.0.2.8"), ("sec-fetch-site", "cross-site")]
    {
        world.ask("POST", reload, &[host, signed_in, strange], "").await.expect(403, "forbidden_origin");
    }
    let rebound = ("host", "evil.example");
    let refused = world.ask("GET", "/", &[rebound], "").await.expect(403, "forbidden_host");
    assert!(!refused.headers.contains_key("www-authenticate"), "no browser asks for the key there");
    world.ask("GET", "/", &[rebound, signed_in], "").await.expect(403, "forbidden_host");
    let own = ("origin", "http://192.0.2.7:8025");
    assert_ne!(world.ask("POST", reload, &[host, signed_in, own], "").await.status, 403);
    // Whoever shows it as Bearer has put it there on purpose.
    let with_key = bearer(&key);
    let by_program = [rebound, ("origin", "https://evil.example"), with_key.as_header()];
    assert_eq!(world.ask("GET", "/v1/types", &by_program, "").await.status, 200);
}

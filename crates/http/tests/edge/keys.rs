//! Keys: made, shown once, asked for, revoked.

use std::sync::Arc;

use postrider_core::ports::keys::KeyLedger as _;
use postrider_http::access::Access;
use postrider_testkit::faulty_ledger::Fault::{LoseAnswer, Refuse};
use serde_json::{Value, json};

use crate::world::{Answer, World, event};

/// `Authorization` for one request.
pub struct Bearer(String);

pub fn bearer(key: &str) -> Bearer {
    Bearer(format!("Bearer {key}"))
}

impl Bearer {
    pub fn as_header(&self) -> (&str, &str) {
        ("authorization", &self.0)
    }
}

/// The key that `answer` shows.
pub fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.json());
    answer.json()["key"].as_str().unwrap().to_owned()
}

/// A key with these scopes, made by a command.
pub async fn key_for(world: &World, scopes: &[&str]) -> String {
    token(&world.ask_in_process("POST", "/v1/keys", json!({ "scopes": scopes }).to_string()).await)
}

async fn ids(world: &World) -> Vec<Value> {
    let listed = world.ask_in_process("GET", "/v1/keys", "").await.json();
    listed["data"].as_array().unwrap().iter().map(|key| key["id"].clone()).collect()
}

fn both() -> [World; 2] {
    let mut shared = World::new();
    shared.change(|api| api.access = Arc::new(Access::by_shared_keys()));
    [World::new(), shared]
}

#[tokio::test]
async fn the_first_key_is_made_without_one_and_asked_for_from_then_on() {
    for world in both() {
        assert_eq!(world.post("/v1/events", &[], &event("1")).await.status, 202);
        let made = world.post("/v1/keys", &[], &json!({ "name": "shop" })).await;
        let key = token(&made);
        assert_eq!(
            (made.json()["name"].as_str(), made.header("cache-control")),
            (Some("shop"), Some("no-store"))
        );
        assert_eq!(made.json()["scopes"], json!(["send", "read", "manage"]));
        world.post("/v1/events", &[], &event("2")).await.expect(401, "unauthorized");
        world.post("/v1/keys", &[], &json!({})).await.expect(401, "unauthorized");
        let with_key = bearer(&key);
        assert_eq!(world.post("/v1/events", &[with_key.as_header()], &event("2")).await.status, 202);
        let listed = world.ask("GET", "/v1/keys", &[with_key.as_header()], "").await;
        assert_eq!((listed.status, listed.json()["data"][0]["name"].as_str()), (200, Some("shop")));
        let (text, secret) = (String::from_utf8_lossy(&listed.bytes), key.rsplit('_').next().unwrap());
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_the_last_one_opens_nothing() {
    for world in both() {
        let key = token(&world.post("/v1/keys", &[], &json!({})).await);
        let (with_key, id) = (bearer(&key), ids(&world).await[0].as_str().unwrap().to_owned());
        let path = format!("/v1/keys/{id}");
        assert_eq!(world.ask("DELETE", &path, &[with_key.as_header()], "").await.status, 204);
        world.ask("GET", "/v1/types", &[with_key.as_header()], "").await.expect(401, "unauthorized");
        world.get("/v1/types").await.expect(401, "unauthorized");
        assert_eq!(world.ask_in_process("DELETE", &path, "").await.status, 204, "again");
        let other = "/v1/keys/key_00000000000000000000000000";
        world.ask_in_process("DELETE", other, "").await.expect(404, "key_not_found");
        world.ask_in_process("DELETE", "/v1/keys/x", "").await.expect(404, "key_not_found");
        assert!(world.ask_in_process("GET", "/v1/keys", "").await.json()["data"][0]["revokedAt"].is_string());
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_key_the_answer_is_the_same() {
    for world in both() {
        let (good, revoked) = (key_for(&world, &["read"]).await, key_for(&world, &["read"]).await);
        let id = revoked.split('_').nth(1).unwrap();
        world.ask_in_process("DELETE", &format!("/v1/keys/key_{id}"), "").await;
        let (start, secret) = good.rsplit_once('_').unwrap();
        let other_secret = format!("{start}_{}", secret.chars().rev().collect::<String>());
        let unknown = format!("pr_00000000000000000000000000_{secret}");
        let missing = world.get("/v1/types").await.expect(401, "unauthorized");
        for wrong in [
            bearer(&revoked).0,
            bearer(&other_secret).0,
            bearer(&unknown).0,
            bearer("pr_").0,
            bearer("pr_run_").0,
            bearer("").0,
            good.clone(),
            "Basic ???".to_owned(),
            format!("Bearer {good} {good}"),
        ] {
            let answer = world.ask("GET", "/v1/types", &[("authorization", &wrong)], "").await;
            let answer = answer.expect(401, "unauthorized");
            assert_eq!(
                (answer.bytes, answer.headers),
                (missing.bytes.clone(), missing.headers.clone()),
                "{wrong}"
            );
        }
        assert_eq!(world.ask("GET", "/v1/types", &[bearer(&good).as_header()], "").await.status, 200);
    }
}

#[tokio::test]
async fn what_is_remembered_of_keys_follows_a_change_whose_answer_was_lost() {
    let world = World::new();
    let key = key_for(&world, &["read", "manage"]).await;
    let (with_key, id) = (bearer(&key), ids(&world).await[0].as_str().unwrap().to_owned());
    let path = format!("/v1/keys/{id}");
    world.plan([Refuse]);
    world.ask("DELETE", &path, &[with_key.as_header()], "").await.expect(503, "ledger_unavailable");
    assert_eq!(
        world.ask("GET", "/v1/types", &[with_key.as_header()], "").await.status,
        200,
        "nothing happened"
    );
    world.plan([LoseAnswer]);
    world.ask("DELETE", &path, &[with_key.as_header()], "").await.expect(503, "ledger_unavailable");
    world.ask("GET", "/v1/types", &[with_key.as_header()], "").await.expect(401, "unauthorized");
}

#[tokio::test]
async fn a_key_that_another_process_revokes_is_refused_where_the_ledger_is_shared() {
    let [_, world] = both();
    let key = key_for(&world, &["read"]).await;
    let with_key = bearer(&key);
    assert_eq!(world.ask("GET", "/v1/types", &[with_key.as_header()], "").await.status, 200);
    let id = world.ledger.keys().await.unwrap()[0].id;
    world.ledger.revoke_key(id, world.api.clock.now()).await.unwrap();
    world.ask("GET", "/v1/types", &[with_key.as_header()], "").await.expect(401, "unauthorized");
}

#[tokio::test]
async fn every_wrong_field_of_a_key_is_named() {
    let world = World::new();
    for (body, pointers) in [
        (json!([]), vec![""]),
        (json!({ "name": 1, "scopes": "send" }), vec!["/name", "/scopes"]),
        (json!({ "name": "x".repeat(65) }), vec!["/name"]),
        (json!({ "name": "a\nb" }), vec!["/name"]),
        (json!({ "scopes": [] }), vec!["/scopes"]),
        (json!({ "scopes": ["send", "all"] }), vec!["/scopes"]),
        (json!({ "scope": ["send"] }), vec![""]),
    ] {
        assert_eq!(
            world.post("/v1/keys", &[], &body).await.expect(422, "invalid_key").pointers(),
            pointers,
            "{body}"
        );
    }
    assert_eq!(ids(&world).await.len(), 0);
}

#[tokio::test]
async fn a_hundred_keys_are_enough() {
    let world = World::new();
    for _ in 0..100 {
        key_for(&world, &["send"]).await;
    }
    world.ask_in_process("POST", "/v1/keys", "{}").await.expect(409, "too_many_keys");
}

#[tokio::test]
async fn one_key_neither_gets_nor_hears_of_the_answers_to_another() {
    let world = World::new();
    let (ada, bob) = (key_for(&world, &["send", "manage"]).await, key_for(&world, &["send", "manage"]).await);
    let under = async |key: &str, path: &str, body: &Value| {
        world.post(path, &[bearer(key).as_header(), ("idempotency-key", "k-1")], body).await
    };
    let hook = json!({ "url": "https://shop.example/hook" });
    let first = under(&ada, "/v1/webhooks", &hook).await;
    let again = under(&ada, "/v1/webhooks", &hook).await;
    assert_eq!((first.status, again.is_replayed()), (201, true));
    assert_eq!(first.json()["secret"], again.json()["secret"]);
    // To another holder the key is free: no replay with the secret, and no word that it was used.
    let others = under(&bob, "/v1/webhooks", &hook).await;
    assert_eq!((others.status, others.is_replayed()), (201, false));
    assert_ne!(others.json()["secret"], first.json()["secret"]);
    under(&ada, "/v1/events", &event("1")).await.expect(422, "idempotency_key_reused");
    under(&bob, "/v1/webhooks", &json!({ "url": "https://shop.example/2" }))
        .await
        .expect(422, "idempotency_key_reused");
}

#[tokio::test]
async fn what_happens_once_only_does_so_whichever_key_asks() {
    let world = World::new();
    let (ada, bob) = (key_for(&world, &["send"]).await, key_for(&world, &["send"]).await);
    let message = json!({ "from": "orders@shop.example", "to": "ada@example.com", "subject": "Hello", "text": "Hello" });
    let send = async |key: &str| {
        world
            .post("/v1/emails", &[bearer(key).as_header(), ("idempotency-key", "welcome-ada")], &message)
            .await
            .json()
    };
    assert_eq!(send(&ada).await["notifications"][0]["duplicate"], false);
    assert_eq!(send(&bob).await["notifications"][0]["duplicate"], true, "a new key sends nothing twice");
}

#[tokio::test]
async fn behind_a_gateway_keys_are_neither_asked_for_nor_made() {
    let mut world = World::new();
    key_for(&world, &["read"]).await;
    world.change(|api| api.access = Arc::new(Access::by_gateway()));
    let signature = ("authorization", "AWS4-HMAC-SHA256 Credential=x");
    assert_eq!(world.ask("GET", "/v1/types", &[signature], "").await.status, 200);
    for (method, path) in [("GET", "/v1/keys"), ("POST", "/v1/keys"), ("DELETE", "/v1/keys/x")] {
        let answer = world.ask(method, path, &[signature], "{}").await.expect(404, "no_such_path");
        assert!(answer.json()["detail"].as_str().unwrap().contains("gateway"), "{method}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_read_let_nobody_in() {
    let unknown = "pr_00000000000000000000000000_0000000000000000000000000000000";
    for mut world in both() {
        let good = key_for(&world, &["read"]).await;
        // As after a start: nothing is remembered.
        for access in [Access::by_own_keys(), Access::by_shared_keys()] {
            world.change(|api| api.access = Arc::new(access));
            world.ledger.hide_keys(true);
            for shown in [&good, unknown] {
                let shown = bearer(shown);
                world
                    .ask("GET", "/v1/types", &[shown.as_header()], "")
                    .await
                    .expect(503, "ledger_unavailable");
            }
            world.get("/v1/types").await.expect(503, "ledger_unavailable");
            world.ledger.hide_keys(false);
            let with_key = bearer(&good);
            assert_eq!(world.ask("GET", "/v1/types", &[with_key.as_header()], "").await.status, 200);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_without_asking_the_ledger() {
    let [_, world] = both();
    let key = key_for(&world, &["read"]).await;
    assert_eq!(world.ask("GET", "/v1/types", &[bearer(&key).as_header()], "").await.status, 200);
    world.ledger.hide_keys(true);
    world.get("/v1/types").await.expect(401, "unauthorized");
    world.ask("GET", "/v1/types", &[bearer("pr_x").as_header()], "").await.expect(401, "unauthorized");
    world.ask("GET", "/v1/types", &[bearer(&key).as_header()], "").await.expect(503, "ledger_unavailable");
}

#[tokio::test]
async fn a_ledger_put_back_to_before_its_first_key_does_not_open_the_server() {
    for mut world in both() {
        let key = key_for(&world, &["read"]).await;
        let with_key = bearer(&key);
        assert_eq!(world.ask("GET", "/v1/types", &[with_key.as_header()], "").await.status, 200);
        let before = World::new();
        world.change(|api| api.ledger = before.api.ledger.clone());
        world.get("/v1/types").await.expect(401, "unauthorized");
        world.post("/v1/keys", &[], &json!({})).await.expect(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_server_in_reach_of_others_asks_for_a_key_even_if_there_is_none() {
    let mut world = World::new();
    world.change(|api| api.access = Arc::new(Access::by_shared_keys().always_asking()));
    world.get("/v1/types").await.expect(401, "unauthorized");
    world.post("/v1/keys", &[], &json!({})).await.expect(401, "unauthorized");
    let key = key_for(&world, &["read"]).await;
    assert_eq!(world.ask("GET", "/v1/types", &[bearer(&key).as_header()], "").await.status, 200);
}

#[tokio::test]
async fn a_key_makes_none_that_may_what_it_may_not() {
    let world = World::new();
    let manager = key_for(&world, &["manage"]).await;
    for more in [json!({}), json!({ "scopes": ["manage", "read"] })] {
        let refused = world.post("/v1/keys", &[bearer(&manager).as_header()], &more).await;
        refused.expect(403, "forbidden");
    }
    assert_eq!(ids(&world).await.len(), 1);
    let as_much = json!({ "scopes": ["manage"] });
    assert_eq!(world.post("/v1/keys", &[bearer(&manager).as_header()], &as_much).await.status, 201);
}

#[tokio::test]
async fn the_token_of_a_run_is_no_password() {
    let mut world = World::new();
    world.change(|api| api.access = Arc::new(Access::by_own_keys().with_run_token("pr_run_x")));
    key_for(&world, &["read"]).await;
    assert_eq!(world.ask("GET", "/v1/types", &[bearer("pr_run_x").as_header()], "").await.status, 200);
    // `:pr_run_x`
    let as_password = ("authorization", "Basic OnByX3J1bl94");
    world.ask("GET", "/v1/types", &[as_password], "").await.expect(401, "unauthorized");
}

#[tokio::test]
async fn a_page_under_a_borrowed_name_is_offered_no_password() {
    let world = World::new();
    key_for(&world, &["read"]).await;
    let ways = async |host: &str| {
        let shown = bearer("pr_x");
        let answer = world.ask("GET", "/v1/types", &[("host", host), shown.as_header()], "").await;
        assert_eq!(answer.status, 401);
        answer.headers.get_all("www-authenticate").iter().count()
    };
    assert_eq!((ways("localhost").await, ways("evil.example").await), (2, 1));
}

//! The built program calls a receiver that others wrote: what Postrider signs, their library must verify.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod peer;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use postrider_bench::http::Client;
use postrider_bench::order::Orders;
use postrider_bench::server::{Server, Setup};
use serde_json::{Value, json};
use tempfile::TempDir;

use peer::{PATIENCE, Peer};

struct World {
    server: Server,
    peer: Peer,
    webhook: Value,
    _directory: TempDir,
}

impl World {
    /// Postrider, and the endpoint it calls, which trusts the secret it was given.
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_postrider"));
        let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
        let server = Setup::new(program, &directory.path().join("data"), nobody)
            .set("MAILER__KIND", "outbox")
            .set("WEBHOOKS__ALLOW_PRIVATE", "true")
            .start()
            .unwrap();
        let peer = Peer::start();
        let mut world = Self { server, peer, webhook: Value::Null, _directory: directory };
        let url = world.peer.url();
        world.webhook = world.post("/v1/webhooks", &json!({ "url": url, "events": ["notification.sent"] }));
        world.peer.trust(world.webhook["secret"].as_str().unwrap());
        world
    }

    fn client(&self) -> Client {
        self.server.client().unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.client().post(path, &body.to_string()).unwrap();
        assert!(answer.status < 300, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// Has an order confirmed, and tells its notification's id.
    fn order(&self, order_id: &str) -> Value {
        let mut data = Orders::new(1).data(0);
        data["orderId"] = order_id.into();
        let accepted = self.post("/v1/events", &json!({ "type": "order.confirmed", "data": data }));
        accepted["notifications"][0]["id"].clone()
    }

    fn until_nothing_waits(&self) {
        let path = format!("/v1/webhooks/{}", self.webhook["id"].as_str().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while self.client().get(&path).unwrap().json()["pendingCalls"] != 0 {
            assert!(Instant::now() < deadline, "calls still wait");
        }
    }

    /// What can be done to the endpoint.
    fn act(&self, action: &str, body: &Value) -> Value {
        self.post(&format!("/v1/webhooks/{}/{action}", self.webhook["id"].as_str().unwrap()), body)
    }
}

#[test]
fn a_python_receiver_verifies_our_calls_and_no_forgery() {
    let world = World::start();
    let id = world.order("1");
    let call = world.peer.next();
    assert_eq!((&call["verified"], &call["forgeries_verified"]), (&json!(true), &json!(false)), "{call:#}");
    assert_eq!(call["content_type"], "application/json");
    let body = &call["body"];
    assert_eq!((&body["type"], &body["data"]["id"]), (&json!("notification.sent"), &id));
    assert_eq!((&body["data"]["orderId"], &body["data"]["status"]), (&json!("1"), &json!("sent")));
    assert_eq!(body["timestamp"], body["data"]["entry"]["at"]);
}

#[test]
fn a_python_receiver_verifies_with_either_secret_while_they_are_changed() {
    let world = World::start();
    let rotated = world.act("rotate-secret", &json!({ "oldValidSecs": 3600 }));
    world.order("1");
    assert_eq!(world.peer.next()["verified"], true, "with the secret before");
    world.peer.trust(rotated["secret"].as_str().unwrap());
    world.order("2");
    assert_eq!(world.peer.next()["verified"], true, "with the new secret");
    let last = world.act("rotate-secret", &json!({ "oldValidSecs": 0 }));
    world.order("3");
    assert_eq!(world.peer.next()["verified"], false, "with a secret that has expired");
    world.peer.trust(last["secret"].as_str().unwrap());
    world.order("4");
    let of_last = |call: &Value| call["body"]["data"]["orderId"] == "4";
    // The third order's call comes again meanwhile, or not yet.
    let call = std::iter::repeat_with(|| world.peer.next()).take(2).find(of_last).unwrap();
    assert_eq!(call["verified"], true, "with the last secret");
}

#[test]
fn a_python_receiver_hears_again_under_the_same_ids_what_is_replayed() {
    let world = World::start();
    let mut heard = Vec::new();
    for order in ["1", "2", "3"] {
        world.order(order);
        heard.push(world.peer.next());
    }
    let until = heard[2]["body"]["timestamp"].clone();
    // What was told is told again only once its end has been recorded.
    world.until_nothing_waits();
    let replayed = world.act("replay", &json!({ "since": heard[0]["body"]["timestamp"], "until": until }));
    assert_eq!(replayed, json!({ "replayed": 2, "hasMore": false, "next": null, "isFull": false }));
    // Of two notifications either may come first.
    let again = [world.peer.next(), world.peer.next()];
    for first in &heard[..2] {
        let again = again.iter().find(|call| call["id"] == first["id"]).unwrap();
        assert_eq!((&again["verified"], &again["body"]), (&json!(true), &first["body"]));
    }
}

//! Unsubscribing by the link in a message.

use axum::body::Body;
use postrider_core::domain::id::NotificationId;
use postrider_core::ports::clock::Clock as _;
use postrider_mail::unsubscribe::Unsubscribe;
use postrider_testkit::posting::post_in_category;
use serde_json::{Value, json};

use crate::world::{World, event};

/// Stores a notification of a category and tells its id.
async fn posted(world: &World, category: &str) -> NotificationId {
    let (to, category) = ("ada@example.com".parse().unwrap(), category.parse().unwrap());
    post_in_category(&*world.api.ledger, &world.api.secret, to, category, world.clock.now()).await
}

fn link(world: &World, id: NotificationId) -> String {
    format!("/v1/unsubscribe/{}", Unsubscribe::new(world.api.secret.clone()).token(id))
}

async fn suppressions(world: &World) -> Vec<Value> {
    world.get("/v1/suppressions").await.json()["data"].as_array().unwrap().clone()
}

/// What a mail provider sends: another host in front of it, no origin, a form.
const ONE_CLICK: [(&str, &str); 2] =
    [("content-type", "application/x-www-form-urlencoded"), ("host", "proxy.internal")];

#[tokio::test]
async fn one_click_takes_the_recipient_off_that_category_and_no_other() {
    let world = World::new();
    let id = posted(&world, "newsletter").await;
    let answer = world.ask("POST", &link(&world, id), &ONE_CLICK, "List-Unsubscribe=One-Click").await;
    assert_eq!(answer.status, 200);
    let entries = suppressions(&world).await;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!(
        (&entry["address"], &entry["reason"], &entry["category"], &entry["source"]),
        (&json!("ada@example.com"), &json!("unsubscribed"), &json!("newsletter"), &json!("unsubscribe"))
    );
    let again = world.ask("POST", &link(&world, id), &ONE_CLICK, "").await;
    assert_eq!((again.status, suppressions(&world).await.len()), (200, 1));
    let order = world.post("/v1/events", &[], &event("1042")).await.json();
    assert_eq!(order["notifications"][0]["status"], "queued");
}

#[tokio::test]
async fn following_the_link_changes_nothing() {
    let world = World::new();
    let id = posted(&world, "newsletter").await;
    for method in ["GET", "HEAD"] {
        let answer =
            world.ask(method, &link(&world, id), &[("user-agent", "LinkScanner/1.0")], Body::empty()).await;
        assert_eq!(answer.status, 200, "{method}");
        assert!(suppressions(&world).await.is_empty(), "{method}");
    }
    let page = world.get(&link(&world, id)).await;
    let html = String::from_utf8(page.bytes.clone()).unwrap();
    assert!(html.contains("<form method=\"post\">") && html.contains("newsletter"), "{html}");
    assert!(!html.contains("ada@"), "the page tells nobody whose link it is");
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert_eq!(page.header("x-robots-tag"), Some("noindex"));
    assert_eq!(world.ask("PUT", &link(&world, id), &[], "").await.status, 405);
}

#[tokio::test]
async fn no_other_token_unsubscribes_anybody() {
    let world = World::new();
    let newsletter = link(&world, posted(&world, "newsletter").await);
    let order = link(&world, posted(&world, "transactional").await);
    let unknown = link(&world, NotificationId::new(world.clock.now(), 5));
    let (path, signature) = newsletter.rsplit_once('-').unwrap();
    let forged = format!("{path}-{}", signature.chars().rev().collect::<String>());
    for path in [order.as_str(), &unknown, &forged, "/v1/unsubscribe/x", "/v1/unsubscribe/%00"] {
        for method in ["GET", "POST"] {
            assert_eq!(world.ask(method, path, &[], "").await.status, 404, "{method} {path}");
        }
    }
    assert!(suppressions(&world).await.is_empty());
}

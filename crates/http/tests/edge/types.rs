//! Looking at the notification types, and exchanging them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use postrider_core::ports::ledger::LedgerError;
use postrider_http::reload::{ReloadRefused, ReloadTypes};
use postrider_mail::types::TypeError;
use serde_json::json;

use crate::world::World;

/// Refuses in a different way each time.
struct Refusing(AtomicUsize);

#[async_trait]
impl ReloadTypes for Refusing {
    async fn reload(&self) -> Result<usize, ReloadRefused> {
        Err(match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => ReloadRefused::Types(vec![
                TypeError::new("order_shipped", "body.mjml", "is broken").at_line(Some(3)),
                TypeError::new("", "types", "cannot be read"),
            ]),
            1 => ReloadRefused::Ledger(LedgerError::Unavailable { reason: "no room".to_owned() }),
            _ => return Ok(1),
        })
    }
}

#[tokio::test]
async fn a_refused_reload_names_every_error() {
    let world = World::new();
    world.ask("POST", "/v1/types/reload", &[], "").await.expect(409, "types_not_reloadable");
    let world = World::with_reload(Arc::new(Refusing(AtomicUsize::new(0))));
    let refused = world.ask("POST", "/v1/types/reload", &[], "").await.expect(422, "types_broken");
    assert_eq!(refused.pointers(), ["/order_shipped/body.mjml", "/types"]);
    assert_eq!(refused.json()["errors"][0]["message"], "order_shipped/body.mjml:3: is broken");
    world.ask("POST", "/v1/types/reload", &[], "").await.expect(503, "ledger_unavailable");
    let done = world.ask("POST", "/v1/types/reload", &[], "").await;
    assert_eq!((done.status, done.json()), (200, world.get("/v1/types").await.json()));
}

#[tokio::test]
async fn a_preview_is_written_in_the_locale_asked_for() {
    let world = World::new();
    let path = "/v1/types/order_confirmation/preview";
    let english = world.post(path, &[], &json!({})).await.json();
    let german = world.post(path, &[], &json!({ "locale": "de-AT" })).await.json();
    assert_eq!((&english["locale"], &german["locale"]), (&json!("en"), &json!("de-AT")));
    assert_ne!(english["subject"], german["subject"]);
    world.post(path, &[], &json!({ "locale": "tlh" })).await.expect(404, "locale_not_found");
}

#[tokio::test]
async fn the_page_shows_every_type_sample_and_locale_in_frames_that_can_do_nothing() {
    let world = World::new();
    let page = world.get("/types").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-src 'self'"), "{policy}");
    let html = String::from_utf8(page.bytes.clone()).unwrap();
    assert!(!html.contains("<script"), "no script is needed");
    let types = world.get("/v1/types").await.json();
    let mut frames = 0;
    for known in types["data"].as_array().unwrap() {
        let (samples, locales) = (known["samples"].as_array().unwrap(), known["locales"].as_array().unwrap());
        for sample in 0..samples.len() {
            for locale in locales {
                for scheme in ["light", "dark"] {
                    let source = format!(
                        "/types/{}/frame?sample={sample}&amp;locale={}&amp;scheme={scheme}",
                        known["type"].as_str().unwrap(),
                        locale.as_str().unwrap()
                    );
                    assert_eq!(html.matches(&format!("src=\"{source}\"")).count(), 2, "{source}");
                    frames += 2;
                }
            }
        }
    }
    assert_eq!(html.matches("<iframe").count(), frames);
    for (place, width) in [("phone", "360px"), ("desktop", "800px")] {
        assert_eq!(html.matches(&format!("<iframe class=\"{place} ")).count(), frames / 2);
        assert!(
            html.contains(&format!(".frames .{place} {{ width: {width} }}")),
            "{place} has no width of its own"
        );
    }
    assert_eq!(html.matches("loading=\"lazy\" sandbox").count(), frames);
}

#[tokio::test]
async fn a_frame_shows_its_message_as_its_reader_prefers() {
    let world = World::new();
    let show = async |query: &str| {
        let answer = world.get(&format!("/types/order_confirmation/frame?{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        assert!(answer.header("content-security-policy").unwrap().starts_with("sandbox"));
        String::from_utf8(answer.bytes).unwrap()
    };
    let (light, dark) = (show("scheme=light").await, show("scheme=dark").await);
    assert_ne!(light, dark);
    assert!(!light.contains("prefers-color-scheme: dark") && !dark.contains("prefers-color-scheme: dark"));
    assert_ne!(show("locale=de").await, light);
    assert_ne!(show("sample=1").await, light);
    world.get("/types/nothing/frame").await.expect(404, "type_not_found");
}

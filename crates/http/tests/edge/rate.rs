//! How often a key may ask.

use std::sync::Arc;

use postrider_http::access::{Access, RateLimits};

use crate::keys::{bearer, key_for};
use crate::world::World;

fn limited(per_second: u32) -> World {
    let mut world = World::new();
    let access = Access::by_own_keys().with_run_token("pr_run_x").limited(Some(RateLimits::new(per_second)));
    world.change(|api| api.access = Arc::new(access));
    world
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_ask_again() {
    let world = limited(2);
    let (first, second) = (key_for(&world, &["read", "manage"]).await, key_for(&world, &["read"]).await);
    world.clock.advance_ms(60_000);
    let ask = async |key: &str| world.ask("GET", "/v1/types", &[bearer(key).as_header()], "").await;
    let answer = ask(&first).await;
    let told = |name: &str| answer.header(name).map(str::to_owned);
    let names = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
    assert_eq!(names.map(told), ["2", "1", "1"].map(|text| Some(text.to_owned())));
    assert_eq!(ask(&first).await.header("ratelimit-remaining"), Some("0"));
    let refused = ask(&first).await.expect(429, "rate_limited");
    let told = |name: &str| refused.header(name).map(str::to_owned);
    assert_eq!(told("retry-after").as_deref(), Some("1"));
    assert_eq!(names.map(told), ["2", "0", "1"].map(|text| Some(text.to_owned())));
    assert_eq!(ask(&second).await.status, 200, "another key has its own");
    world.clock.advance_ms(1_000);
    assert_eq!(ask(&first).await.status, 200);
}

#[tokio::test]
async fn without_keys_all_share_one_limit_and_commands_have_none() {
    let world = limited(1);
    assert_eq!(world.get("/v1/types").await.status, 200);
    world.get("/v1/types").await.expect(429, "rate_limited");
    for _ in 0..3 {
        assert_eq!(world.get("/healthz").await.status, 200);
        let answer = world.ask("GET", "/v1/types", &[("authorization", "Bearer pr_run_x")], "").await;
        assert_eq!((answer.status, answer.header("ratelimit-limit")), (200, None));
    }
}

#[tokio::test]
async fn nobody_is_limited_unless_somebody_says_so() {
    let world = World::new();
    let answer = world.get("/v1/types").await;
    assert_eq!((answer.status, answer.header("ratelimit-limit")), (200, None));
}

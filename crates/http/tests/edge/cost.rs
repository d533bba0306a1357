//! What the month has cost, and whether the budget holds sending.

use http::StatusCode;
use postrider_core::domain::budget::Rates;
use postrider_core::ports::clock::Clock as _;
use postrider_core::use_cases::budget;
use postrider_http::state::Tariff;
use serde_json::{Value, json};

use crate::world::{World, event};

const HOUR_MS: u64 = 3_600_000;

/// A tenth of a cent an e-mail, a budget of two dollars, and `sent` e-mails in the last hour.
async fn world_with(sent: u64) -> World {
    let mut world = World::new();
    let rates = Rates { email: "0.001".parse().unwrap(), ..Rates::default() };
    let most = Some("2".parse().unwrap());
    world.change(|api| api.tariff = Tariff { rates, budget: most });
    for sent_last_day in [0, sent] {
        world.clock.advance_ms(HOUR_MS);
        budget::keep(&*world.ledger, sent_last_day, rates, most, world.clock.now()).await.unwrap();
    }
    world.clock.advance_ms(60_000);
    world
}

#[tokio::test]
async fn before_anybody_has_counted_nothing_is_known_to_be_spent() {
    let cost = World::new().get("/v1/cost").await.json();
    assert_eq!((&cost["spentUsd"], &cost["emails"]), (&json!("0.00"), &json!(0)));
    for null in ["since", "countedUntil", "perEmailUsd", "budgetUsd", "budgetLeftUsd", "hold", "releasedAt"] {
        assert_eq!(cost[null], Value::Null, "{null}");
    }
}

#[tokio::test]
async fn the_month_is_told_with_what_is_left_of_its_budget() {
    let world = world_with(500).await;
    let cost = world.get("/v1/cost").await.json();
    assert_eq!((&cost["spentUsd"], &cost["emails"]), (&json!("0.50"), &json!(500)));
    assert_eq!((&cost["perEmailUsd"], &cost["budgetUsd"]), (&json!("0.001"), &json!("2.00")));
    assert_eq!((&cost["budgetLeftUsd"], &cost["hold"]), (&json!("1.50"), &Value::Null));
    assert!(cost["forecastUsd"].as_str().unwrap().parse::<f64>().unwrap() > 0.5);
    assert_eq!(cost["month"].as_str().unwrap().len(), 7);
    let refused = world.post("/v1/cost/release", &[], &json!({})).await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("not_on_hold")));
}

#[tokio::test]
async fn a_spent_budget_holds_what_comes_in_until_a_person_lets_it_go() {
    let world = world_with(2_000).await;
    let cost = world.get("/v1/cost").await.json();
    assert_eq!((&cost["hold"]["spentUsd"], &cost["budgetLeftUsd"]), (&json!("2.00"), &json!("0.00")));
    let taken = world.post("/v1/events", &[], &event("1")).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED.as_u16());
    assert_eq!(taken.json()["notifications"][0]["status"], "held");
    let gauge = async || {
        let metrics = String::from_utf8(world.get("/metrics").await.bytes).unwrap();
        metrics.lines().find(|line| line.starts_with("postrider_budget_hold ")).unwrap().to_owned()
    };
    assert_eq!(gauge().await, "postrider_budget_hold 1");
    let released = world.post("/v1/cost/release", &[], &json!({})).await;
    assert_eq!((released.status, &released.json()["hold"]), (200, &Value::Null));
    assert!(released.json()["releasedAt"].is_string());
    assert_eq!(gauge().await, "postrider_budget_hold 0");
    // This process has made the change itself and does not wait to see it.
    assert_eq!(
        world.post("/v1/events", &[], &event("2")).await.json()["notifications"][0]["status"],
        "queued"
    );
    assert_eq!(world.post("/v1/cost/release", &[], &json!({})).await.status, 409);
}

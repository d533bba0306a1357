//! Counts and rates per period.

use postrider_core::ports::clock::Clock as _;
use postrider_core::ports::stats::{Stats, StatsLedger as _, StatsQuery};
use serde_json::{Value, json};

use crate::world::{World, event};

const DAY_MS: u64 = 24 * 3_600_000;

#[tokio::test]
async fn the_last_thirty_days_are_told_day_by_day_if_nobody_asks_otherwise() {
    let world = World::new();
    world.clock.advance_ms(400 * DAY_MS);
    world.post("/v1/events", &[], &event("1")).await;
    let stats = world.get("/v1/stats").await.json();
    let periods = stats["periods"].as_array().unwrap();
    assert_eq!((periods.len(), &stats["period"], &stats["type"]), (30, &json!("day"), &Value::Null));
    assert_eq!((&stats["totals"]["accepted"], &periods[29]["accepted"]), (&json!(1), &json!(1)));
    assert_eq!(periods[29]["byStatus"]["queued"], 1);
    assert_eq!(stats["totals"]["byStatus"].as_object().unwrap().len(), 13);
    assert_eq!(world.get("/v1/stats?period=hour").await.json()["periods"].as_array().unwrap().len(), 168);
}

#[tokio::test]
async fn a_rate_of_nothing_is_null() {
    let totals = &World::new().get("/v1/stats").await.json()["totals"];
    assert_eq!(totals["handedOn"], 0);
    for rate in ["deliveryRate", "bounceRate", "complaintRate"] {
        assert_eq!(totals[rate], Value::Null, "{rate}");
    }
}

#[tokio::test]
async fn a_window_that_is_wrong_or_too_long_is_refused_with_the_way_to_narrow_it() {
    let world = World::new();
    for wrong in
        ["since=yesterday", "period=week", "limit=3", "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z"]
    {
        world.get(&format!("/v1/stats?{wrong}")).await.expect(400, "invalid_parameter");
    }
    let window = "since=2026-01-01T00:00:00Z&until=2027-02-05T00:00:00Z";
    assert_eq!(
        world.get(&format!("/v1/stats?{window}")).await.json()["periods"].as_array().unwrap().len(),
        400
    );
    let refused = world.get(&format!("/v1/stats?{window}&period=hour")).await;
    let refused = refused.expect(422, "stats_window_too_large");
    assert_eq!(refused.pointers(), ["/since"]);
    assert!(refused.json()["detail"].as_str().unwrap().contains("at most 400"));
}

#[tokio::test]
async fn the_ledgers_count_is_the_apis() {
    let world = World::new();
    world.post("/v1/events", &[], &event("1")).await;
    let stats = world.get("/v1/stats?type=order_confirmation").await.json();
    let query = StatsQuery {
        since: stats["since"].as_str().unwrap().parse().unwrap(),
        until: stats["until"].as_str().unwrap().parse().unwrap(),
        period: postrider_core::ports::stats::PeriodLength::Day,
        notification_type: Some("order_confirmation".to_owned()),
    };
    assert!(query.until > world.clock.now(), "what comes in this very moment counts");
    let Stats::Counted(periods) = world.ledger.stats(query).await.unwrap() else {
        panic!("one is not too many")
    };
    let counted: u64 = periods.iter().map(|period| period.counts.total()).sum();
    assert_eq!((stats["totals"]["accepted"].as_u64(), counted), (Some(1), 1));
    assert_eq!(world.get("/v1/stats?type=order_shipped").await.json()["totals"]["accepted"], 0);
}

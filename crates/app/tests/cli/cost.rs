//! What e-mails cost, from the command line.

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Serving, code, run, text};

fn estimates(arguments: &[&str]) -> Value {
    let directory = TempDir::new().unwrap();
    let output = run(directory.path(), &[&["cost", "estimate", "--json"], arguments].concat());
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn usd(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn a_month_is_priced_for_each_volume_that_is_asked_for() {
    let answer = estimates(&["--per-day", "1000,5000", "--per-day", "0"]);
    let volumes: Vec<u64> = answer["estimates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["emailsPerDay"].as_u64().unwrap())
        .collect();
    assert_eq!(volumes, [1_000, 5_000, 0]);
    assert!(answer["pricesAsOf"].as_str().unwrap().starts_with("20"));
    let [small, large, none] = [0, 1, 2].map(|place| &answer["estimates"][place]);
    let grown = usd(&large["usdPerMonth"]) - usd(&small["usdPerMonth"]);
    assert!((grown / 120_000.0 - 0.000_167_9).abs() < 0.000_001, "{answer:#}");
    assert!((usd(&small["usdPer1000"]) - 1_000.0 * usd(&small["usdPerEmail"])).abs() < 1e-9);
    assert_eq!(none["usdPerEmail"], Value::Null);
    assert_eq!(usd(&none["usdPerMonth"]), usd(&none["standingUsdPerMonth"]));
}

#[test]
fn without_a_volume_the_pages_own_are_priced_and_a_network_costs_more() {
    let (plain, with_vpc) = (estimates(&[]), estimates(&["--vpc"]));
    assert_eq!(plain["estimates"].as_array().unwrap().len(), 4);
    let standing = |answer: &Value| usd(&answer["estimates"][0]["standingUsdPerMonth"]);
    assert!(standing(&with_vpc) - standing(&plain) > 90.0);
}

#[test]
fn people_get_words_and_a_volume_that_is_no_number_is_a_usage_error() {
    let directory = TempDir::new().unwrap();
    let output = run(directory.path(), &["cost", "estimate", "--per-day", "20000"]);
    let words = text(&output.stdout);
    assert!(words.contains("20000 e-mails a day") && words.contains("oldest price 20"), "{words}");
    assert_eq!(code(&run(directory.path(), &["cost", "estimate", "--per-day", "many"])), 2);
    let huge = run(directory.path(), &["cost", "estimate", "--per-day", "18446744073709551615"]);
    assert_eq!(code(&huge), 1);
    assert!(text(&huge.stderr).contains("cannot be priced"));
}

#[test]
fn the_month_is_told_and_nothing_can_be_released_that_is_not_held() {
    let directory = TempDir::new().unwrap();
    let _server = Serving::start(directory.path());
    let output = run(directory.path(), &["cost", "--json"]);
    assert_eq!(text(&output.stderr), "");
    let cost: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), &cost["spentUsd"], &cost["hold"]), (0, &Value::from("0.00"), &Value::Null));
    let words = text(&run(directory.path(), &["cost"]).stdout);
    assert!(words.contains("so far") && words.contains("nobody has counted yet"), "{words}");
    let refused = run(directory.path(), &["cost", "release"]);
    assert_eq!(code(&refused), 1);
    assert!(text(&refused.stderr).contains("does not hold sending"), "{}", text(&refused.stderr));
}

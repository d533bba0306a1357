//! What one e-mail costs, counted: every request that the functions make for it, from the order to the report of its
//! delivery.

use postrider_aws::cost::{Prices, Usage, estimate};
use postrider_testkit::emulator::Delivery;
use postrider_testkit::emulator::lambda::{EventSource, Function};
use serde_json::{Value, json};

use crate::failing::sweep;
use crate::orders::{customer, order};
use crate::stack::{Stack, TABLE};

/// A multiple of the batch size: batches are full.
const EMAILS: u32 = 200;
const BATCH: usize = 10;
/// For which it is said what 1,000 cost.
const VOLUMES_A_DAY: [u64; 4] = [2_000, 20_000, 200_000, 2_000_000];
const SWEEPS: u32 = 5;
const SWEEPS_A_MONTH: f64 = 43_200.0;
/// Where the counts are kept, of which `usage.toml` and docs/cost.md are made. `POSTRIDER_WRITE_COST=1` writes them.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/aws-cost.json");

/// Runs everything that waits through one function, in full batches as far as there are any, and tells the requests of
/// SQS that brought something or deleted it.
fn drained(source: &EventSource, function: &Function) -> u64 {
    let mut requests = 0;
    loop {
        let polled = source.poll(function, 0);
        if polled.received == 0 {
            break;
        }
        assert_eq!(polled.received, polled.deleted, "{:?}", polled.outcome);
        requests += 2;
    }
    requests
}

fn per_email(count: f64) -> f64 {
    (count / f64::from(EMAILS) * 1_000.0).round() / 1_000.0
}

fn counted(count: u64) -> f64 {
    per_email(f64::from(u32::try_from(count).unwrap()))
}

#[test]
fn what_an_email_costs_is_counted_and_within_its_bounds() {
    let stack = Stack::new(Delivery::Raw, 60);
    let (dispatch, feedback) = (stack.function("dispatch"), stack.function("feedback"));
    // Whatever a function does once, at its start, is not part of an e-mail.
    stack.orders.publish(&order(9_999, &customer(9_999)).to_string(), &[]).unwrap();
    let (orders, reports) = (EventSource::new(&stack.order_queue), EventSource::new(&stack.feedback_queue));
    let orders = orders.batch_size(BATCH);
    let reports = reports.batch_size(BATCH);
    drained(&orders, &dispatch);
    drained(&reports, &feedback);
    stack.account.clear_counters();
    let (log_before, invoked_before) =
        (dispatch.log_bytes() + feedback.log_bytes(), dispatch.invocations() + feedback.invocations());

    for number in 0..EMAILS as usize {
        stack.orders.publish(&order(number, &customer(number)).to_string(), &[]).unwrap();
    }
    let sqs = drained(&orders, &dispatch) + drained(&reports, &feedback);

    let counters = stack.account.counters();
    let publishes = counters.calls("sns", "Publish") + counters.calls("sns", "PublishBySes");
    let invocations = dispatch.invocations() + feedback.invocations() - invoked_before;
    let log_bytes = dispatch.log_bytes() + feedback.log_bytes() - log_before;
    let writes = per_email(counters.write_units(TABLE));
    let reads = per_email(counters.read_units(TABLE));
    let cost = json!({
        "emails": EMAILS,
        "writeUnitsPerEmail": writes,
        "readUnitsPerEmail": reads,
        "sqsRequestsPerEmail": counted(sqs),
        "snsPublishesPerEmail": counted(publishes),
        "sesCallsPerEmail": counted(counters.calls("sesv2", "SendEmail")),
        "lambdaInvocationsPerEmail": counted(invocations),
        "logBytesPerEmail": counted(log_bytes),
    });
    let cost = with_money(cost);
    println!("{cost:#}");

    assert_eq!(stack.account.sent().len(), EMAILS as usize + 1);
    assert!(writes <= 8.0 && reads <= 6.05, "{cost:#}");
    assert!(cost["sqsRequestsPerEmail"].as_f64().unwrap() <= 0.7, "{cost:#}");
    assert_eq!(cost["sesCallsPerEmail"], 1.0, "{cost:#}");
    assert!(cost["usdPer1000BesidesSes"].as_f64().unwrap() <= 0.008, "{cost:#}");
    assert!(cost["logBytesPerEmail"].as_f64().unwrap() / 1e9 <= used("log_gigabyte"), "{cost:#}");
    if std::env::var_os("POSTRIDER_WRITE_COST").is_some() {
        std::fs::write(KEPT, format!("{cost:#}\n")).unwrap();
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(KEPT).unwrap()).unwrap();
    for key in ["writeUnitsPerEmail", "sqsRequestsPerEmail", "snsPublishesPerEmail", "sesCallsPerEmail"] {
        assert_eq!(
            kept[key], cost[key],
            "bench/aws-cost.json is not true any more: run this with POSTRIDER_WRITE_COST=1"
        );
    }
}

/// The counts, and what the usage to which they are held comes to with the dated prices.
fn with_money(mut cost: Value) -> Value {
    let prices = Prices::shipped().unwrap();
    let dollars = |usd: String| usd.parse::<f64>().unwrap();
    let thousand = |usage: &Usage, volume| {
        dollars(estimate(&prices, usage, volume).unwrap().thousand_usd().unwrap().round_dp(6).to_string())
    };
    let usage = Usage::shipped().unwrap();
    let by_volume = VOLUMES_A_DAY.map(|volume| (volume.to_string(), thousand(&usage, volume).into()));
    let mut shipped: toml::Table = include_str!("../../../aws/src/cost/usage.toml").parse().unwrap();
    shipped["per_email"].as_table_mut().unwrap().remove("ses_message").unwrap();
    let besides_ses: Usage = toml::from_str(&shipped.to_string()).unwrap();
    let besides_ses = estimate(&prices, &besides_ses, 0).unwrap().each_usd.to_string();
    cost["usdPer1000"] = Value::Object(by_volume.into_iter().collect());
    cost["usdPer1000Volumes"] = "e-mails a day; SES and what does not depend on volume included".into();
    cost["usdPer1000BesidesSes"] = ((dollars(besides_ses) * 1e9).round() / 1e6).into();
    cost["usdPerMonthWhateverIsSent"] =
        dollars(estimate(&prices, &usage, 0).unwrap().standing_usd.round_dp(4).to_string()).into();
    cost["pricesAsOf"] = prices.oldest_date().into();
    cost["assumed"] = json!({ "lambdaGbSecondsPerEmail": shipped["per_email"]["lambda_gb_second"].as_str() });
    cost
}

/// What `usage.toml` says an e-mail uses; every count must be within it, and a test beside it holds it to what is kept.
fn used(name: &str) -> f64 {
    let usage: toml::Table = include_str!("../../../aws/src/cost/usage.toml").parse().unwrap();
    usage["per_email"][name].as_str().unwrap().parse().unwrap()
}

/// What a sweep of an installation that rests reads, which `usage.toml` has for every minute of a month.
#[test]
fn a_sweep_with_nothing_to_do_reads_what_stands_in_the_usage() {
    let stack = Stack::new(Delivery::Raw, 60);
    let function = stack.function("sweep");
    sweep(&function);
    stack.account.clear_counters();
    for _ in 0..SWEEPS {
        sweep(&function);
    }
    let reads = stack.account.counters().read_units(TABLE) / f64::from(SWEEPS);
    let usage: toml::Table = include_str!("../../../aws/src/cost/usage.toml").parse().unwrap();
    let standing: f64 = usage["standing_month"]["dynamodb_read_unit"].as_str().unwrap().parse().unwrap();
    let each = standing / SWEEPS_A_MONTH;
    // Once a minute it also looks whether the budget holds sending, which these sweeps have just seen.
    assert!(
        (reads + 1.0 - each).abs() < 1e-9,
        "a sweep reads {reads} units and one more, {each} are assumed"
    );
}

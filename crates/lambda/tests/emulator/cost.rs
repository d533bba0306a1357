//! What one e-mail costs, counted: every request that the functions make for it, from the order to the report of its
//! delivery.

use postrider_aws::cost::{Prices, Usage, estimate};
use postrider_testkit::emulator::Delivery;
use postrider_testkit::emulator::lambda::{EventSource, Function};
use serde_json::{Value, json};

use crate::orders::{customer, order};
use crate::stack::{Stack, TABLE};

/// A multiple of the batch size: batches are full.
const EMAILS: u32 = 200;
const BATCH: usize = 10;
const VOLUMES_A_DAY: [u64; 4] = [2_000, 20_000, 200_000, 2_000_000];
/// Where the counts are kept. `POSTRIDER_WRITE_COST=1` writes them.
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
    assert!(writes <= 8.0, "{cost:#}");
    assert!(cost["sqsRequestsPerEmail"].as_f64().unwrap() <= 0.7, "{cost:#}");
    assert_eq!(cost["sesCallsPerEmail"], 1.0, "{cost:#}");
    assert!(cost["usdPer1000BesidesSes"].as_f64().unwrap() <= 0.008, "{cost:#}");
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

/// The counts, and what they come to with the dated prices.
fn with_money(mut cost: Value) -> Value {
    let text = |key: &str| cost[key].as_f64().unwrap().to_string();
    let gigabytes = cost["logBytesPerEmail"].as_f64().unwrap() / 1e9;
    // What the machine here cannot tell, Lambda's time on its own processors, is the bound that the program assumes.
    let assumed: toml::Table = include_str!("../../../aws/src/cost/usage.toml").parse().unwrap();
    let seconds = assumed["per_email"]["lambda_gb_second"].as_str().unwrap();
    let besides_ses = format!(
        "dynamodb_write_unit = \"{}\"\ndynamodb_read_unit = \"{}\"\nsqs_request = \"{}\"\nsns_publish = \"{}\"\n\
         lambda_request = \"{}\"\nlambda_gb_second = \"{seconds}\"\nlog_gigabyte = \"{gigabytes:.12}\"\n",
        text("writeUnitsPerEmail"),
        text("readUnitsPerEmail"),
        text("sqsRequestsPerEmail"),
        text("snsPublishesPerEmail"),
        text("lambdaInvocationsPerEmail"),
    );
    let standing = toml::to_string(&assumed["standing_month"]).unwrap();
    let usage = |ses: &str, standing: &str| -> Usage {
        toml::from_str(&format!("[per_email]\n{ses}{besides_ses}\n[standing_month]\n{standing}")).unwrap()
    };
    let prices = Prices::shipped().unwrap();
    let usd = |usage: &Usage, volume| {
        let each = estimate(&prices, usage, volume).unwrap().email_usd.unwrap();
        (each.to_string().parse::<f64>().unwrap() * 1_000.0 * 1e6).round() / 1e6
    };
    let by_volume: serde_json::Map<String, Value> = VOLUMES_A_DAY
        .iter()
        .map(|volume| (volume.to_string(), usd(&usage("ses_message = \"1\"\n", &standing), *volume).into()))
        .collect();
    let standing_usd = estimate(&prices, &usage("", &standing), 0).unwrap().standing_usd;
    cost["usdPer1000"] = by_volume.into();
    cost["usdPer1000BesidesSes"] = usd(&usage("", ""), 1_000_000).into();
    cost["usdPerMonthWhateverIsSent"] = standing_usd.to_string().parse::<f64>().unwrap().into();
    cost["pricesAsOf"] = prices.oldest_date().into();
    cost["usdPer1000Volumes"] = "e-mails a day; SES and what does not depend on volume included".into();
    cost["assumed"] = json!({ "lambdaGbSecondsPerEmail": seconds });
    cost
}

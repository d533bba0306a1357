use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn prices(entries: &[(&str, &str, u64)]) -> Prices {
    let price = |(name, usd, per): &(&str, &str, u64)| {
        let price =
            Price { usd: decimal(usd), per: *per, date: "2026-01-01".to_owned(), source: String::new() };
        ((*name).to_owned(), price)
    };
    Prices(entries.iter().map(price).collect())
}

fn usage(per_email: &[(&str, &str)], standing: &[(&str, &str)]) -> Usage {
    let used = |entries: &[(&str, &str)]| {
        entries.iter().map(|(name, units)| ((*name).to_owned(), decimal(units))).collect()
    };
    Usage {
        per_email: used(per_email),
        standing_month: used(standing),
        vpc_month: BTreeMap::new(),
        kept_month: BTreeMap::new(),
    }
}

#[test]
fn a_month_is_thirty_such_days_and_what_stands_besides() {
    let prices = prices(&[("message", "0.10", 1_000), ("write", "0.625", 1_000_000), ("alarm", "0.10", 1)]);
    let usage = usage(&[("message", "1"), ("write", "8")], &[("alarm", "20")]);
    let estimate = estimate(&prices, &usage, 1_000).unwrap();
    // 0.0001 + 8 × 0.000000625 = 0.000105 each, thirty thousand of them, and two dollars.
    assert_eq!(estimate.month_usd, decimal("5.15"));
    assert_eq!(estimate.standing_usd, decimal("2"));
    assert_eq!(estimate.email_usd, Some(decimal("0.000171667")));
}

#[test]
fn where_nothing_is_sent_no_email_has_a_price_and_what_stands_is_paid() {
    let estimate = estimate(&Prices::shipped().unwrap(), &Usage::shipped().unwrap(), 0).unwrap();
    assert_eq!(estimate.email_usd, None);
    assert_eq!(estimate.month_usd.round_dp(4), estimate.standing_usd.round_dp(4));
}

#[test]
fn everything_that_is_used_has_a_price_with_date_and_source() {
    let prices = Prices::shipped().unwrap();
    for (name, price) in prices.iter() {
        let parts: Vec<usize> = price.date.split('-').map(str::len).collect();
        assert_eq!(parts, [4, 2, 2], "{name}: {}", price.date);
        assert!(!price.source.is_empty() && price.per > 0, "{name}");
    }
    assert_eq!(prices.oldest_date(), Some("2026-01-01"));
    estimate(&prices, &Usage::shipped().unwrap(), 1_000_000).unwrap();
}

#[test]
fn besides_ses_a_thousand_emails_cost_less_than_eight_tenths_of_a_cent() {
    let mut usage = Usage::shipped().unwrap();
    usage.per_email.remove("ses_message").unwrap();
    let each = Prices::shipped().unwrap().sum(&usage.per_email).unwrap();
    assert!(each * Decimal::from(1_000) <= decimal("0.008"), "{each} each");
}

#[test]
fn what_has_no_price_and_what_is_too_much_is_told() {
    let one = prices(&[("message", "0.10", 1)]);
    let strange = usage(&[("elephant", "1")], &[]);
    assert_eq!(estimate(&one, &strange, 1), Err(InvalidData::NoPrice("elephant".to_owned())));
    let plain = usage(&[("message", "79228162514264337593543950335")], &[]);
    assert_eq!(estimate(&one, &plain, u64::MAX), Err(InvalidData::TooLarge));
}

#[test]
fn an_email_uses_what_the_end_to_end_test_counted() {
    let counted: serde_json::Value =
        serde_json::from_str(include_str!("../../../../bench/aws-cost.json")).unwrap();
    let counted = |key: &str| counted[key].to_string().parse::<Decimal>().unwrap();
    let used = Usage::shipped().unwrap().per_email;
    for (name, key) in [
        ("ses_message", "sesCallsPerEmail"),
        ("dynamodb_write_unit", "writeUnitsPerEmail"),
        ("sqs_request", "sqsRequestsPerEmail"),
        ("sns_publish", "snsPublishesPerEmail"),
        ("lambda_request", "lambdaInvocationsPerEmail"),
    ] {
        assert_eq!(
            used[name],
            counted(key),
            "{name}: usage.toml and bench/aws-cost.json say different things"
        );
    }
    // How often endpoints are asked for depends on how fast the test is; there is no unit between.
    let reads = counted("readUnitsPerEmail");
    assert!(used["dynamodb_read_unit"] >= reads && used["dynamodb_read_unit"] < reads + Decimal::ONE);
    // Lambda adds its own lines to ours, a few hundred bytes an invocation.
    let logged = counted("logBytesPerEmail") / Decimal::from(1_000_000_000);
    assert!(used["log_gigabyte"] > logged && used["log_gigabyte"] < logged * Decimal::TWO);
}

#[test]
fn a_network_of_its_own_adds_its_endpoints() {
    let prices = Prices::shipped().unwrap();
    let plain = estimate(&prices, &Usage::shipped().unwrap(), 20_000).unwrap();
    let with_vpc = estimate(&prices, &Usage::shipped().unwrap().with_vpc().unwrap(), 20_000).unwrap();
    assert_eq!(with_vpc.month_usd - plain.month_usd, decimal("100.8"));
    assert_eq!(with_vpc.each_usd, plain.each_usd);
}

#[test]
fn the_page_has_a_row_for_each_volume_and_every_price_that_is_used() {
    let page = page().unwrap();
    for volume in ["2,000", "20,000", "200,000", "2,000,000"] {
        assert!(page.contains(&format!("\n| {volume} |")), "{page}");
    }
    let usage = Usage::shipped().unwrap();
    let sections = [&usage.per_email, &usage.standing_month, &usage.vpc_month, &usage.kept_month];
    for name in sections.into_iter().flat_map(BTreeMap::keys) {
        assert!(page.contains(&format!("| `{name}` |")), "{name} is used and its price is not on the page");
    }
}

#[test]
fn the_budget_counts_with_the_same_prices() {
    let prices = Prices::shipped().unwrap();
    let whole = rates(&prices, &Usage::shipped().unwrap()).unwrap();
    let month = estimate(&prices, &Usage::shipped().unwrap(), 10_000).unwrap();
    assert_eq!(whole.email.to_string(), month.each_usd.to_string());
    let standing: Decimal = whole.standing_month.to_string().parse().unwrap();
    assert_eq!(standing.round_dp(6), month.standing_usd.round_dp(6));
    let ses = rates(&prices, &Usage::of_ses_alone().unwrap()).unwrap();
    assert_eq!((ses.email.to_string().as_str(), ses.standing_month), ("0.00016", Usd::ZERO));
}

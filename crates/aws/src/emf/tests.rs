use super::*;

const NOW_MS: i64 = 1_795_428_000_000;

fn lines(measurements: &Measurements) -> Vec<Value> {
    let namespace = "Postrider/prod".parse().unwrap();
    let lines = measurements.lines(&namespace, Timestamp::from_millis(NOW_MS), &[("function", "dispatch")]);
    lines
        .iter()
        .map(|line| {
            assert!(!line.contains('\n'), "one event of the log is one line");
            serde_json::from_str(line).unwrap()
        })
        .collect()
}

/// The rules of the specification, as far as they bind a document.
fn check(document: &Value) {
    const UNITS: [&str; 4] = ["Count", "Milliseconds", "Seconds", "None"];
    let aws = &document["_aws"];
    assert_eq!(aws["Timestamp"].as_i64(), Some(NOW_MS), "milliseconds since the epoch");
    let directives = aws["CloudWatchMetrics"].as_array().unwrap();
    assert_eq!(directives.len(), 1);
    let directive = directives[0].as_object().unwrap();
    let mut members: Vec<&str> = directive.keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["Dimensions", "Metrics", "Namespace"]);
    let dimensions = directive["Dimensions"].as_array().unwrap();
    assert!(!dimensions.is_empty(), "at least one set");
    for set in dimensions {
        let set = set.as_array().unwrap();
        assert!(set.len() <= 30);
        for key in set {
            assert!(document[key.as_str().unwrap()].is_string(), "a dimension's value stands in the root");
        }
    }
    let metrics = directive["Metrics"].as_array().unwrap();
    assert!((1..=100).contains(&metrics.len()));
    let mut names = Vec::new();
    for metric in metrics {
        let name = metric["Name"].as_str().unwrap();
        names.push(name);
        assert!(UNITS.contains(&metric["Unit"].as_str().unwrap()));
        match &document[name] {
            Value::Number(_) => {}
            Value::Array(values) => {
                assert!((1..=100).contains(&values.len()), "{} values of {name}", values.len());
                assert!(values.iter().all(Value::is_number));
            }
            other => panic!("{name} is {other}"),
        }
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), metrics.len(), "no metric twice");
    assert!(document.to_string().len() < 256 * 1024, "one event of CloudWatch Logs");
}

#[test]
fn one_invocation_is_one_line_with_latencies_as_arrays() {
    let mut measured = Measurements::default();
    measured.count(Metric::EmailsSent, 2);
    measured.count(Metric::EmailsSent, 1);
    measured.count(Metric::Retries, 0);
    measured.sample(Metric::SendLatency, 12u64);
    measured.sample(Metric::SendLatency, 340u64);
    measured.sample(Metric::QueueAge, 7u64);
    let lines = lines(&measured);
    assert_eq!(lines.len(), 1);
    check(&lines[0]);
    assert_eq!(
        lines[0],
        json!({
            "_aws": { "Timestamp": NOW_MS, "CloudWatchMetrics": [{
                "Namespace": "Postrider/prod", "Dimensions": [[]],
                "Metrics": [
                    { "Name": "EmailsSent", "Unit": "Count" }, { "Name": "SendLatency", "Unit": "Milliseconds" },
                    { "Name": "QueueAge", "Unit": "Seconds" }
                ]
            }] },
            "function": "dispatch", "EmailsSent": 3, "SendLatency": [12, 340], "QueueAge": 7
        })
    );
}

#[test]
fn every_metric_at_once_keeps_the_rules_of_the_format() {
    let mut measured = Measurements::default();
    for metric in Metric::ALL {
        if metric.unit() == "Count" {
            measured.count(metric, u64::MAX);
        } else {
            measured.sample(metric, 0u64);
        }
    }
    let lines = lines(&measured);
    assert_eq!(lines.len(), 1);
    check(&lines[0]);
    for metric in Metric::ALL {
        assert!(lines[0].get(metric.name()).is_some(), "{}", metric.name());
    }
}

#[test]
fn a_line_takes_a_hundred_values_of_a_metric_and_counts_stand_only_once() {
    let mut measured = Measurements::default();
    measured.count(Metric::EmailsSent, 201);
    (0..201u64).for_each(|ms| measured.sample(Metric::SendLatency, ms));
    let lines = lines(&measured);
    lines.iter().for_each(check);
    assert_eq!(lines.len(), 3);
    let sent: Vec<Option<u64>> = lines.iter().map(|line| line["EmailsSent"].as_u64()).collect();
    assert_eq!(sent, [Some(201), None, None]);
    let values = lines.iter().flat_map(|line| match &line["SendLatency"] {
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    });
    assert_eq!(values.collect::<Vec<_>>(), (0..201u64).map(|ms| json!(ms)).collect::<Vec<_>>());
}

#[test]
fn where_nothing_was_measured_nothing_is_written() {
    assert!(lines(&Measurements::default()).is_empty());
}

#[test]
fn measurements_add_up() {
    let mut one = Measurements::default();
    one.count(Metric::Deliveries, 1);
    one.sample(Metric::DeliveryLatency, 5u64);
    let mut both = one.clone();
    both.add(one);
    assert_eq!(both.counted(Metric::Deliveries), 2);
    assert_eq!(both.sampled(Metric::DeliveryLatency).len(), 2);
    assert_eq!(both.counted(Metric::Bounces), 0);
    assert!(both.sampled(Metric::QueueAge).is_empty());
}

#[test]
fn a_namespace_is_one_that_cloudwatch_takes() {
    assert_eq!("Postrider/eu-prod_1".parse::<Namespace>().unwrap().as_str(), "Postrider/eu-prod_1");
    for wrong in ["", "a b", "AWS/SES", "ü", "a:b", &"x".repeat(256)] {
        assert_eq!(wrong.parse::<Namespace>(), Err(InvalidNamespace), "{wrong}");
    }
}

/// Alarms and dashboard are checked against that table (`deploy/aws/check`).
#[test]
fn the_table_by_which_alarms_are_checked_is_what_is_written_to_the_log() {
    let table = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/aws/checks/metrics.json"));
    let table: Value = serde_json::from_str(table).unwrap();
    let mut measurements = Measurements::default();
    for metric in Metric::ALL {
        if metric.unit() == "Count" { measurements.count(metric, 1) } else { measurements.sample(metric, 1) }
    }
    let lines = lines(&measurements);
    let directive = &lines[0]["_aws"]["CloudWatchMetrics"][0];
    let mut written = BTreeMap::new();
    for metric in directive["Metrics"].as_array().unwrap() {
        let said = (metric["Unit"].clone(), directive["Dimensions"].clone());
        written.insert(metric["Name"].as_str().unwrap().to_owned(), said);
    }
    let known: BTreeMap<_, _> = table["own"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, known)| (name.clone(), (known["unit"].clone(), known["dimensions"].clone())))
        .collect();
    assert_eq!(written, known);
}

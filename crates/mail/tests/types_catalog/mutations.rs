//! Shipped types with one thing broken: each is refused with words that help, soon, and the others are as they were.

use std::fs;
use std::time::{Duration, Instant};

use postrider_mail::types::{TypeSource, check, write_shipped};
use tempfile::TempDir;

/// How long one check may take, on a machine that has other things to do. Without bounds it would not end.
const CHECK_MAX: Duration = Duration::from_secs(60);

/// What a check says about the shipped types with `from` replaced by `to` in one file.
fn mutate(file: &str, from: &str, to: &str) -> Mutated {
    let directory = TempDir::new().unwrap();
    write_shipped(directory.path()).unwrap();
    let path = directory.path().join(file);
    let source = fs::read_to_string(&path).unwrap();
    assert!(source.contains(from), "{file} has no {from:?}");
    fs::write(&path, source.replacen(from, to, 1)).unwrap();
    let begun = Instant::now();
    let report = check(&TypeSource::Directory(directory.path().to_owned()));
    assert!(begun.elapsed() < CHECK_MAX, "{:?}", begun.elapsed());
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    let broken = report.types.iter().filter(|checked| !checked.errors.is_empty());
    Mutated {
        broken: broken.clone().map(|checked| checked.name.clone()).collect(),
        errors: broken.flat_map(|checked| checked.errors.iter().map(ToString::to_string)).collect(),
        whole: report.types.iter().filter(|checked| !checked.samples.is_empty()).count(),
        types: report.types.len(),
    }
}

struct Mutated {
    broken: Vec<String>,
    errors: Vec<String>,
    /// Types that passed and were rendered.
    whole: usize,
    types: usize,
}

impl Mutated {
    /// One type, and no other, is broken, and one of its errors begins with `place` and holds `words`.
    #[track_caller]
    fn breaks(&self, type_name: &str, place: &str, words: &str) {
        assert_eq!(self.broken, [type_name], "{:#?}", self.errors);
        self.says(place, words);
        assert_eq!(self.whole, self.types - 1);
    }

    #[track_caller]
    fn says(&self, place: &str, words: &str) {
        let found = self.errors.iter().any(|error| error.starts_with(place) && error.contains(words));
        assert!(found, "expected {place} … {words} in {:#?}", self.errors);
        assert!(self.errors.iter().all(|error| error.len() < 500), "{:#?}", self.errors);
    }
}

#[test]
fn a_renamed_variable_names_the_one_that_was_meant() {
    mutate("pickup_ready/body.mjml", "{{ pickupCode }}", "{{ pickupCod }}").breaks(
        "pickup_ready",
        "pickup_ready/body.mjml:14: the variable `pickupCod` is not a property",
        "did you mean \"pickupCode\"?",
    );
    mutate("order_shipped/body.txt", "{{ parcel.trackingNumber }}", "{{ parcel.trackingNo }}").breaks(
        "order_shipped",
        "order_shipped/body.txt:",
        "schema.json promises no `trackingNo` there; did you mean \"trackingNumber\"?",
    );
    mutate("order_delivered/locales/de.toml", "{{ customerName }}", "{{ costumerName }}").breaks(
        "order_delivered",
        "order_delivered/locales/de.toml:2: the variable `costumerName`",
        "did you mean \"customerName\"?",
    );
    mutate("refund_issued/type.toml", "refundId|", "refundid|").breaks(
        "refund_issued",
        "refund_issued/type.toml:6: the variable `refundid`",
        "did you mean \"refundId\"?",
    );
    mutate("order_canceled/type.toml", "to = \"customerEmail\"", "to = \"customer.email\"").breaks(
        "order_canceled",
        "order_canceled/type.toml:3: the variable `customer`",
        "did you mean \"customerName\"?",
    );
}

#[test]
fn a_property_that_the_schema_drops_is_missed_where_it_is_read() {
    mutate("order_canceled/schema.json", "\"reason\":", "\"cause\":").breaks(
        "order_canceled",
        "order_canceled/body.mjml:13: the variable `reason` is not a property in schema.json",
        "",
    );
    mutate("order_shipped/schema.json", "\"expectedOn\":", "\"arrivesOn\":").breaks(
        "order_shipped",
        "order_shipped/body.mjml:",
        "promises no `expectedOn` there",
    );
    mutate("payment_failed/schema.json", "\"customerName\", \"amount\"", "\"customerName\"").breaks(
        "payment_failed",
        "",
        "which schema.json does not require",
    );
}

#[test]
fn broken_mjml_is_refused_where_it_is() {
    mutate("order_delivered/body.mjml", "</mj-column>", "").breaks(
        "order_delivered",
        "order_delivered/body.mjml:",
        "not valid MJML",
    );
    mutate("order_delivered/body.mjml", "<mj-column>", "<mj-colunm>").breaks(
        "order_delivered",
        "order_delivered/body.mjml:9: not valid MJML",
        "",
    );
    let deep = format!("<mj-column>{}{}", "<div>".repeat(20_000), "</div>".repeat(20_000));
    mutate("order_delivered/body.mjml", "<mj-column>", &deep).breaks(
        "order_delivered",
        "order_delivered/body.mjml:9: not valid MJML: elements are nested deeper than 64",
        "",
    );
}

#[test]
fn a_loop_over_a_string_is_refused_before_it_runs() {
    mutate("order_shipped/body.txt", "in parcels", "in orderId").breaks(
        "order_shipped",
        "order_shipped/body.txt:",
        "`orderId` is a string; a loop needs an array",
    );
    mutate("order_shipped/body.mjml", "{{ t.carrier }}", "{{ parcels }}").breaks(
        "order_shipped",
        "order_shipped/body.mjml:",
        "`parcels` is an array, which cannot be written as text",
    );
}

#[test]
fn a_part_that_includes_itself_or_is_not_there_is_refused() {
    let again = "{% include \"_layout/lines.txt\" %}\n{% for";
    let mutated = mutate("_layout/lines.txt", "{% for", again);
    mutated.says("_layout/lines.txt:1: _layout/lines.txt includes itself: lines.txt → lines.txt", "");
    assert!(mutated.broken.len() < mutated.types && mutated.whole > 0, "{:?}", mutated.broken);
    assert!(!mutated.broken.contains(&"order_confirmation".to_owned()));
    mutate("pickup_ready/body.mjml", "_layout/footer.mjml", "_layout/foter.mjml").breaks(
        "pickup_ready",
        "pickup_ready/body.mjml:",
        "there is no part _layout/foter.mjml; did you mean \"_layout/footer.mjml\"?",
    );
    mutate("pickup_ready/body.txt", "{{ t.title }}", "{%- extends 'body.txt' %}").breaks(
        "pickup_ready",
        "pickup_ready/body.txt:1: templates cannot extend",
        "",
    );
}

#[test]
fn work_without_end_is_stopped() {
    let nested = "{% for a in range(10000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}{{ t.title }}";
    mutate("pickup_ready/body.txt", "{{ t.title }}", nested).breaks(
        "pickup_ready",
        "pickup_ready/body.txt",
        "the template ran more than 1000000 instructions",
    );
    mutate("pickup_ready/body.txt", "{{ t.title }}", "{% for a in range(10000000) %}{% endfor %}").breaks(
        "pickup_ready",
        "pickup_ready/body.txt",
        "cannot be evaluated",
    );
    let macro_of_itself = "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}{{ t.title }}";
    mutate("pickup_ready/body.txt", "{{ t.title }}", macro_of_itself).breaks(
        "pickup_ready",
        "pickup_ready/body.txt",
        "(with samples/awkward.json in en)",
    );
}

#[test]
fn output_without_end_is_stopped() {
    mutate("pickup_ready/body.txt", "{{ t.title }}", "{{ 'x' * 50000000 }}{{ t.title }}").breaks(
        "pickup_ready",
        "pickup_ready/body.txt",
        "(with samples/awkward.json in en)",
    );
    let long = format!("{{% for a in range(5000) %}}{}{{% endfor %}}{{{{ t.title }}}}", "x".repeat(10_000));
    mutate("pickup_ready/body.mjml", "{{ t.title }}", &long).breaks(
        "pickup_ready",
        "pickup_ready/body.mjml",
        "the output is longer than 1572864 bytes",
    );
    let doubling = "{% set ns = namespace(x='x') %}{% for a in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}\
                    {{ ns.x|length }}{{ t.title }}";
    mutate("pickup_ready/body.txt", "{{ t.title }}", doubling).breaks(
        "pickup_ready",
        "pickup_ready/body.txt",
        "(with samples/awkward.json in en)",
    );
}

#[test]
fn words_that_are_missing_or_misspelt_are_named() {
    mutate("order_canceled/locales/de.toml", "intro =", "intor =").breaks(
        "order_canceled",
        "order_canceled/body.mjml:12: the string `intro` is not in locales/de.toml",
        "did you mean \"intor\"?",
    );
    mutate("order_canceled/locales/de.toml", "one =", "few =").breaks(
        "order_canceled",
        "order_canceled/locales/de.toml:",
        "has no form `one`, which de needs",
    );
    mutate("order_canceled/locales/en.toml", "intro =", "extra = \"Nobody reads this.\"\nintro =").breaks(
        "order_canceled",
        "order_canceled/locales/en.toml:4: the string `extra` is used by no template",
        "",
    );
    mutate("order_canceled/locales/en.toml", "title = \"", "title = \"{{ t.intro }}").breaks(
        "order_canceled",
        "order_canceled/locales/en.toml:3: a string stands alone",
        "",
    );
    let mutated = mutate("_layout/head.mjml", "{{ theme.font }}", "{{ theme.fonts }}");
    mutated.says("_layout/head.mjml:6: the theme has no `fonts`", "did you mean \"font\"?");
}

#[test]
fn what_no_sample_has_is_refused_until_one_does() {
    mutate("order_delivered/samples/short.json", "\"returnUntil\": \"2026-12-10\",", "").breaks(
        "order_delivered",
        "order_delivered/body.mjml:",
        "no sample has `returnUntil`",
    );
    mutate("order_delivered/samples/short.json", "\"Europe/London\"", "\"Europe/Londn\"").breaks(
        "order_delivered",
        "order_delivered/samples/short.json: /timeZone must be the name of a time zone",
        "",
    );
}

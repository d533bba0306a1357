//! The filters of templates: money, numbers, plurals and dates in the message's locale.

use minijinja::value::Value as TemplateValue;
use minijinja::{Environment, Error, ErrorKind, State};
use rust_decimal::Decimal;

use super::date::{date_of_format_1, local};
use super::formats::Formats;
use super::money::{decimal_from, format_amount, format_number};

/// The variable under which a template's context holds its [`Formats`]. No template can name it. Messages of format 1
/// have none, and are written in the English of that format.
pub(crate) const FORMATS: &str = "#formats";
/// The member of an event's data that names the customer's time zone.
const TIME_ZONE: &str = "timeZone";

/// Gives an environment every filter templates have besides the engine's own.
pub(crate) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("money", money);
    environment.add_filter("times", times);
    environment.add_filter("number", number);
    environment.add_filter("plural", plural);
    environment.add_filter("date", date);
    environment.add_filter("time", time);
}

fn with_formats<T>(state: &State<'_, '_>, work: impl FnOnce(Option<&Formats>) -> T) -> T {
    let held = state.lookup(FORMATS);
    work(held.as_ref().and_then(|value| value.downcast_object_ref::<Formats>()))
}

/// The decimal a template value stands for: an integer, or the text of a number.
fn decimal_of(value: &TemplateValue) -> Result<Decimal, Error> {
    let parsed = match value.as_str() {
        Some(text) => decimal_from(text),
        None => value.as_i64().map(Decimal::from),
    };
    parsed.ok_or_else(|| {
        let kind = value.kind();
        Error::new(
            ErrorKind::InvalidOperation,
            format!("expected an amount, but the value is a {kind} that is none"),
        )
    })
}

/// `{{ total|money(currency) }}`.
fn money(state: &State<'_, '_>, value: &TemplateValue, currency: &str) -> Result<String, Error> {
    let amount = decimal_of(value)?;
    Ok(with_formats(state, |formats| match formats {
        Some(formats) => formats.money(amount, currency),
        None => format_amount(amount, currency),
    }))
}

/// `{{ price|times(quantity) }}`: the exact product, for line totals.
fn times(value: &TemplateValue, factor: &TemplateValue) -> Result<String, Error> {
    let product = decimal_of(value)?.checked_mul(decimal_of(factor)?);
    product.map(|product| product.to_string()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, "the product of the two numbers is too large for a decimal")
    })
}

/// `{{ quantity|number }}`: without trailing zeros, with thousands apart.
fn number(state: &State<'_, '_>, value: &TemplateValue) -> Result<String, Error> {
    let number = decimal_of(value)?.normalize();
    Ok(with_formats(state, |formats| match formats {
        Some(formats) => formats.number(number),
        None => format_number(number),
    }))
}

/// `{{ quantity|plural }}`: the plural category, such as `one` or `other`.
fn plural(state: &State<'_, '_>, value: &TemplateValue) -> Result<&'static str, Error> {
    let number = decimal_of(value)?.normalize();
    Ok(with_formats(state, |formats| formats.map_or("other", |formats| formats.plural(number))))
}

/// `{{ timestamp|date }}`: the day, in the zone given, else in the event's `timeZone`, else in its own offset.
fn date(state: &State<'_, '_>, timestamp: &str, zone: Option<&str>) -> Result<String, Error> {
    let text = with_formats(state, |formats| match formats {
        Some(formats) => formats.date(in_zone(state, timestamp, zone)?.date()),
        None => date_of_format_1(timestamp),
    });
    text.ok_or_else(no_date)
}

/// `{{ timestamp|time }}`: the time of day, in the same zone.
fn time(state: &State<'_, '_>, timestamp: &str, zone: Option<&str>) -> Result<String, Error> {
    let text = with_formats(state, |formats| formats?.time(in_zone(state, timestamp, zone)?.time()));
    text.ok_or_else(no_date)
}

fn in_zone(state: &State<'_, '_>, timestamp: &str, zone: Option<&str>) -> Option<jiff::civil::DateTime> {
    let of_event = if zone.is_none() { state.lookup(TIME_ZONE) } else { None };
    local(timestamp, zone.or_else(|| of_event.as_ref()?.as_str()))
}

fn no_date() -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        "expected a date as in RFC 3339, such as 2026-11-23 or 2026-11-23T10:00:00Z",
    )
}

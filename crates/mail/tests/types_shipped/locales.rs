//! Languages, plurals, dates and numbers.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::ports::catalog::Catalog as _;
use postrider_mail::types::{Preview, Sender, TypeSet, TypeSource};
use serde_json::{Value, json};

use crate::every::{event, instant, make, sample, types};

fn confirmation(data: &Value, locale: &str) -> Preview {
    types().preview_in("order_confirmation", Some(data), None, Some(locale)).unwrap()
}

#[test]
fn money_and_dates_are_written_as_the_locale_does() {
    let data = sample("order_confirmation", "long");
    let british = confirmation(&data, "en-GB").text;
    assert!(
        british.contains("Placed on: 23 November 2026") && british.contains("Total: £2,862.90"),
        "{british}"
    );
    let american = confirmation(&data, "en").text;
    assert!(
        american.contains("Placed on: November 23, 2026") && american.contains("Total: £2,862.90"),
        "{american}"
    );
    let german = confirmation(&data, "de").text;
    assert!(german.contains("Bestellt am: 23. November 2026"), "{german}");
    assert!(german.contains("Gesamtbetrag: 2.862,90\u{a0}£"), "{german}");
    // Words in German, numbers as the Swiss write them.
    let swiss = confirmation(&data, "de-CH");
    assert!(swiss.text.contains("Gesamtbetrag: £\u{a0}2'862.90"), "{}", swiss.text);
    assert_eq!(swiss.locale, "de-CH");
}

#[test]
fn a_currency_without_minor_units_gets_none() {
    let german = confirmation(&sample("order_confirmation", "awkward"), "de").text;
    assert!(german.contains("Gesamtbetrag: 19.000\u{a0}¥"), "{german}");
    assert!(german.contains("Rabatt: −1.460\u{a0}¥"), "{german}");
}

#[test]
fn digits_of_a_currency_are_those_of_iso_4217() {
    let mut data = sample("order_confirmation", "short");
    // CLDR shows neither of these currencies with minor units; what was paid must not be rounded.
    for (currency, total, shown) in [("IQD", "1.250", "IQD\u{a0}1.250"), ("ALL", "12.50", "ALL\u{a0}12.50")] {
        data["currency"] = json!(currency);
        data["total"] = json!(total);
        let text = confirmation(&data, "en").text;
        assert!(text.contains(&format!("Total: {shown}")), "{text}");
    }
}

#[test]
fn dates_are_those_of_the_customers_time_zone() {
    let mut data = sample("order_confirmation", "short");
    data["timestamp"] = json!("2026-11-23T23:30:00Z");
    assert!(confirmation(&data, "en").text.contains("November 23, 2026"));
    data["timeZone"] = json!("Europe/Berlin");
    assert!(confirmation(&data, "en").text.contains("November 24, 2026"));
    data["timeZone"] = json!("America/New_York");
    assert!(confirmation(&data, "de").text.contains("23. November 2026"));
    data["timeZone"] = json!("Mars/Olympus");
    let error = types().preview_in("order_confirmation", Some(&data), None, None).unwrap_err();
    assert!(format!("{error:?}").contains("must be the name of a time zone"), "{error:?}");
}

#[test]
fn times_of_day_are_those_of_the_customers_time_zone_too() {
    let payment =
        |locale: &str| types().preview_in("payment_failed", None, Some("short"), Some(locale)).unwrap().text;
    assert!(payment("de").contains("Bezahlen bis: 27. November 2026, 00:00"), "{}", payment("de"));
    assert!(payment("en").contains("Pay by: November 27, 2026, 12:00\u{202f}AM"), "{}", payment("en"));
}

#[test]
fn plurals_follow_the_number() {
    let mut data = sample("order_shipped", "partial");
    let text = |data: &Value, locale: &str| {
        types().preview_in("order_shipped", Some(data), None, Some(locale)).unwrap().text
    };
    assert!(text(&data, "en").contains("1 item is still to come"), "{}", text(&data, "en"));
    assert!(text(&data, "de").contains("1 Artikel folgt noch"));
    let one = data["remaining"][0].clone();
    data["remaining"].as_array_mut().unwrap().push(one);
    assert!(text(&data, "en").contains("2 items are still to come"));
    assert!(text(&data, "de").contains("2 Artikel folgen noch"));
}

#[test]
fn a_locale_the_type_does_not_have_gets_the_types_own_from_an_event_and_an_error_from_a_preview() {
    let error = types().preview_in("order_confirmation", None, None, Some("fr")).unwrap_err();
    assert_eq!(error.to_string(), "the notification type has no locale \"fr\"; it has en, de");
    let types = types();
    let summary = types.types().into_iter().find(|summary| summary.name == "order_confirmation").unwrap();
    assert_eq!(summary.locales, ["en", "de"]);
}

#[test]
fn one_order_becomes_two_messages_each_in_its_readers_language() {
    let order = event("order.confirmed", sample("order_confirmation", "short"), "de-AT");
    let types = types();
    let planned: Vec<(String, String)> = types
        .plan(&order)
        .unwrap()
        .into_iter()
        .map(|plan| (plan.notification_type, plan.to.as_str().to_owned()))
        .collect();
    let expected =
        [("order_confirmation", "ada@example.com"), ("merchant_new_order", "orders@shop.example.com")];
    assert_eq!(planned, expected.map(|(name, to)| (name.to_owned(), to.to_owned())));
    let header = |type_name: &str| {
        let made = make(&types, type_name, &order, NotificationId::new(instant(), 1));
        String::from_utf8(made.message).unwrap().split_once("\r\n\r\n").unwrap().0.to_owned()
    };
    assert!(header("order_confirmation").contains("\r\nContent-Language: de-AT\r\n"));
    assert!(header("merchant_new_order").contains("\r\nContent-Language: en\r\n"));
}

#[test]
fn a_shop_that_names_no_address_of_its_own_gets_no_message() {
    let address = EmailAddress::parse("orders@shop.example.com").unwrap();
    let types = TypeSet::load(&TypeSource::Shipped, Sender::new(None, address)).unwrap();
    let order = event("order.confirmed", sample("order_confirmation", "short"), "en");
    let planned = types.plan(&order).unwrap();
    assert_eq!(planned.len(), 1);
    assert_eq!(planned[0].notification_type, "order_confirmation");
}

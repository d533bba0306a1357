use postrider_mail::render::money::{format_amount, minor_units, parse_amount};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn shown(amount: &str, currency: &str) -> String {
    format_amount(amount.parse().unwrap(), currency)
}

#[test]
fn amounts_have_their_currencys_own_digits() {
    assert_eq!(shown("129", "USD"), "$129.00");
    assert_eq!(shown("1234567.5", "EUR"), "€1,234,567.50");
    assert_eq!(shown("1200", "JPY"), "¥1,200");
    assert_eq!(shown("1.5", "KWD"), "KWD\u{a0}1.500");
    assert_eq!(shown("0", "GBP"), "£0.00");
    assert_eq!(shown("999", "CHF"), "CHF\u{a0}999.00");
    assert_eq!(shown("-5", "USD"), "-$5.00");
    assert_eq!(minor_units("CLF"), 4);
}

#[test]
fn digits_beyond_the_currency_are_rounded_half_to_even() {
    assert_eq!(shown("0.125", "USD"), "$0.12");
    assert_eq!(shown("0.135", "USD"), "$0.14");
    assert_eq!(shown("2.5", "JPY"), "¥2");
    assert_eq!(shown("3.5", "JPY"), "¥4");
    assert_eq!(shown("-0.001", "USD"), "$0.00");
}

#[test]
fn what_is_no_amount_is_refused() {
    for text in ["", "-1", "1e2", "1.", ".1", "1,0", " 1", "1234567890123456", "0.0000001", "∞"] {
        assert_eq!(parse_amount(text, false), None, "{text:?}");
    }
    for text in ["-1e2", "1e400", "1e-400", "1e16", "1.5e-7", "1e", "e1"] {
        assert_eq!(parse_amount(text, true), None, "{text:?}");
    }
    assert_eq!(parse_amount("1.29E+2", true), Some(Decimal::from(129)));
    assert_eq!(parse_amount("0e5", true).map(|zero| zero.is_zero()), Some(true));
}

proptest! {
    #[test]
    fn writing_keeps_every_digit(cents in 0_u64..100_000_000_000_000_000) {
        let text = format!("{}.{:02}", cents / 100, cents % 100);
        let amount = parse_amount(&text, false).unwrap();
        let written = format_amount(amount, "USD");
        prop_assert_eq!(written.replace([',', '$'], ""), text);
    }

    #[test]
    fn reading_never_panics(text in ".{0,60}") {
        let _ = parse_amount(&text, true);
    }
}

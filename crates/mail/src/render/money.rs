//! Amounts of money, read and written as decimals. No float takes part.

use rust_decimal::{Decimal, RoundingStrategy};

/// Digits before the decimal point that an amount may have.
pub const WHOLE_DIGITS_MAX: usize = 15;
/// Digits after the decimal point that an amount may have.
pub const FRACTION_DIGITS_MAX: usize = 6;

/// Reads a non-negative amount: digits, optionally a point and more digits. JSON numbers may carry an exponent.
///
/// `None` for anything else, and for amounts beyond [`WHOLE_DIGITS_MAX`] or finer than [`FRACTION_DIGITS_MAX`].
#[must_use]
pub fn parse_amount(text: &str, exponent_allowed: bool) -> Option<Decimal> {
    // Longer texts cannot be an amount, and must not cost a parse.
    if text.len() > 48 {
        return None;
    }
    if let Some((whole, fraction)) = plain_parts(text) {
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let is_amount = whole.len() <= WHOLE_DIGITS_MAX && fraction.len() <= FRACTION_DIGITS_MAX;
        return if is_amount { Decimal::from_str_exact(text).ok() } else { None };
    }
    if !exponent_allowed {
        return None;
    }
    let amount = Decimal::from_scientific(text).ok()?;
    let normal = amount.normalize();
    let limit = Decimal::from(10_u64.pow(15));
    let is_amount = !normal.is_sign_negative() && normal < limit && normal.scale() <= 6;
    // A number too small to hold reads as zero; only a zero written as one is meant.
    let vanished = normal.is_zero()
        && text.bytes().take_while(|b| !matches!(b, b'e' | b'E')).any(|b| (b'1'..=b'9').contains(&b));
    (is_amount && !vanished).then_some(amount)
}

fn plain_parts(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    (!whole.is_empty() && digits(whole) && digits(fraction)).then_some((whole, fraction))
}

/// Digits after the point that a currency is counted in (ISO 4217, "minor unit").
#[must_use]
pub fn minor_units(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// The sign customers know a currency by, where it cannot be mistaken for another.
fn symbol(currency: &str) -> Option<&'static str> {
    Some(match currency {
        "USD" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" => "¥",
        "INR" => "₹",
        "KRW" => "₩",
        "ILS" => "₪",
        "VND" => "₫",
        "CAD" => "CA$",
        "AUD" => "A$",
        "NZD" => "NZ$",
        "MXN" => "MX$",
        "HKD" => "HK$",
        "SGD" => "S$",
        "BRL" => "R$",
        "CNY" => "CN¥",
        _ => return None,
    })
}

/// Writes an amount the way messages of format 1 have it, which is an English reader's: `$1,234.50`, `¥1,200`, `KWD 1.500`, `-$5.00`.
///
/// Digits beyond the currency's own are rounded half to even; no other rounding happens.
#[must_use]
pub fn format_amount(amount: Decimal, currency: &str) -> String {
    let digits = minor_units(currency);
    let mut amount = amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointNearestEven);
    amount.rescale(digits);
    let mut text = String::with_capacity(24);
    if amount.is_sign_negative() && !amount.is_zero() {
        text.push('-');
    }
    match symbol(currency) {
        Some(symbol) => text.push_str(symbol),
        None => {
            text.push_str(currency);
            // No-break: an amount must not part from its currency at a line's end.
            text.push('\u{a0}');
        }
    }
    push_grouped(&mut text, &amount.abs().to_string());
    text
}

/// Appends a plain decimal with a comma between thousands.
fn push_grouped(out: &mut String, plain: &str) {
    let whole_len = plain.find('.').unwrap_or(plain.len());
    for (index, digit) in plain.char_indices() {
        if index > 0 && index < whole_len && (whole_len - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
}

/// A quantity without trailing zeros, with thousands apart, as messages of format 1 have it.
#[must_use]
pub(crate) fn format_number(number: Decimal) -> String {
    let number = number.normalize();
    let mut text = String::new();
    if number.is_sign_negative() && !number.is_zero() {
        text.push('-');
    }
    push_grouped(&mut text, &number.abs().to_string());
    text
}

/// The decimal written as `text`, with or without an exponent.
pub(crate) fn decimal_from(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

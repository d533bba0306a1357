//! Dates as a person reads them.

use minijinja::{Error, ErrorKind};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The template filter `date`: `2026-11-23T10:00:00+01:00` becomes `23 November 2026`.
///
/// The day is the one written in the timestamp, in its own offset: that is the day the shop's order system meant.
pub(crate) fn date_filter(timestamp: &str) -> Result<String, Error> {
    parts(timestamp).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidOperation,
            "expected a date as in RFC 3339, such as 2026-11-23T10:00:00Z",
        )
    })
}

fn parts(timestamp: &str) -> Option<String> {
    let year = timestamp.get(..4)?;
    let month: usize = timestamp.get(5..7)?.parse().ok()?;
    let day: u8 = timestamp.get(8..10)?.parse().ok()?;
    let dashes = timestamp.get(4..5)? == "-" && timestamp.get(7..8)? == "-";
    if !dashes || !year.bytes().all(|b| b.is_ascii_digit()) || !(1..=31).contains(&day) {
        return None;
    }
    let name = MONTHS.get(month.checked_sub(1)?)?;
    Some(format!("{day} {name} {year}"))
}

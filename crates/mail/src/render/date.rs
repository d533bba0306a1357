//! Moments as the reader's calendar and clock show them.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZoneDatabase;

/// The zones that come with the program: those of the machine may be another edition.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

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

/// Whether `name` is a time zone's, such as `Europe/Berlin`.
#[must_use]
pub fn is_time_zone(name: &str) -> bool {
    ZONES.get(name).is_ok()
}

/// What calendar and clock show at `timestamp` (RFC 3339, or a day alone) in the zone named.
///
/// Without a zone, or with one nobody knows, they are those written in the timestamp, in its own offset: that is what
/// the shop's order system meant. `None` if the timestamp is not one.
pub(crate) fn local(timestamp: &str, zone: Option<&str>) -> Option<DateTime> {
    let pieces = Pieces::parse(timestamp).ok()?;
    let written = DateTime::from_parts(pieces.date(), pieces.time().unwrap_or_default());
    let offset = pieces.to_numeric_offset();
    match (zone.and_then(|name| ZONES.get(name).ok()), offset) {
        (Some(zone), Some(offset)) => Some(zone.to_datetime(offset.to_timestamp(written).ok()?)),
        _ => Some(written),
    }
}

/// `2026-11-23T10:00:00+01:00` as `23 November 2026`, as messages of format 1 have it.
pub(crate) fn date_of_format_1(timestamp: &str) -> Option<String> {
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

//! Counting into periods.

use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::stats::{PeriodLength, Stats, StatsQuery, StatusCounts, Tally};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or(Timestamp::EPOCH)
}

fn query(since: &str, until: &str, period: PeriodLength) -> StatsQuery {
    StatsQuery { since: at(since), until: at(until), period, notification_type: None }
}

#[test]
fn a_window_has_every_period_that_it_touches() {
    for (since, until, hours, days) in [
        ("2026-11-25T10:00:00Z", "2026-11-25T10:00:00Z", 0, 0),
        ("2026-11-25T10:00:00Z", "2026-11-25T10:00:00.001Z", 1, 1),
        ("2026-11-25T10:59:59.999Z", "2026-11-25T11:00:00.001Z", 2, 1),
        ("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z", 24, 1),
        ("2026-11-25T23:59:59Z", "2026-11-26T00:00:01Z", 2, 2),
    ] {
        assert_eq!(query(since, until, PeriodLength::Hour).periods(), hours, "{since} {until}");
        assert_eq!(query(since, until, PeriodLength::Day).periods(), days, "{since} {until}");
    }
}

#[test]
fn what_lies_outside_the_window_is_not_counted() {
    let query = query("2026-11-25T10:30:00Z", "2026-11-25T12:30:00Z", PeriodLength::Hour);
    let mut tally = Tally::new(&query);
    for minute in ["10:29", "10:30", "11:59", "12:29", "12:30", "12:31"] {
        tally.add(at(&format!("2026-11-25T{minute}:00Z")), Status::Sent);
    }
    let Stats::Counted(periods) = tally.finish() else { panic!("a tally always counts") };
    let counts: Vec<_> = periods.iter().map(|period| period.counts.of(Status::Sent)).collect();
    assert_eq!(counts, [1, 1, 1]);
    assert_eq!(periods[0].start, at("2026-11-25T10:00:00Z"));
}

#[test]
fn only_what_the_mailer_is_known_to_have_taken_is_handed_on() {
    let mut counts = StatusCounts::default();
    for status in Status::ALL {
        counts.add(status);
    }
    assert_eq!((counts.total(), counts.handed_on()), (Status::ALL.len() as u64, 4));
}

//! The month's money, by a clock that is held in the hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use postrider_core::domain::budget::{BudgetRecord, BudgetTurn, Rates, Searched};
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::money::Usd;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::BUDGET_LIFTED_MS;

const HOUR_MS: u64 = 3_600_000;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// A tenth of a cent an e-mail, and nothing stands.
fn rates() -> Rates {
    Rates { email: usd("0.001"), standing_month: Usd::ZERO }
}

/// What a mail service would say that has sent `per_hour` messages in each hour since `start`.
fn sent_last_day(start: Timestamp, now: Timestamp, per_hour: u64) -> u64 {
    (now.ms_since(start) / HOUR_MS).min(24) * per_hour
}

/// Looks once an hour for `hours`, except where `is_missed` says otherwise.
fn watched(
    start: Timestamp,
    hours: u64,
    per_hour: u64,
    is_missed: impl Fn(u64) -> bool,
) -> (BudgetRecord, Timestamp) {
    let mut record = BudgetRecord::new(start);
    record.count(0, start);
    let mut now = start;
    for hour in 1..=hours {
        now = start.plus_ms(hour * HOUR_MS);
        if !is_missed(hour) {
            record.count(sent_last_day(start, now, per_hour), now);
        }
    }
    (record, now)
}

#[test]
fn every_message_counts_once_however_long_the_window_overlaps() {
    let (record, now) = watched(at("2026-11-01T00:00:00Z"), 24 * 10, 100, |_| false);
    let spending = record.spending(rates(), now);
    assert_eq!((spending.emails, spending.spent), (24_000, usd("24")));
    // Twenty more days like the last one.
    assert_eq!(spending.forecast, usd("72"));
}

#[test]
fn looks_that_were_missed_lose_nothing_within_a_day_and_little_beyond() {
    let (record, now) = watched(at("2026-11-01T00:00:00Z"), 24 * 10, 100, |hour| hour % 24 != 0);
    assert_eq!(record.spending(rates(), now).emails, 24_000);
    // Three days in which nobody looked count as the last of them.
    let (record, now) = watched(at("2026-11-01T00:00:00Z"), 24 * 10, 100, |hour| (100..172).contains(&hour));
    assert_eq!(record.spending(rates(), now).emails, 24_000);
}

#[test]
fn looking_twice_or_backwards_counts_nothing() {
    let (mut record, now) = watched(at("2026-11-01T00:00:00Z"), 30, 100, |_| false);
    let before = record.clone();
    record.count(2_400, now);
    record.count(9_999, at("2026-11-02T05:45:00Z"));
    assert_eq!(record, before);
    // Looking every minute keeps the record small and the count right.
    for minute in 1..=300 {
        record.count(2_400, now.plus_ms(minute * 60_000));
    }
    assert!(record.to_bytes().len() < 4_096, "{}", record.to_bytes().len());
    let counted = record.spending(rates(), now.plus_ms(300 * 60_000)).emails;
    assert!((3_450..=3_550).contains(&counted), "{counted}");
}

#[test]
fn what_was_sent_before_anybody_counted_is_not_counted() {
    let start = at("2026-11-20T10:00:00Z");
    let mut record = BudgetRecord::new(start);
    record.count(50_000, start);
    let spending = record.spending(rates(), start);
    assert_eq!((spending.emails, spending.since), (0, start));
    record.count(50_000, start.plus_ms(HOUR_MS));
    // An hour of the even day before has left the window, and as many messages have come.
    assert!((2_083..=2_084).contains(&record.spending(rates(), start.plus_ms(HOUR_MS)).emails));
}

#[test]
fn a_new_month_begins_with_nothing_and_has_its_part_of_the_hour_that_lies_across() {
    let start = at("2026-11-30T00:30:00Z");
    let (record, now) = watched(start, 24, 100, |_| false);
    assert_eq!(now, at("2026-12-01T00:30:00Z"));
    let spending = record.spending(rates(), now);
    assert_eq!((spending.month, spending.since), (at("2026-12-01T00:00:00Z"), at("2026-12-01T00:00:00Z")));
    assert_eq!(spending.emails, 50);
    // Before anybody has looked in it, the new month has cost nothing but what stands.
    let standing = Rates { standing_month: usd("31"), ..rates() };
    let (record, _) = watched(at("2026-11-29T00:00:00Z"), 24, 100, |_| false);
    assert_eq!(record.spending(standing, at("2026-12-02T00:00:00Z")).spent, usd("1"));
}

#[test]
fn what_stands_is_spent_as_time_goes_by() {
    let standing = Rates { standing_month: usd("30"), ..rates() };
    let (record, now) = watched(at("2026-11-01T00:00:00Z"), 24 * 3, 0, |_| false);
    let spending = record.spending(standing, now);
    assert_eq!((spending.spent, spending.forecast), (usd("3"), usd("30")));
}

#[test]
fn the_hold_begins_when_the_budget_is_reached_and_not_before() {
    let (mut record, now) = watched(at("2026-11-01T00:00:00Z"), 100, 100, |_| false);
    assert_eq!(record.judge(None, usd("10"), now), BudgetTurn::Unchanged);
    assert_eq!(record.judge(Some(usd("10")), usd("9.999999999"), now), BudgetTurn::Unchanged);
    let BudgetTurn::Held(hold) = record.judge(Some(usd("10")), usd("10"), now) else { panic!("reached") };
    assert_eq!((hold.since, hold.until), (now, at("2026-12-01T00:00:00Z")));
    assert_eq!((hold.spent, hold.budget), (usd("10"), usd("10")));
    assert_eq!(record.hold_at(now), Some(hold));
    assert_eq!(record.judge(Some(usd("10")), usd("11"), now.plus_ms(HOUR_MS)), BudgetTurn::Unchanged);
    assert_eq!(BudgetRecord::from_bytes(&record.to_bytes()), Some(record));
}

#[test]
fn a_higher_budget_or_none_the_months_end_or_a_person_ends_it() {
    let now = at("2026-11-20T10:00:00Z");
    let mut held = BudgetRecord::new(now);
    held.count(0, now);
    held.judge(Some(usd("10")), usd("10"), now);
    for budget in [Some(usd("20")), None] {
        let mut record = held.clone();
        assert_eq!(record.judge(budget, usd("10"), now), BudgetTurn::Lifted);
        assert!(!record.is_holding(now) && record.is_lifting(now));
    }
    // Nobody needs to look for the month to end.
    let next = at("2026-12-01T00:00:00Z");
    assert!(held.is_holding(at("2026-11-30T23:59:59.999Z")));
    assert!(!held.is_holding(next) && held.is_lifting(next));
    let mut record = held.clone();
    assert_eq!(record.judge(Some(usd("10")), usd("0"), next), BudgetTurn::Lifted);
    // A person's word counts until the month is over, and not in the next one.
    let mut record = held;
    assert!(record.release(now) && !record.release(now));
    assert_eq!(record.released_at(), Some(now));
    assert_eq!(record.judge(Some(usd("10")), usd("99"), now.plus_ms(HOUR_MS)), BudgetTurn::Unchanged);
    record.count(10, next.plus_ms(HOUR_MS));
    assert_eq!(record.released_at(), None);
    assert!(matches!(record.judge(Some(usd("10")), usd("10"), next.plus_ms(HOUR_MS)), BudgetTurn::Held(_)));
}

#[test]
fn a_hold_counts_as_lifted_when_nobody_can_believe_in_it_any_more() {
    let now = at("2026-11-20T10:00:00Z");
    let mut record = BudgetRecord::new(now);
    record.judge(Some(usd("10")), usd("10"), now);
    assert!(!record.searched(record.search(now), Searched::ToTheEnd, false, now), "it is on");
    record.release(now);
    let search = |record: &mut BudgetRecord, has_found, ms| {
        let began = now.plus_ms(ms);
        record.searched(record.search(began), Searched::ToTheEnd, has_found, began)
    };
    assert!(!search(&mut record, false, BUDGET_LIFTED_MS - 1));
    assert!(!search(&mut record, true, BUDGET_LIFTED_MS));
    assert!(record.is_lifting(now.plus_ms(BUDGET_LIFTED_MS)), "there may be more");
    // One that began too early has not seen what came behind it.
    let early = record.search(now.plus_ms(BUDGET_LIFTED_MS - 1));
    assert!(!record.searched(early, Searched::ToTheEnd, false, now.plus_ms(2 * BUDGET_LIFTED_MS)));
    assert!(search(&mut record, false, BUDGET_LIFTED_MS));
    assert!(!record.is_lifting(now.plus_ms(BUDGET_LIFTED_MS)));
}

#[test]
fn a_search_goes_on_where_it_was_and_forgets_nothing_it_found() {
    let now = at("2026-11-20T10:00:00Z");
    let mut record = BudgetRecord::new(now);
    record.judge(Some(usd("10")), usd("10"), now);
    // The month ends, and nobody has counted since.
    let late = at("2026-12-01T00:00:00Z").plus_ms(BUDGET_LIFTED_MS);
    let last = NotificationId::new(now, 7);
    assert!(record.searched(record.search(late), Searched::Until(Some(last)), true, late));
    let mut stored = BudgetRecord::from_bytes(&record.to_bytes()).unwrap();
    assert_eq!(stored, record);
    let search = stored.search(late.plus_ms(HOUR_MS));
    assert_eq!(search.after(), Some(last));
    assert!(stored.searched(search, Searched::ToTheEnd, false, late.plus_ms(HOUR_MS)));
    assert!(stored.is_lifting(late), "its first part has found some");
    assert_eq!(stored.search(late).after(), None, "from the newest again");
    // What an older version has stored is read as well.
    let text = String::from_utf8(stored.to_bytes()).unwrap();
    assert!(text.contains("\"lifting\"") && !text.contains("search"), "{text}");
    assert_eq!(BudgetRecord::from_bytes(text.as_bytes()), Some(stored));
}

#[test]
fn a_clock_that_was_far_ahead_once_does_not_switch_the_budget_off() {
    let now = at("2026-11-20T10:00:00Z");
    let rates = Rates { email: usd("1"), standing_month: usd("0") };
    let mut record = BudgetRecord::new(now);
    record.count(0, now);
    record.count(10, now.plus_ms(HOUR_MS));
    // Years ahead, and back.
    record.count(10, at("2031-01-01T00:00:00Z"));
    let later = now.plus_ms(2 * HOUR_MS);
    let ahead_ms = at("2031-01-01T00:00:00Z").ms_since(later);
    assert_eq!(record.count(10, later), Some(ahead_ms), "somebody must be told");
    assert_eq!(record.spending(rates, later).counted_until, later);
    record.count(30, later.plus_ms(HOUR_MS));
    assert_eq!(record.spending(rates, later.plus_ms(HOUR_MS)).emails, 20, "those after it was noticed");
    let spent = record.spending(rates, later.plus_ms(HOUR_MS)).spent;
    assert!(matches!(record.judge(Some(usd("20")), spent, later.plus_ms(HOUR_MS)), BudgetTurn::Held(_)));
    // A few minutes are no mistake: what was counted then is not counted again.
    let mut record = BudgetRecord::new(now);
    record.count(0, now);
    record.count(10, now.plus_ms(600_000));
    assert_eq!(record.count(10, now), None);
    assert_eq!(record.spending(rates, now).emails, 10);
}

#[test]
fn a_clock_that_is_hours_behind_makes_nothing_count_twice() {
    let (mut record, now) = watched(at("2026-11-01T00:00:00Z"), 30, 100, |_| false);
    assert_eq!(record.count(2_400, at("2026-11-01T12:00:00Z")), Some(18 * HOUR_MS));
    // Whoever has the right time goes on, and both by turns.
    for turn in 1..=100 {
        assert_eq!(record.count(2_400, now.plus_ms(turn)), None);
        record.count(2_400, at("2026-11-01T12:00:00Z"));
    }
    // Thousandths are rounded a hundred times.
    let counted = record.spending(rates(), now).emails;
    assert!((3_000..=3_005).contains(&counted), "{counted}");
    assert!(record.to_bytes().len() < 4_096, "{}", record.to_bytes().len());
}

#[test]
fn a_clock_that_is_hours_ahead_hides_nothing_until_time_has_caught_up() {
    let now = at("2026-11-20T10:00:00Z");
    let rates = Rates { email: usd("1"), standing_month: usd("0") };
    let mut record = BudgetRecord::new(now);
    record.count(0, now);
    record.count(10, now.plus_ms(HOUR_MS));
    record.count(12, now.plus_ms(5 * HOUR_MS));
    // Really it is earlier, and three more were sent: neither they nor those before are lost or counted twice.
    let later = now.plus_ms(2 * HOUR_MS);
    assert_eq!(record.count(15, later), Some(3 * HOUR_MS));
    let spending = record.spending(rates, later);
    assert_eq!((spending.emails, spending.counted_until), (15, later));
    assert!(matches!(record.judge(Some(usd("15")), spending.spent, later), BudgetTurn::Held(_)));
    assert_eq!(record.count(16, later.plus_ms(1)), None);
    assert_eq!(record.spending(rates, later.plus_ms(1)).emails, 16);
}

//! What sending has cost this month, and the hold that stops it when a hard budget is spent.
//!
//! The mail service says how many messages it sent in the last 24 hours and nothing else. [`BudgetRecord`] remembers enough
//! of what it said before to know how many of them are new, so that every message counts once. Nobody but it decides
//! whether sending is on hold; ledgers store it, senders ask [`BudgetRecord::is_holding`].

use jiff::ToSpan as _;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::id::NotificationId;
use super::money::Usd;
use super::outcome::Cause;
use super::time::Timestamp;
use crate::limits::{BUDGET_AHEAD_MS, BUDGET_LIFTED_MS, BUDGET_SPANS_MAX};

/// Why a notification is held that came while the month's budget was spent.
pub const CAUSE_BUDGET: Cause = Cause::known("budget_reached");

/// The window of which the mail service tells.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What things cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// One e-mail, besides what stands.
    pub email: Usd,
    /// What stands, a month, whatever is sent.
    pub standing_month: Usd,
}

/// Everything that is remembered about money. One an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetRecord {
    /// When the month began that is counted.
    month_ms: i64,
    /// Since when it is counted: the month's beginning, or later if nobody counted then.
    since_ms: i64,
    /// Messages sent in it, by thousandths: a span that lies across the month's beginning is split by time.
    milli_emails: u64,
    /// Until when it is counted.
    until_ms: i64,
    /// What was sent in the last 24 hours before `until_ms`, the oldest span first.
    spans: Vec<Span>,
    /// Whether sending is on hold.
    hold: Hold,
    /// When a person said that this month's mail goes out whatever it costs.
    released_ms: Option<i64>,
}

/// Messages sent between two instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    from_ms: i64,
    until_ms: i64,
    milli: u64,
}

impl Span {
    /// The part of it that lies after `start_ms`, as if messages were spread evenly.
    fn after(self, start_ms: i64) -> u64 {
        let whole = self.until_ms.saturating_sub(self.from_ms).max(1);
        let part = self.until_ms.saturating_sub(start_ms.max(self.from_ms)).clamp(0, whole);
        let milli = i128::from(self.milli) * i128::from(part) / i128::from(whole);
        u64::try_from(milli).unwrap_or(u64::MAX)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Hold {
    /// There is none.
    Off,
    /// Nothing is sent.
    On { since_ms: i64, until_ms: i64, spent_nanos: u64, budget_nanos: u64 },
    /// It is over, and what it held is being queued.
    Lifting {
        since_ms: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        search: Option<Search>,
    },
}

/// How far a search has come for what a hold had held, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// When it began.
    began_ms: i64,
    /// Older than this is still to be looked at.
    #[serde(with = "id_text")]
    after: Option<NotificationId>,
    /// Whether it has found any.
    has_found: bool,
}

impl Search {
    fn new(now: Timestamp) -> Self {
        Self { began_ms: now.as_millis(), after: None, has_found: false }
    }

    /// Where it goes on.
    #[must_use]
    pub fn after(self) -> Option<NotificationId> {
        self.after
    }
}

/// How a part of a search has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searched {
    /// What is older than this is still to be looked at; all that is newer was.
    Until(Option<NotificationId>),
    /// There is nothing older.
    ToTheEnd,
}

/// A hold that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetHold {
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself: the next month begins.
    pub until: Timestamp,
    /// What had been spent then.
    pub spent: Usd,
    /// The budget that it had reached.
    pub budget: Usd,
}

/// What is known about the month's money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    /// When the month began.
    pub month: Timestamp,
    /// Since when it is counted.
    pub since: Timestamp,
    /// Until when it is counted.
    pub counted_until: Timestamp,
    /// Messages sent in it.
    pub emails: u64,
    /// What they, and what stands, have cost so far.
    pub spent: Usd,
    /// What the whole month will have cost if it goes on as in the last 24 hours.
    pub forecast: Usd,
}

/// What a look at the money has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetTurn {
    /// Nothing.
    Unchanged,
    /// Sending is on hold from now on.
    Held(BudgetHold),
    /// The hold is over: the budget is higher than what was spent, there is none any more, or another month has begun.
    Lifted,
}

impl BudgetRecord {
    /// The record of an installation that begins to count at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            month_ms: month_of(now).0.as_millis(),
            since_ms: now.as_millis(),
            milli_emails: 0,
            until_ms: now.as_millis(),
            spans: Vec::new(),
            hold: Hold::Off,
            released_ms: None,
        }
    }

    /// The stored form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the stored form; `None` if it is none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Counts what is new in the `sent_last_day` messages that the mail service sent in the 24 hours before `now`.
    ///
    /// The first time, all of them are taken to be spread evenly over the day. After that what is new is the difference
    /// to what is remembered of the same 24 hours; what was sent while nobody looked for more than a day is not known and
    /// counts as much as the day before.
    ///
    /// Tells by how many milliseconds the last count lay ahead of `now`, if by so many that some clock is wrong.
    pub fn count(&mut self, sent_last_day: u64, now: Timestamp) -> Option<u64> {
        let now_ms = now.as_millis();
        let ahead_ms = Timestamp::from_millis(self.until_ms).ms_since(now);
        if ahead_ms > BUDGET_AHEAD_MS {
            self.begin_anew(sent_last_day, now);
            return Some(ahead_ms);
        }
        // Two that count at once: the later instant was counted already.
        if now_ms < self.until_ms || (now_ms == self.until_ms && !self.spans.is_empty()) {
            return None;
        }
        let window_ms = now.as_millis().saturating_sub(i64::try_from(DAY_MS).unwrap_or(i64::MAX));
        let told = sent_last_day.saturating_mul(1_000);
        let known: u64 = self.spans.iter().map(|span| span.after(window_ms)).fold(0, u64::saturating_add);
        let is_first = self.spans.is_empty();
        let from_ms = if is_first { window_ms } else { self.until_ms };
        let unseen_ms = u64::try_from(window_ms.saturating_sub(from_ms)).unwrap_or(0);
        let unseen = u128::from(told) * u128::from(unseen_ms) / u128::from(DAY_MS);
        let milli = told.saturating_sub(known).saturating_add(u64::try_from(unseen).unwrap_or(u64::MAX));
        let span = Span { from_ms, until_ms: now_ms, milli };
        let month_ms = month_of(now).0.as_millis();
        if month_ms != self.month_ms {
            self.month_ms = month_ms;
            self.since_ms = month_ms;
            self.milli_emails = 0;
            self.released_ms = None;
        }
        // What was sent before anybody counted is not part of what was counted.
        let start_ms = if is_first { self.since_ms.max(month_ms) } else { month_ms };
        self.milli_emails = self.milli_emails.saturating_add(span.after(start_ms));
        self.remember(span);
        self.until_ms = now_ms;
        None
    }

    /// A clock was ahead when it was counted last, or is behind now. Waiting until time has caught up would mean no budget
    /// meanwhile: the spans end now, but what was counted stays known, and so does the month's count if it is this month's.
    fn begin_anew(&mut self, sent_last_day: u64, now: Timestamp) {
        let now_ms = now.as_millis();
        let month_ms = month_of(now).0.as_millis();
        let window_ms = now_ms.saturating_sub(i64::try_from(DAY_MS).unwrap_or(i64::MAX));
        let told = sent_last_day.saturating_mul(1_000);
        for span in &mut self.spans {
            span.until_ms = span.until_ms.min(now_ms);
            span.from_ms = span.from_ms.min(span.until_ms.saturating_sub(1));
        }
        let known: u64 = self.spans.iter().map(|span| span.after(window_ms)).fold(0, u64::saturating_add);
        let milli = told.saturating_sub(known);
        let is_first = self.spans.is_empty();
        if month_ms != self.month_ms {
            self.month_ms = month_ms;
            self.since_ms = now_ms;
            self.milli_emails = 0;
            self.released_ms = None;
        } else if !is_first {
            self.milli_emails = self.milli_emails.saturating_add(milli);
        }
        if is_first {
            self.spans.push(Span { from_ms: window_ms, until_ms: now_ms, milli: told });
        } else {
            // What was guessed for the days in between would hide what comes next.
            for span in self.spans.iter_mut().filter(|_| known > told) {
                let milli = u128::from(span.milli) * u128::from(told) / u128::from(known);
                span.milli = u64::try_from(milli).unwrap_or(u64::MAX);
            }
            self.remember(Span { from_ms: now_ms.saturating_sub(1), until_ms: now_ms, milli });
        }
        self.until_ms = now_ms;
    }

    /// Remembers one more span, and forgets those that have left the window.
    fn remember(&mut self, span: Span) {
        let window_ms = span.until_ms.saturating_sub(i64::try_from(DAY_MS).unwrap_or(i64::MAX));
        self.spans.push(span);
        self.spans.retain(|span| span.until_ms > window_ms);
        // Whoever looks more often than that has its oldest spans joined.
        while self.spans.len() > BUDGET_SPANS_MAX {
            let oldest = self.spans.remove(0);
            if let Some(next) = self.spans.first_mut() {
                *next = Span {
                    from_ms: oldest.from_ms,
                    until_ms: next.until_ms,
                    milli: oldest.milli.saturating_add(next.milli),
                };
            }
        }
    }

    /// What the month costs at `rates`, as of `now`.
    #[must_use]
    pub fn spending(&self, rates: Rates, now: Timestamp) -> Spending {
        let (month, next) = month_of(now);
        let is_counted = month.as_millis() == self.month_ms;
        let since = if is_counted { Timestamp::from_millis(self.since_ms) } else { month };
        let milli = if is_counted { self.milli_emails } else { 0 };
        let length_ms = next.ms_since(month);
        let price = |milli: u64| rates.email.times(milli, 1_000);
        let standing = |ms: u64| rates.standing_month.times(ms, length_ms);
        let spent = price(milli).plus(standing(now.ms_since(since)));
        let last_day: u64 = self.spans.iter().map(|span| span.milli).fold(0, u64::saturating_add);
        let left_ms = next.ms_since(now);
        let to_come = u128::from(last_day) * u128::from(left_ms) / u128::from(DAY_MS);
        let to_come = price(u64::try_from(to_come).unwrap_or(u64::MAX)).plus(standing(left_ms));
        Spending {
            month,
            since,
            counted_until: Timestamp::from_millis(self.until_ms),
            emails: milli / 1_000,
            spent,
            forecast: spent.plus(to_come),
        }
    }

    /// Begins or ends the hold, by what was `spent` and the hard `budget` there is.
    pub fn judge(&mut self, budget: Option<Usd>, spent: Usd, now: Timestamp) -> BudgetTurn {
        let is_over = |budget: Usd| spent >= budget;
        let must_hold = budget.filter(|budget| is_over(*budget) && self.released_ms.is_none());
        match (self.hold_at(now), must_hold) {
            (None, Some(budget)) => {
                let hold = BudgetHold { since: now, until: month_of(now).1, spent, budget };
                self.hold = Hold::On {
                    since_ms: now.as_millis(),
                    until_ms: hold.until.as_millis(),
                    spent_nanos: spent.as_nanos(),
                    budget_nanos: budget.as_nanos(),
                };
                BudgetTurn::Held(hold)
            }
            (Some(_), None) => {
                self.lift(now);
                BudgetTurn::Lifted
            }
            (None, None) if matches!(self.hold, Hold::On { .. }) => {
                self.lift(now);
                BudgetTurn::Lifted
            }
            (None, None) | (Some(_), Some(_)) => BudgetTurn::Unchanged,
        }
    }

    /// A person lets this month's mail go, whatever it costs. Tells whether there was a hold.
    pub fn release(&mut self, now: Timestamp) -> bool {
        let was_on = self.hold_at(now).is_some();
        if was_on {
            self.released_ms = Some(now.as_millis());
            self.lift(now);
        }
        was_on
    }

    /// The hold, if sending is on hold at `now`.
    #[must_use]
    pub fn hold_at(&self, now: Timestamp) -> Option<BudgetHold> {
        match self.hold {
            Hold::On { since_ms, until_ms, spent_nanos, budget_nanos } if now.as_millis() < until_ms => {
                Some(BudgetHold {
                    since: Timestamp::from_millis(since_ms),
                    until: Timestamp::from_millis(until_ms),
                    spent: Usd::from_nanos(spent_nanos),
                    budget: Usd::from_nanos(budget_nanos),
                })
            }
            Hold::On { .. } | Hold::Off | Hold::Lifting { .. } => None,
        }
    }

    /// Whether sending is on hold at `now`.
    #[must_use]
    pub fn is_holding(&self, now: Timestamp) -> bool {
        self.hold_at(now).is_some()
    }

    /// When a person released this month's mail, if one did.
    #[must_use]
    pub fn released_at(&self) -> Option<Timestamp> {
        self.released_ms.map(Timestamp::from_millis)
    }

    /// Whether a hold is over at `now` and what it held is still to be queued.
    #[must_use]
    pub fn is_lifting(&self, now: Timestamp) -> bool {
        self.hold != Hold::Off && !self.is_holding(now)
    }

    /// Where the search goes on, at `now`, for what a hold had held.
    #[must_use]
    pub fn search(&self, now: Timestamp) -> Search {
        match self.hold {
            Hold::Lifting { search: Some(search), .. } => search,
            Hold::Lifting { search: None, .. } | Hold::On { .. } | Hold::Off => Search::new(now),
        }
    }

    /// Notes how far `search` has come, and whether it has found any in this part. One that has come to the end without
    /// finding any ends the lifting, but not before [`BUDGET_LIFTED_MS`] are over: whoever had seen the hold may go on
    /// holding for a while. Tells whether anything is different now.
    pub fn searched(&mut self, search: Search, searched: Searched, has_found: bool, now: Timestamp) -> bool {
        let since_ms = match self.hold {
            // The month was over before anybody noticed.
            Hold::On { until_ms, .. } if !self.is_holding(now) => until_ms,
            Hold::Lifting { since_ms, .. } => since_ms,
            Hold::On { .. } | Hold::Off => return false,
        };
        let has_found = has_found || search.has_found;
        let began = Timestamp::from_millis(search.began_ms);
        let was_late = began.ms_since(Timestamp::from_millis(since_ms)) >= BUDGET_LIFTED_MS;
        let next = match searched {
            Searched::ToTheEnd if was_late && !has_found => Hold::Off,
            // There is nothing to remember. That the month is over is for the next count to say.
            Searched::ToTheEnd | Searched::Until(None) if matches!(self.hold, Hold::On { .. }) => {
                return false;
            }
            Searched::ToTheEnd | Searched::Until(None) => Hold::Lifting { since_ms, search: None },
            Searched::Until(after) => {
                Hold::Lifting { since_ms, search: Some(Search { after, has_found, ..search }) }
            }
        };
        let is_new = next != self.hold;
        self.hold = next;
        is_new
    }

    fn lift(&mut self, now: Timestamp) {
        self.hold = Hold::Lifting { since_ms: now.as_millis(), search: None };
    }
}

/// An id as its text. One that cannot be read is none: then the search begins anew.
mod id_text {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::NotificationId;

    #[expect(clippy::ref_option, reason = "serde passes the field by reference")]
    pub(super) fn serialize<S: Serializer>(id: &Option<NotificationId>, to: S) -> Result<S::Ok, S::Error> {
        id.map(|id| id.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<NotificationId>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.and_then(|text| text.parse().ok()))
    }
}

/// The beginning of the calendar month in UTC that `now` lies in, and of the next.
fn month_of(now: Timestamp) -> (Timestamp, Timestamp) {
    let instant = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
    let first = instant.to_zoned(TimeZone::UTC).datetime().date().first_of_month();
    let instant = |date: jiff::civil::Date| {
        let at = DateTime::from_parts(date, jiff::civil::Time::midnight());
        let ms = at.to_zoned(TimeZone::UTC).map_or(i64::MAX, |at| at.timestamp().as_millisecond());
        Timestamp::from_millis(ms)
    };
    let next = first.checked_add(1.month()).map_or(Timestamp::from_millis(i64::MAX), instant);
    (instant(first), next)
}

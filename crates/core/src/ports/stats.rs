//! The port to counts: what became of the notifications of a stretch of time.

use async_trait::async_trait;

use crate::domain::status::Status;
use crate::domain::time::Timestamp;

use super::ledger::LedgerError;

/// How long one period is. Periods begin with the hour or the day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodLength {
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl PeriodLength {
    /// Its milliseconds. Days of UTC have no other length.
    #[must_use]
    pub fn ms(self) -> i64 {
        const HOUR_MS: i64 = 60 * 60 * 1000;
        match self {
            Self::Hour => HOUR_MS,
            Self::Day => 24 * HOUR_MS,
        }
    }

    /// The public name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The beginning of the period that `instant` lies in.
    #[must_use]
    pub fn start_of(self, instant: Timestamp) -> Timestamp {
        Timestamp::from_millis(instant.as_millis().div_euclid(self.ms()) * self.ms())
    }
}

/// What to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsQuery {
    /// Accepted at or after this instant.
    pub since: Timestamp,
    /// Accepted before this instant.
    pub until: Timestamp,
    /// One count for each of these.
    pub period: PeriodLength,
    /// Only of this type.
    pub notification_type: Option<String>,
}

impl StatsQuery {
    /// How many periods the window touches.
    #[must_use]
    pub fn periods(&self) -> usize {
        if self.until <= self.since {
            return 0;
        }
        let first = self.period.start_of(self.since).as_millis();
        let last = self.until.as_millis() - 1;
        usize::try_from((last - first) / self.period.ms() + 1).unwrap_or(usize::MAX)
    }
}

/// How many notifications have each status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StatusCounts([u64; Status::ALL.len()]);

impl StatusCounts {
    /// Counts one more.
    pub fn add(&mut self, status: Status) {
        self.add_many(status, 1);
    }

    /// Counts `count` more.
    pub fn add_many(&mut self, status: Status, count: u64) {
        for (known, counted) in Status::ALL.iter().zip(&mut self.0) {
            if *known == status {
                *counted += count;
            }
        }
    }

    /// How many have `status`.
    #[must_use]
    pub fn of(&self, status: Status) -> u64 {
        Status::ALL.iter().zip(self.0).filter(|(known, _)| **known == status).map(|(_, count)| count).sum()
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those of which the mailer's acceptance is known, and nothing that says the mail service refused it after all.
    #[must_use]
    pub fn handed_on(&self) -> u64 {
        const HANDED_ON: [Status; 4] = [Status::Sent, Status::Delivered, Status::Bounced, Status::Complained];
        HANDED_ON.into_iter().map(|status| self.of(status)).sum()
    }
}

/// The counts of one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodCounts {
    /// When the period begins; the window may begin within the first, and end within the last.
    pub start: Timestamp,
    /// The notifications accepted in it, by their status now.
    pub counts: StatusCounts,
}

/// What counting came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stats {
    /// Every period of the window, oldest first, also those in which nothing was accepted.
    Counted(Vec<PeriodCounts>),
    /// More were accepted in the window than the ledger looks at for one answer. Nothing is told, because a part of it
    /// would look like the whole.
    TooMany {
        /// How many it looks at.
        most: usize,
    },
}

/// Counts notifications into the periods of a query. Made here, so that every ledger counts the same.
#[derive(Clone, Debug)]
pub struct Tally {
    since: Timestamp,
    until: Timestamp,
    period: PeriodLength,
    periods: Vec<PeriodCounts>,
}

impl Tally {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(query: &StatsQuery) -> Self {
        let first = query.period.start_of(query.since);
        let step = u64::try_from(query.period.ms()).unwrap_or(u64::MAX);
        let start = |n: usize| first.plus_ms(step.saturating_mul(n as u64));
        let period = |n| PeriodCounts { start: start(n), counts: StatusCounts::default() };
        Self {
            since: query.since,
            until: query.until,
            period: query.period,
            periods: (0..query.periods()).map(period).collect(),
        }
    }

    /// Counts a notification accepted at `created_at`, unless that lies outside the window.
    pub fn add(&mut self, created_at: Timestamp, status: Status) {
        if created_at < self.since || created_at >= self.until {
            return;
        }
        let first = self.period.start_of(self.since).as_millis();
        let n = usize::try_from((created_at.as_millis() - first) / self.period.ms()).ok();
        if let Some(period) = n.and_then(|n| self.periods.get_mut(n)) {
            period.counts.add(status);
        }
    }

    /// The counts.
    #[must_use]
    pub fn finish(self) -> Stats {
        Stats::Counted(self.periods)
    }
}

/// Where notifications are counted.
#[async_trait]
pub trait StatsLedger: Send + Sync {
    /// Counts the notifications accepted in a window by their status now. The caller sees to it that the window has at most
    /// [`crate::limits::STATS_PERIODS_MAX`] periods.
    async fn stats(&self, query: StatsQuery) -> Result<Stats, LedgerError>;
}

//! The answer of `GetAccount`, as far as it matters here.

use std::time::Duration;

use aws_sdk_sesv2::operation::get_account::GetAccountOutput;

/// The part of the daily quota from which on SES is asked more often, in percent.
const NEARLY_PERCENT: u64 = 95;

/// What SES says about an account in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// Whether it may send.
    pub sending_enabled: bool,
    /// Whether it may send to anybody. In the SES sandbox only verified recipients are written to.
    pub production_access: bool,
    /// `HEALTHY`, `PROBATION` or `SHUTDOWN`.
    pub enforcement: Option<String>,
    /// Messages in 1,000 seconds; `None` if there is no limit, or SES does not say.
    pub rate_per_1000_secs: Option<u32>,
    /// Messages in 24 hours; `None` if there is no limit, or SES does not say.
    pub daily_quota: Option<u64>,
    /// Messages it took in the last 24 hours.
    pub sent_last_day: u64,
}

impl AccountView {
    pub(super) fn of(answer: &GetAccountOutput) -> Self {
        let quota = answer.send_quota();
        Self {
            sending_enabled: answer.sending_enabled(),
            production_access: answer.production_access_enabled(),
            enforcement: answer.enforcement_status().map(str::to_owned),
            rate_per_1000_secs: quota.and_then(|quota| thousandths(quota.max_send_rate())),
            // -1 stands for no limit.
            daily_quota: quota.and_then(|quota| whole(quota.max24_hour_send())),
            sent_last_day: quota.and_then(|quota| whole(quota.sent_last24_hours())).unwrap_or(0),
        }
    }

    /// Messages that may still go today if `sent_since` went after this was said; `None` if there is no limit.
    #[must_use]
    pub fn left_today(&self, sent_since: u64) -> Option<u64> {
        Some(self.daily_quota?.saturating_sub(self.sent_last_day.saturating_add(sent_since)))
    }

    /// Whether nothing in it must be watched closely.
    pub(super) fn is_calm(&self, sent_since: u64) -> bool {
        let nearly = self.daily_quota.map(|quota| quota / 100 * (100 - NEARLY_PERCENT));
        let is_nearly_used =
            self.left_today(sent_since).zip(nearly).is_some_and(|(left, nearly)| left <= nearly);
        self.sending_enabled && !is_nearly_used
    }

    /// Whether `other` says something else that a person wants to hear.
    pub(super) fn differs(&self, other: &Self) -> bool {
        Self { sent_last_day: 0, ..self.clone() } != Self { sent_last_day: 0, ..other.clone() }
    }
}

/// A number of messages; `None` if it is negative or no number.
fn whole(number: f64) -> Option<u64> {
    Duration::try_from_secs_f64(number).ok().map(|seconds| seconds.as_secs())
}

/// A rate a second in thousandths, at least one.
fn thousandths(rate: f64) -> Option<u32> {
    let milliseconds = Duration::try_from_secs_f64(rate).ok()?.as_millis();
    u32::try_from(milliseconds).ok().map(|rate| rate.max(1))
}

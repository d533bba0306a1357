//! What e-mails cost at Amazon: prices and usage as data with date and source, and the arithmetic between them. Money is
//! decimal throughout.

mod page;
#[cfg(test)]
mod stack_tests;
#[cfg(test)]
mod tests;

pub use page::{PAGE_VOLUMES, page};

use std::collections::BTreeMap;

use postrider_core::domain::budget::Rates;
use postrider_core::domain::money::Usd;
use postrider_core::domain::time::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;

/// Days of the month that an estimate is for.
const MONTH_DAYS: u64 = 30;

/// Prices, by what they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prices(BTreeMap<String, Price>);

/// One price.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// US dollars for [`Price::per`] units.
    usd: Decimal,
    per: u64,
    /// When it was read, `2026-07-22`.
    pub date: String,
    /// Who said so.
    pub source: String,
}

/// What is used, by the names of [`Prices`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    per_email: BTreeMap<String, Decimal>,
    standing_month: BTreeMap<String, Decimal>,
    #[serde(default)]
    vpc_month: BTreeMap<String, Decimal>,
    #[serde(default)]
    kept_month: BTreeMap<String, Decimal>,
}

/// Why the data cannot be used. Both files are part of the program, so that only a change of them leads here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidData {
    /// Not as it should be laid out.
    #[error("{file} cannot be read: {reason}")]
    Layout {
        /// Which file.
        file: &'static str,
        /// The parser's words.
        reason: String,
    },
    /// Something is used that has no price.
    #[error("usage.toml names {0}, which prices.toml has no price for")]
    NoPrice(String),
    /// A sum that no decimal holds.
    #[error("the estimate is larger than a number can be")]
    TooLarge,
}

/// What it comes to, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// What a month of 30 days costs at the rate of the last day, standing costs included.
    pub month_usd: Decimal,
    /// Of this, what does not depend on how much is sent.
    pub standing_usd: Decimal,
    /// What one e-mail costs at that rate, standing costs included; `None` if none was sent.
    pub email_usd: Option<Decimal>,
    /// What each e-mail adds to the month, standing costs not included.
    pub each_usd: Decimal,
    /// What the e-mails of one such month add to the bill of every later month, because the ledger keeps them. Not part
    /// of `month_usd`.
    pub kept_usd: Decimal,
}

impl Estimate {
    /// What 1,000 e-mails cost, standing costs included; `None` if none was sent.
    #[must_use]
    pub fn thousand_usd(&self) -> Option<Decimal> {
        self.email_usd.and_then(|usd| usd.checked_mul(Decimal::from(1_000))).map(|usd| usd.normalize())
    }
}

#[derive(Deserialize)]
struct PriceFile {
    /// For the reader.
    #[serde(rename = "region")]
    _region: String,
    #[serde(flatten)]
    prices: BTreeMap<String, Price>,
}

impl Prices {
    /// The prices that come with the program.
    ///
    /// # Errors
    /// [`InvalidData`].
    pub fn shipped() -> Result<Self, InvalidData> {
        let file: PriceFile = read("prices.toml", include_str!("prices.toml"))?;
        Ok(Self(file.prices))
    }

    /// The date of the oldest price, `2026-01-01`: how far the estimate may be trusted.
    #[must_use]
    pub fn oldest_date(&self) -> Option<&str> {
        self.0.values().map(|price| price.date.as_str()).min()
    }

    /// Every price, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Price)> {
        self.0.iter().map(|(name, price)| (name.as_str(), price))
    }

    fn sum(&self, used: &BTreeMap<String, Decimal>) -> Result<Decimal, InvalidData> {
        let mut sum = Decimal::ZERO;
        for (name, units) in used {
            let price = self.0.get(name).ok_or_else(|| InvalidData::NoPrice(name.clone()))?;
            let cost = units.checked_mul(price.usd).and_then(|usd| usd.checked_div(Decimal::from(price.per)));
            sum = cost.and_then(|cost| sum.checked_add(cost)).ok_or(InvalidData::TooLarge)?;
        }
        Ok(sum)
    }
}

impl Usage {
    /// What the functions of this program use.
    ///
    /// # Errors
    /// [`InvalidData`].
    pub fn shipped() -> Result<Self, InvalidData> {
        read("usage.toml", include_str!("usage.toml"))
    }

    /// What a server on a machine of its own uses of Amazon: SES, and nothing that stands.
    ///
    /// # Errors
    /// [`InvalidData`].
    pub fn of_ses_alone() -> Result<Self, InvalidData> {
        let mut usage = Self::shipped()?;
        usage.per_email.retain(|name, _| name == "ses_message");
        usage.standing_month.clear();
        Ok(usage)
    }

    /// The same where the functions run in a network of their own (`EnableVpc`).
    ///
    /// # Errors
    /// [`InvalidData::TooLarge`].
    pub fn with_vpc(mut self) -> Result<Self, InvalidData> {
        for (name, units) in std::mem::take(&mut self.vpc_month) {
            let sum = self.standing_month.entry(name).or_default();
            *sum = sum.checked_add(units).ok_or(InvalidData::TooLarge)?;
        }
        Ok(self)
    }
}

fn read<T: for<'de> Deserialize<'de>>(file: &'static str, text: &str) -> Result<T, InvalidData> {
    toml::from_str(text).map_err(|error| InvalidData::Layout { file, reason: error.message().to_owned() })
}

/// What a month costs in which every day sends `emails_a_day`.
///
/// # Errors
/// [`InvalidData`].
pub fn estimate(prices: &Prices, usage: &Usage, emails_a_day: u64) -> Result<Estimate, InvalidData> {
    let variable = prices.sum(&usage.per_email)?;
    let standing_usd = prices.sum(&usage.standing_month)?;
    let emails = emails_a_day.checked_mul(MONTH_DAYS).map(Decimal::from).ok_or(InvalidData::TooLarge)?;
    let month_usd = variable
        .checked_mul(emails)
        .and_then(|usd| usd.checked_add(standing_usd))
        .ok_or(InvalidData::TooLarge)?;
    let email_usd = month_usd.checked_div(emails).map(|usd| usd.round_dp(9).normalize());
    let kept_usd = prices.sum(&usage.kept_month)?.checked_mul(emails).ok_or(InvalidData::TooLarge)?;
    Ok(Estimate {
        month_usd: month_usd.round_dp(6).normalize(),
        standing_usd: standing_usd.normalize(),
        email_usd,
        each_usd: variable.round_dp(9).normalize(),
        kept_usd: kept_usd.round_dp(6).normalize(),
    })
}

/// What the budget counts with: one e-mail, and what stands a month.
///
/// # Errors
/// [`InvalidData`].
pub fn rates(prices: &Prices, usage: &Usage) -> Result<Rates, InvalidData> {
    let usd = |amount: Decimal| amount.round_dp(9).normalize().to_string().parse::<Usd>();
    let email = usd(prices.sum(&usage.per_email)?);
    let standing_month = usd(prices.sum(&usage.standing_month)?);
    match (email, standing_month) {
        (Ok(email), Ok(standing_month)) => Ok(Rates { email, standing_month }),
        _ => Err(InvalidData::TooLarge),
    }
}

/// Where it is known how much was sent.
#[async_trait::async_trait]
pub trait Volume: Send + Sync {
    /// Messages sent in the 24 hours before `now`.
    ///
    /// # Errors
    /// Why it is not known, in words for the log.
    async fn last_day(&self, now: Timestamp) -> Result<u64, String>;
}

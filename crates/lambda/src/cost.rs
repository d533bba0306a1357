//! `cost`: what a month of e-mails costs at the rate of the last day, as metrics; and what this month has cost so far, which
//! begins the budget's hold when a hard budget is spent and ends it. On a schedule, once an hour.

use std::sync::Arc;

use postrider_aws::cost::{Estimate, Prices, Usage, Volume, estimate, rates};
use postrider_aws::emf::{Measurements, Metric};
use postrider_core::domain::budget::BudgetTurn;
use postrider_core::domain::money::Usd;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::{Ledger, LedgerError};
use postrider_core::use_cases::budget::{self, Kept};
use serde_json::Number;

/// Why there is no estimate, or no count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// Nobody knows how much was sent.
    #[error("it is not known how much was sent: {0}; the next run asks again")]
    Volume(String),
    /// The prices or what is used cannot be read.
    #[error(transparent)]
    Data(#[from] postrider_aws::cost::InvalidData),
    /// What was spent could not be remembered.
    #[error("what was spent could not be counted: {0}; the next run counts it")]
    Ledger(#[from] LedgerError),
}

/// Where money is remembered, and how much there is.
#[derive(Clone)]
pub struct Money {
    /// Where it is remembered.
    pub ledger: Arc<dyn Ledger>,
    /// What the installation uses.
    pub usage: Usage,
    /// The hard budget of a month; no hold if `None`.
    pub budget: Option<Usd>,
}

/// Estimates and counts.
///
/// # Errors
/// [`CostError`]; then nothing is published, rather than a number that is wrong.
pub async fn handle(volume: &dyn Volume, money: &Money, now: Timestamp) -> Result<Measurements, CostError> {
    let emails_a_day = volume.last_day(now).await.map_err(CostError::Volume)?;
    let prices = Prices::shipped()?;
    let Estimate { month_usd, standing_usd, email_usd, .. } = estimate(&prices, &money.usage, emails_a_day)?;
    let rates = rates(&prices, &money.usage)?;
    let Kept { account, turn, was_ahead_ms } =
        budget::keep(&*money.ledger, emails_a_day, rates, money.budget, now).await?;
    if let Some(was_ahead_ms) = was_ahead_ms {
        tracing::error!(was_ahead_ms, "{}", budget::CLOCK_WAS_AHEAD);
    }
    let mut measured = Measurements::default();
    // A decimal's own text is a JSON number.
    if let Ok(number) = month_usd.to_string().parse::<Number>() {
        measured.sample(Metric::EstimatedCostUsd, number);
    }
    if let Some(Ok(number)) = email_usd.map(|usd| usd.to_string().parse::<Number>()) {
        measured.sample(Metric::CostPerEmailUsd, number);
    }
    measured.sample(Metric::BudgetHold, u64::from(account.hold.is_some()));
    let spending = account.spending;
    tracing::info!(
        emails_a_day, month_usd = %month_usd, standing_usd = %standing_usd, oldest_price = prices.oldest_date(),
        emails = spending.emails, spent_usd = %spending.spent, forecast_usd = %spending.forecast, since = %spending.since,
        "the month's cost at the rate of the last day, and what was spent so far"
    );
    match turn {
        BudgetTurn::Unchanged => {}
        BudgetTurn::Held(hold) => tracing::error!(
            spent_usd = %hold.spent, budget_usd = %hold.budget, until = %hold.until,
            "the month's hard budget is spent: what comes in is held, nothing is sent; the runbook says how it goes on \
             (budget-hold)"
        ),
        BudgetTurn::Lifted => {
            tracing::warn!(spent_usd = %spending.spent, "the budget's hold is over; the sweep queues what it held");
        }
    }
    Ok(measured)
}

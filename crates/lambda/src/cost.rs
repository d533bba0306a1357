//! `cost`: what a month of e-mails costs at the rate of the last day, as metrics, on a schedule.

use postrider_aws::cost::{Estimate, Prices, Usage, Volume, estimate};
use postrider_aws::emf::{Measurements, Metric};
use postrider_core::domain::time::Timestamp;
use serde_json::Number;

/// Why there is no estimate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// Nobody knows how much was sent.
    #[error("it is not known how much was sent: {0}; the next run asks again")]
    Volume(String),
    /// The prices or what is used cannot be read.
    #[error(transparent)]
    Data(#[from] postrider_aws::cost::InvalidData),
}

/// Estimates.
///
/// # Errors
/// [`CostError`]; then nothing is published, rather than a number that is wrong.
pub async fn handle(volume: &dyn Volume, now: Timestamp) -> Result<Measurements, CostError> {
    let emails_a_day = volume.last_day(now).await.map_err(CostError::Volume)?;
    let prices = Prices::shipped()?;
    let Estimate { month_usd, standing_usd, email_usd } =
        estimate(&prices, &Usage::shipped()?, emails_a_day)?;
    let mut measured = Measurements::default();
    // A decimal's own text is a JSON number.
    if let Ok(number) = month_usd.to_string().parse::<Number>() {
        measured.sample(Metric::EstimatedCostUsd, number);
    }
    if let Some(Ok(number)) = email_usd.map(|usd| usd.to_string().parse::<Number>()) {
        measured.sample(Metric::CostPerEmailUsd, number);
    }
    tracing::info!(
        emails_a_day, month_usd = %month_usd, standing_usd = %standing_usd, oldest_price = prices.oldest_date(),
        "the month's cost at the rate of the last day"
    );
    Ok(measured)
}

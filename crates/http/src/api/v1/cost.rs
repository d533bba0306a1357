//! `/v1/cost`: what the month has cost, what it will cost, and whether the budget holds sending.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use postrider_core::domain::budget::BudgetHold;
use postrider_core::domain::money::Usd;
use postrider_core::domain::time::Timestamp;
use postrider_core::use_cases::budget::{self, Account};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Problem;
use crate::state::Api;

/// The month's money. Amounts are US dollars as decimal strings, estimated from dated prices.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Cost)]
pub struct CostView {
    /// The month in UTC, `2026-11`.
    month: String,
    /// Since when it is counted: its beginning, or later if nobody counted then; null if nobody has counted yet.
    since: Option<String>,
    /// Until when it is counted.
    counted_until: Option<String>,
    /// Messages the mail service has sent in it, for the whole account.
    emails: u64,
    /// Spent so far, with what stands whatever is sent.
    spent_usd: String,
    /// The same for one message; null if none was sent.
    per_email_usd: Option<String>,
    /// What the whole month will have cost if it goes on as in the last 24 hours.
    forecast_usd: String,
    /// The hard budget of the month; null if there is none.
    budget_usd: Option<String>,
    /// What is left of it.
    budget_left_usd: Option<String>,
    /// The hold, if the budget is spent and nothing is sent; else null.
    hold: Option<HoldView>,
    /// When a person let this month's mail go whatever it costs; else null.
    released_at: Option<String>,
}

/// Sending is on hold.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CostHold)]
pub struct HoldView {
    /// Since when.
    since: String,
    /// When it ends by itself.
    until: String,
    /// What had been spent then.
    spent_usd: String,
    /// The budget that this reached.
    budget_usd: String,
}

impl From<BudgetHold> for HoldView {
    fn from(hold: BudgetHold) -> Self {
        Self {
            since: hold.since.to_string(),
            until: hold.until.to_string(),
            spent_usd: hold.spent.to_string(),
            budget_usd: hold.budget.to_string(),
        }
    }
}

impl CostView {
    fn new(account: Option<Account>, budget: Option<Usd>, now: Timestamp) -> Self {
        let spending = account.as_ref().map(|account| account.spending);
        let spent = spending.map_or(Usd::ZERO, |spending| spending.spent);
        let emails = spending.map_or(0, |spending| spending.emails);
        let text = |at: Timestamp| at.to_string();
        let month = spending.map_or(now, |spending| spending.month).to_string();
        Self {
            month: month.get(..7).unwrap_or_default().to_owned(),
            since: spending.map(|spending| text(spending.since)),
            counted_until: spending.map(|spending| text(spending.counted_until)),
            emails,
            spent_usd: spent.to_string(),
            per_email_usd: (emails > 0).then(|| spent.times(1, emails).to_string()),
            forecast_usd: spending.map_or(Usd::ZERO, |spending| spending.forecast).to_string(),
            budget_usd: budget.map(|budget| budget.to_string()),
            budget_left_usd: budget.map(|budget| budget.less(spent).to_string()),
            hold: account.as_ref().and_then(|account| account.hold).map(HoldView::from),
            released_at: account.and_then(|account| account.released_at).map(text),
        }
    }
}

/// What the month has cost, and what is left of the budget.
#[utoipa::path(get, path = "/v1/cost", tag = "cost",
    responses((status = 200, description = "The month's money.", body = CostView)))]
pub async fn show(State(api): State<Api>) -> Result<Json<CostView>, Problem> {
    let now = api.clock.now();
    let account = budget::account(&*api.ledger, api.tariff.rates, now).await?;
    Ok(Json(CostView::new(account, api.tariff.budget, now)))
}

/// Ends the hold: this month's mail goes out, whatever it costs.
///
/// What was held is queued within a few minutes. The hold does not come back before the next month begins.
#[utoipa::path(post, path = "/v1/cost/release", tag = "cost",
    responses((status = 200, description = "The hold is over.", body = CostView),
              (status = 409, description = "Nothing is on hold.", body = crate::ProblemBody)))]
pub async fn release(State(api): State<Api>) -> Result<Json<CostView>, Problem> {
    let now = api.clock.now();
    if !budget::release(&*api.ledger, now).await? {
        let detail =
            "the budget does not hold sending; nothing was changed. GET /v1/cost tells what was spent";
        return Err(Problem::new(StatusCode::CONFLICT, "not_on_hold", detail));
    }
    api.hold.forget();
    tracing::warn!("a person ended the budget's hold; this month's mail goes out whatever it costs");
    (api.wake)();
    show(State(api)).await
}

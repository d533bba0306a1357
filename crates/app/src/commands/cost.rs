//! `postrider cost`: what e-mails cost at Amazon.

use clap::{Args, Subcommand};
use postrider_aws::cost::{Estimate, PAGE_VOLUMES, Prices, Usage, estimate, page};
use serde_json::{Value, json};

use super::Failure;
use crate::cli::GlobalOptions;

/// What to do about costs.
#[derive(Debug, Subcommand)]
pub enum CostCommand {
    /// What a month on AWS would cost, from dated prices; needs no server
    Estimate(EstimateOptions),
}

/// For which installation.
#[derive(Debug, Args)]
pub struct EstimateOptions {
    /// E-mails a day; several are separated by commas or given again [default: 2000,20000,200000,2000000]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    per_day: Vec<u64>,
    /// With the functions in a network of their own (EnableVpc)
    #[arg(long)]
    vpc: bool,
    /// Print docs/cost.md
    #[arg(long, hide = true, conflicts_with_all = ["per_day", "vpc"])]
    markdown: bool,
}

/// Carries out one of them.
///
/// # Errors
/// If the numbers are larger than money can be.
pub fn run(global: &GlobalOptions, command: &CostCommand) -> Result<(), Failure> {
    match command {
        CostCommand::Estimate(options) => show_estimate(global, options),
    }
}

fn show_estimate(global: &GlobalOptions, options: &EstimateOptions) -> Result<(), Failure> {
    let output = global.output();
    if options.markdown {
        output.line(page().map_err(|error| Failure::because(&error))?.trim_end());
        return Ok(());
    }
    let prices = Prices::shipped().map_err(|error| Failure::because(&error))?;
    let usage = Usage::shipped().and_then(|usage| if options.vpc { usage.with_vpc() } else { Ok(usage) });
    let usage = usage.map_err(|error| Failure::because(&error))?;
    let volumes = if options.per_day.is_empty() { &PAGE_VOLUMES[..] } else { &options.per_day[..] };
    let mut estimates = Vec::with_capacity(volumes.len());
    for per_day in volumes {
        let one = estimate(&prices, &usage, *per_day);
        let one =
            one.map_err(|error| Failure::new(format!("{per_day} e-mails a day cannot be priced: {error}")))?;
        estimates.push((*per_day, one));
    }
    let oldest = prices.oldest_date().unwrap_or_default();
    let rows: Vec<Value> = estimates.iter().map(|(per_day, one)| as_json(*per_day, one)).collect();
    let value = json!({ "pricesAsOf": oldest, "vpc": options.vpc, "estimates": rows });
    let mut text = String::new();
    for (per_day, one) in &estimates {
        text.push_str(&as_text(*per_day, one));
    }
    text.push_str(&format!("oldest price {oldest}; an estimate, see docs/cost.md for what it assumes\n"));
    output.show(&value, &text);
    Ok(())
}

/// Money is a decimal string, as everywhere in the API.
fn as_json(per_day: u64, one: &Estimate) -> Value {
    json!({
        "emailsPerDay": per_day,
        "standingUsdPerMonth": one.standing_usd.round_dp(6).normalize().to_string(),
        "usdPerEmail": one.email_usd.map(|usd| usd.to_string()),
        "usdPer1000": one.thousand_usd().map(|usd| usd.to_string()),
        "usdPerMonth": one.month_usd.to_string(),
        "keptUsdPerMonth": one.kept_usd.to_string(),
    })
}

fn as_text(per_day: u64, one: &Estimate) -> String {
    let email = one.email_usd.map_or("–".to_owned(), |usd| format!("{:.7}", usd.round_dp(7)));
    let thousand = one.thousand_usd().map_or("–".to_owned(), |usd| format!("{:.4}", usd.round_dp(4)));
    format!(
        "{per_day} e-mails a day\n  a month        {:>12.2} USD\n  of it standing {:>12.2} USD\n  per e-mail     {email:>12} USD\n  \
         per 1,000      {thousand:>12} USD\n  each month's mail, kept, adds {:.2} USD to every later month\n",
        one.month_usd.round_dp(2),
        one.standing_usd.round_dp(2),
        one.kept_usd.round_dp(2),
    )
}

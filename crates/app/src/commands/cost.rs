//! `postrider cost`: what e-mails cost at Amazon, this month and by estimate.

use clap::{Args, Subcommand};
use postrider_aws::cost::{Estimate, PAGE_VOLUMES, Prices, Usage, estimate, page};
use serde_json::{Value, json};

use super::Failure;
use crate::cli::GlobalOptions;
use crate::connection::Connection;
use crate::runtime::Types;

/// What to do about costs.
#[derive(Debug, Subcommand)]
pub enum CostCommand {
    /// What a month on AWS would cost, from dated prices; needs no server
    Estimate(EstimateOptions),
    /// End the budget's hold: this month's mail goes out, whatever it costs
    Release,
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

/// Shows the month's money, or carries out `command`.
///
/// # Errors
/// If the numbers are larger than money can be, there is nobody to ask, or there is no hold to end.
pub async fn run(global: &GlobalOptions, command: Option<&CostCommand>) -> Result<(), Failure> {
    if let Some(CostCommand::Estimate(options)) = command {
        return show_estimate(global, options);
    }
    let settings = global.settings()?;
    let connection = Connection::open(&settings, global.server.as_deref(), Types::Unused).await?;
    let answer = match command {
        Some(_) => connection.post("/v1/cost/release", &[], String::new()).await,
        None => connection.get("/v1/cost").await,
    };
    connection.close().await;
    let cost = answer?.success()?;
    global.output().show(&cost, &describe(&cost));
    Ok(())
}

fn describe(cost: &Value) -> String {
    let field = |name: &str| cost[name].as_str().unwrap_or("–");
    let mut text = format!(
        "{} so far\n  e-mails      {:>12}\n  spent        {:>12} USD\n  per e-mail   {:>12} USD\n  forecast     {:>12} USD\n  \
         budget       {:>12} USD\n  left of it   {:>12} USD\n",
        field("month"),
        cost["emails"],
        field("spentUsd"),
        field("perEmailUsd"),
        field("forecastUsd"),
        field("budgetUsd"),
        field("budgetLeftUsd"),
    );
    match cost["countedUntil"].as_str() {
        Some(until) => text.push_str(&format!("counted from {} until {until}\n", field("since"))),
        None => text.push_str("nobody has counted yet: only what SES sends is counted, once an hour\n"),
    }
    if let (Some(since), Some(until)) = (cost["hold"]["since"].as_str(), cost["hold"]["until"].as_str()) {
        text.push_str(&format!(
            "ON HOLD since {since}, until {until}: nothing is sent. Raise the budget, or say `postrider cost release`\n"
        ));
    }
    if let Some(released) = cost["releasedAt"].as_str() {
        text.push_str(&format!("released {released}: this month's mail goes out whatever it costs\n"));
    }
    text
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
